"""Request objects by value (RFC 9101; OpenID Connect Core §6.1; FAPI 2.0 Message Signing §5.3): signed by the client.

Where there is one, it is the whole request: what stands beside it is ignored and never merged (RFC 9101 §6.3), so that
nobody between the client and us can add to it. Taken through PAR and, where the client need not push, in the browser.
Not taken: unsigned ones, encrypted ones (encryption says nothing about who wrote it, S-057), and those by a foreign
`request_uri`, which is never fetched.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Protocol

from clients_registry.client import Client
from clients_registry.errors import UnknownKey
from clients_registry.profiles import EVERY_ALGORITHM
from clients_registry.registry import RegisteredClient
from idp.errors import InvalidRequest, InvalidRequestObject
from idp.protocol.jws import JwtRefused
from idp.protocol.jwt import VerifiedJwt, check_begun, check_times, parse_jwt, verify_jwt
from idp.protocol.policy import ProtocolPolicy

METADATA: Mapping[str, object] = MappingProxyType(
    {
        "request_parameter_supported": True,
        "request_uri_parameter_supported": False,
        "request_object_signing_alg_values_supported": list(EVERY_ALGORITHM),
        # RFC 9101 §10.5: true would say that every client must; those must who registered so.
        "require_signed_request_object": False,
    }
)

_TYPES = frozenset({None, "jwt", "oauth-authz-req+jwt"})
"""RFC 9101 §10.8. Libraries that set no type of their own write `JWT`; no other token of a client passes (below)."""
_ABOUT_THE_TOKEN = frozenset({"iss", "aud", "sub", "exp", "nbf", "iat", "jti"})
_SEEN_KIND = "request-object"
_MAX_JTI = 256


class Seen(Protocol):
    """See idp.storage.ports.Seen."""

    def first_time(self, kind: str, key: str, *, issued_at: datetime, until: datetime) -> bool: ...


@dataclass(frozen=True, slots=True)
class RequestObjects:
    """Opens request objects, for every endpoint that takes a request."""

    policy: ProtocolPolicy
    seen: Seen

    def stated(
        self, parameters: Mapping[str, str], registered: RegisteredClient, *, now: datetime, once: bool
    ) -> Mapping[str, str]:
        """The parameters that count: the request object's where there is one, else these.

        `once` refuses an object whose `jti` was seen before. A browser may come again with the same one (reload, back),
        a client that pushes has no reason to.

        Raises: InvalidRequest, InvalidRequestObject.
        """
        text, client = parameters.get("request"), registered.client
        if text is None:
            if client.require_signed_request_object:
                raise InvalidRequest(
                    "This client must send its requests as signed request objects (RFC 9101)."
                )
            return parameters
        try:
            verified = _verify(text, registered)
            _check_claims(verified, client, self.policy)
            _check_times(verified, client, self.policy, now)
            if once:
                self._check_first(verified, client, now)
            return _as_parameters(verified.claims)
        except (JwtRefused, UnknownKey) as refusal:
            raise InvalidRequestObject(f"The request object was refused: {refusal}.") from None

    def _check_first(self, verified: VerifiedJwt, client: Client, now: datetime) -> None:
        """RFC 9101 §10.2 (a), where it says which it is and when it ends."""
        if "jti" not in verified.claims or "exp" not in verified.claims:
            return
        jti = verified.text("jti")
        if len(jti) > _MAX_JTI:
            raise JwtRefused("the jti is too long")
        issued_at = verified.time_if_present("iat") or verified.time_if_present("nbf") or now
        until = verified.time("exp") + self.policy.skew
        if not self.seen.first_time(
            _SEEN_KIND, f"{client.client_id} {jti}", issued_at=issued_at, until=until
        ):
            raise JwtRefused("it was used before, make a new one for each request")


def _verify(text: str, registered: RegisteredClient) -> VerifiedJwt:
    token = parse_jwt(text, algorithms=registered.client.request_object_algorithms, types=_TYPES)
    return verify_jwt(token, registered.keys.find(token.jws.alg, token.jws.kid))


def _check_claims(verified: VerifiedJwt, client: Client, policy: ProtocolPolicy) -> None:
    """Whose it is, for whom, and that it is a request and nothing else (RFC 9101 §4, §5)."""
    claims = verified.claims
    audience = claims.get("aud")
    if policy.issuer not in (audience if isinstance(audience, list) else [audience]):
        raise JwtRefused("aud must be, or contain, the issuer identifier of this provider")
    if claims.get("client_id") != client.client_id or claims.get("iss", client.client_id) != client.client_id:
        raise JwtRefused("client_id is missing, or client_id or iss is not the client that sends it")
    if claims.get("sub") == client.client_id:
        # RFC 9101 §10.8: it would pass for a client assertion, or is one (S-063).
        raise JwtRefused("sub must not be the client")
    if claims.keys() & {"request", "request_uri"}:
        raise JwtRefused("it must not contain request or request_uri")


def _check_times(verified: VerifiedJwt, client: Client, policy: ProtocolPolicy, now: datetime) -> None:
    """FAPI 2.0 Message Signing §5.3.1: at most an hour from `nbf` to `exp`, and `nbf` at most an hour ago."""
    claims, lifetime = verified.claims, client.rules.request_object_lifetime
    if client.rules.request_object_needs_times and not {"exp", "nbf"} <= claims.keys():
        raise JwtRefused("exp or nbf is missing")
    check_begun(verified, now=now, skew=policy.skew)
    # Without an end it is as good as a plain request, which has none either.
    expires_at = None
    if "exp" in claims:
        expires_at = check_times(verified, now=now, skew=policy.skew, at_most_ahead=lifetime)
    begins_at = verified.time_if_present("nbf")
    if begins_at is not None and (expires_at or now) - begins_at > lifetime:
        raise JwtRefused("it is valid for too long, or its nbf is too long ago")


def _as_parameters(claims: Mapping[str, Any]) -> Mapping[str, str]:
    """Its members as the parameters of a plain request (RFC 9101 §4; OpenID Connect Core §6.1)."""
    texts = {name: _as_text(name, value) for name, value in claims.items() if name not in _ABOUT_THE_TOKEN}
    # RFC 6749 §3.1: a parameter without a value is treated as if it were not sent.
    return {name: text for name, text in texts.items() if text}


def _as_text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if name == "max_age" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if (name == "claims" and isinstance(value, Mapping)) or (
        name == "authorization_details" and isinstance(value, list)
    ):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    raise JwtRefused(
        "a parameter has the wrong JSON type, all but max_age, claims and authorization_details are strings"
    )
