"""Client authentication (RFC 6749 §2.3, RFC 7523, OpenID Connect Core §9): one method, the registered one, verified.

`private_key_jwt` for all; `client_secret_basic`, `client_secret_post` and `none` only where the registry let a client
have them. What decides is what was verified, never what was sent beside it (S-101). Failures are counted by client and
by address and answered with 429 beyond a limit; a right credential is never refused for the failures of others (S-111).
Mutual TLS is not here yet.

    parse what was presented ─▶ find the client ─▶ its method? ─▶ verify ─▶ `jti` for the first time ─▶ client
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Protocol
from urllib.parse import unquote_plus

from clients_registry.client import Client
from clients_registry.client_secrets import verify_secret
from clients_registry.errors import UnknownKey, WrongSecret
from clients_registry.profiles import EVERY_ALGORITHM, OIDC
from clients_registry.registry import RegisteredClient, Registry
from idp.errors import InvalidClient, InvalidRequest, TooManyRequests
from idp.protocol.jws import JwtRefused
from idp.protocol.jwt import UnverifiedJwt, VerifiedJwt, check_times, parse_jwt, verify_jwt
from idp.protocol.policy import ProtocolPolicy

METADATA: Mapping[str, object] = MappingProxyType(
    {
        "token_endpoint_auth_methods_supported": list(OIDC.token_endpoint_auth_methods),
        "token_endpoint_auth_signing_alg_values_supported": list(EVERY_ALGORITHM),
    }
)

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_TYPES = frozenset({None, "jwt", "client-authentication+jwt"})
_SEEN_KIND = "client-assertion"
_MAX_JTI = 256


class Seen(Protocol):
    """See idp.storage.ports.Seen."""

    def first_time(self, kind: str, key: str, *, issued_at: datetime, until: datetime) -> bool: ...


class Rates(Protocol):
    """See idp.storage.ports.Rates."""

    def count(self, kind: str, key: str, window: timedelta) -> int: ...


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

    def authenticate(
        self, parameters: Mapping[str, str], authorization: str | None, *, address: str, now: datetime
    ) -> RegisteredClient:
        """The client that has proven who it is.

        Raises: InvalidClient, InvalidRequest, TooManyRequests.
        """
        known: RegisteredClient | None = None
        try:
            presented = parse_presented(parameters, authorization)
            known = self.registry.find_client(presented.client_id)
            if known is None:
                raise InvalidClient("There is no client with this client_id.")
            self._verify(known, presented, now)
        except InvalidClient:
            self._count_failure(known, address)
            raise
        return known

    def _verify(self, known: RegisteredClient, presented: Presented, now: datetime) -> None:
        client = known.client
        if presented.method != client.token_endpoint_auth_method:
            raise InvalidClient("The client did not authenticate with the method it is registered for.")
        if presented.assertion is not None:
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
        try:
            if presented.jws.alg not in client.assertion_algorithms:
                raise JwtRefused("an algorithm that the client is not registered for")
            assertion = verify_jwt(presented, known.keys.find(presented.jws.alg, presented.jws.kid))
            expires_at, issued_at = _check_assertion(client, assertion, self.policy, now)
            jti = assertion.text("jti")
            if len(jti) > _MAX_JTI:
                raise JwtRefused("the jti is too long")
        except (JwtRefused, UnknownKey) as refusal:
            raise InvalidClient(f"The client assertion was refused: {refusal}.") from None
        # RFC 7523 §3 (7). Kept beyond the moment at which `exp` refuses it by itself (S-099).
        until = expires_at + self.policy.skew
        key = f"{client.client_id} {jti}"
        if not self.seen.first_time(_SEEN_KIND, key, issued_at=issued_at, until=until):
            raise InvalidClient(
                "The client assertion was used before, or is older than our memory of used ones; make a new one for each request."
            )

    def _count_failure(self, known: RegisteredClient | None, address: str) -> None:
        window, limit = self.policy.failure_window, self.policy.client_failures_per_window
        counts = [self.rates.count("client-auth-address", address, window)]
        if known is not None:  # an invented name gets no counter of its own
            counts.append(self.rates.count("client-auth-client", known.client.client_id, window))
        if max(counts) > limit:
            raise TooManyRequests("Too many failed client authentications; wait a minute.")


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
        presented = _parse_assertion(parameters)
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
        pair = base64.b64decode(credentials.strip(" "), validate=True).decode("utf-8")
        client_id, colon, secret = pair.partition(":")
        client_id, secret = (unquote_plus(half, errors="strict") for half in (client_id, secret))
    except (binascii.Error, ValueError):
        raise InvalidClient("The Authorization header is not well-formed.") from None
    if not colon or not client_id or not secret or "\0" in client_id + secret:
        raise InvalidClient("The Authorization header is not well-formed.")
    return Presented("client_secret_basic", client_id, secret)


def _parse_assertion(parameters: Mapping[str, str]) -> Presented:
    """RFC 7523 §3 (2), (3): `iss` and `sub` both name the client."""
    if parameters.get("client_assertion_type") != _ASSERTION_TYPE:
        raise InvalidClient("The client_assertion_type must be the one of RFC 7523.")
    try:
        token = parse_jwt(
            parameters.get("client_assertion", ""), algorithms=EVERY_ALGORITHM, types=_ASSERTION_TYPES
        )
        if token.text("iss") != token.text("sub"):
            raise JwtRefused("iss and sub differ")
        return Presented("private_key_jwt", token.text("sub"), assertion=token)
    except JwtRefused as refusal:
        raise InvalidClient(f"The client assertion was refused: {refusal}.") from None


def _check_assertion(
    client: Client, assertion: VerifiedJwt, policy: ProtocolPolicy, now: datetime
) -> tuple[datetime, datetime]:
    """Audience and times; returns `exp` and the time of issue. Raises: JwtRefused."""
    profile = client.rules
    _check_audience(
        assertion.claims.get("aud"), policy, may_be_endpoint=profile.assertion_audience_may_be_endpoint
    )
    lifetime = profile.assertion_lifetime
    expires_at = check_times(assertion, now=now, skew=policy.skew, at_most_ahead=lifetime)
    issued_at = assertion.time_if_present("iat")
    if issued_at is None:
        if profile.assertion_needs_issued_at:
            raise JwtRefused("iat is missing")
        # The earliest it can have been made: after a restart of the memory of `jti` it is refused until that memory
        # is older than any such assertion (S-328).
        issued_at = expires_at - lifetime - policy.skew
    return expires_at, issued_at


def _check_audience(audience: object, policy: ProtocolPolicy, *, may_be_endpoint: bool) -> None:
    """FAPI 2.0 §5.3.2.1: the issuer as one string, so that another server cannot have it made for us (S-096)."""
    accepted = [policy.issuer]
    if may_be_endpoint:
        accepted.append(policy.token_endpoint)
        if isinstance(audience, list) and len(audience) == 1:
            audience = audience[0]
    if not isinstance(audience, str) or audience not in accepted:
        raise JwtRefused("aud must be the issuer identifier of this provider, as a string")
