"""Client authentication (RFC 6749 §2.3, RFC 7523, OpenID Connect Core §9): one method, the registered one, verified.

`private_key_jwt` and certificates (tls_client_auth) for all; `client_secret_basic`, `client_secret_post` and `none` only
where the registry let a client have them. What decides is what was verified, never what was sent beside it (S-101).
Failures are counted by client and by address and answered with 429 beyond a limit; a right credential is never refused
for the failures of others (S-111).

    parse what was presented ─▶ find the client ─▶ its method? ─▶ verify ─▶ `jti` for the first time ─▶ client
"""

import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import unquote_plus

from clients_registry.client_secrets import verify_secret
from clients_registry.errors import WrongSecret
from clients_registry.profiles import EVERY_ALGORITHM, methods_offered
from clients_registry.registry import RegisteredClient, Registry
from idp.errors import InvalidClient, InvalidRequest
from idp.protocol.assertion import Asserter, Seen, parse_assertion, verify_assertion
from idp.protocol.auth_failures import Rates, count_failure
from idp.protocol.client_certificate import ClientCertificate
from idp.protocol.jwt import UnverifiedJwt
from idp.protocol.policy import ProtocolPolicy
from idp.protocol.tls_client_auth import ClientAuthorities, verify_certificate


def metadata(policy: ProtocolPolicy) -> Mapping[str, object]:
    """Lines of discovery."""
    methods = methods_offered(
        mutual_tls=policy.offers_mutual_tls, client_authorities=policy.client_authorities
    )
    return {
        "token_endpoint_auth_methods_supported": list(methods),
        "token_endpoint_auth_signing_alg_values_supported": list(EVERY_ALGORITHM),
    }


@dataclass(frozen=True, slots=True)
class Presented:
    """What a request presented to authenticate its client. Nothing of it is verified."""

    method: str
    client_id: str
    secret: str = field(default="", repr=False)
    assertion: UnverifiedJwt | None = None


@dataclass(frozen=True, slots=True)
class ClientAuthentication:
    """Authenticates clients for every endpoint that needs it."""

    registry: Registry
    seen: Seen
    rates: Rates
    policy: ProtocolPolicy
    authorities: ClientAuthorities

    def authenticate(
        self,
        parameters: Mapping[str, str],
        authorization: str | None,
        certificate: ClientCertificate | None,
        *,
        address: str,
        now: datetime,
    ) -> RegisteredClient:
        """The client that has proven who it is. A `certificate` counts only for who is registered for one.

        Raises: InvalidClient, InvalidRequest, TooManyRequests.
        """
        known: RegisteredClient | None = None
        try:
            presented = parse_presented(parameters, authorization)
            known = self.registry.find_client(presented.client_id)
            if known is None:
                raise InvalidClient("There is no client with this client_id.")
            self._verify(known, presented, certificate, now)
        except InvalidClient:
            self._count_failure(known, address)
            raise
        return known

    def _verify(
        self,
        known: RegisteredClient,
        presented: Presented,
        certificate: ClientCertificate | None,
        now: datetime,
    ) -> None:
        client = known.client
        if client.uses_certificate and presented.method == "none":
            # RFC 8705 §2: the client_id is all that the request itself says.
            verify_certificate(known, certificate, self.authorities, now)
        elif presented.method != client.token_endpoint_auth_method:
            raise InvalidClient("The client did not authenticate with the method it is registered for.")
        elif presented.assertion is not None:
            self._verify_assertion(known, presented.assertion, now)
        elif client.uses_secret:
            try:
                verify_secret(client, presented.secret)
            except WrongSecret:
                raise InvalidClient("The client secret is wrong.") from None
        # Last, so that only the client itself learns that it is disabled.
        if known.disabled:
            raise InvalidClient("The client is disabled.")

    def _verify_assertion(self, known: RegisteredClient, presented: UnverifiedJwt, now: datetime) -> None:
        client = known.client
        who = Asserter(client.client_id, known.keys, client.assertion_algorithms, client.rules)
        verify_assertion(presented, who, seen=self.seen, policy=self.policy, now=now)

    def _count_failure(self, known: RegisteredClient | None, address: str) -> None:
        name = None if known is None else known.client.client_id
        count_failure(self.rates, self.policy, name=name, address=address)


def parse_presented(parameters: Mapping[str, str], authorization: str | None) -> Presented:
    """What the request presents, by exactly one method (RFC 6749 §2.3).

    Raises: InvalidClient; InvalidRequest for more than one method.
    """
    assertion = "client_assertion" in parameters or "client_assertion_type" in parameters
    if (authorization is not None) + ("client_secret" in parameters) + assertion > 1:
        raise InvalidRequest("The request authenticates the client by more than one method.")
    if authorization is not None:
        presented = _parse_basic(authorization)
    elif assertion:
        token = parse_assertion(parameters)
        presented = Presented("private_key_jwt", token.text("sub"), assertion=token)
    else:
        client_id = parameters.get("client_id")
        if client_id is None:
            raise InvalidClient("The request does not authenticate the client.")
        secret = parameters.get("client_secret")
        presented = Presented("none" if secret is None else "client_secret_post", client_id, secret or "")
    if parameters.get("client_id", presented.client_id) != presented.client_id:
        raise InvalidClient("The client_id is not the one that authenticates.")
    return presented


def _parse_basic(authorization: str) -> Presented:
    """RFC 6749 §2.3.1: both halves are form-encoded, then joined and encoded in base64."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise InvalidClient("The Authorization header has a scheme that does not authenticate a client.")
    try:
        pair = binascii.a2b_base64(credentials.strip(" "), strict_mode=True).decode("utf-8")
        client_id, colon, secret = pair.partition(":")
        if "%" in pair or "+" in pair:
            client_id, secret = (unquote_plus(half, errors="strict") for half in (client_id, secret))
    except (binascii.Error, ValueError):
        raise InvalidClient("The Authorization header is not well-formed.") from None
    if not colon or not client_id or not secret or "\0" in client_id + secret:
        raise InvalidClient("The Authorization header is not well-formed.")
    return Presented("client_secret_basic", client_id, secret)
