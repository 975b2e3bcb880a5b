"""Assertions with which somebody proves who they are (RFC 7523 §3; FAPI 2.0 §5.3.2.1): a JWT about oneself, meant for us, once.

Clients and resource servers send the same; whose key it must be signed by, and by which rules, the caller says.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from clients_registry.client_keys import FindsKeys
from clients_registry.errors import UnknownKey
from clients_registry.profiles import EVERY_ALGORITHM, Profile
from idp.errors import InvalidClient
from idp.protocol.jws import JwtRefused
from idp.protocol.jwt import UnverifiedJwt, VerifiedJwt, check_times, parse_jwt, verify_jwt
from idp.protocol.policy import ProtocolPolicy

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_TYPES = frozenset({None, "jwt", "client-authentication+jwt"})
_SEEN_KIND = "client-assertion"
_MAX_JTI = 256


class Seen(Protocol):
    """See idp.storage.ports.Seen."""

    def first_time(self, kind: str, key: str, *, issued_at: datetime, until: datetime) -> bool: ...


@dataclass(frozen=True, slots=True)
class Asserter:
    """Who asserts, as registered."""

    name: str
    """The `client_id`, or a resource's id: `iss` and `sub`."""
    keys: FindsKeys
    algorithms: tuple[str, ...]
    rules: Profile


def parse_assertion(parameters: Mapping[str, str]) -> UnverifiedJwt:
    """What a request presents (RFC 7523 §2.2, §3 (2), (3)): `iss` and `sub` both name the one who asserts.

    Raises: InvalidClient.
    """
    if parameters.get("client_assertion_type") != ASSERTION_TYPE:
        raise InvalidClient("The client_assertion_type must be the one of RFC 7523.")
    try:
        token = parse_jwt(parameters.get("client_assertion", ""), algorithms=EVERY_ALGORITHM, types=_TYPES)
        if token.text("iss") != token.text("sub"):
            raise JwtRefused("iss and sub differ")
    except JwtRefused as refusal:
        raise InvalidClient(f"The client assertion was refused: {refusal}.") from None
    return token


def verify_assertion(
    presented: UnverifiedJwt, who: Asserter, *, seen: Seen, policy: ProtocolPolicy, now: datetime
) -> None:
    """Signed by one of these keys, for us, in time, for the first time.

    Raises: InvalidClient.
    """
    try:
        if presented.jws.alg not in who.algorithms:
            raise JwtRefused("an algorithm that the client is not registered for")
        assertion = verify_jwt(presented, who.keys.find(presented.jws.alg, presented.jws.kid))
        expires_at, issued_at = _check_terms(assertion, who.rules, policy, now)
        jti = assertion.text("jti")
        if len(jti) > _MAX_JTI:
            raise JwtRefused("the jti is too long")
    except (JwtRefused, UnknownKey) as refusal:
        raise InvalidClient(f"The client assertion was refused: {refusal}.") from None
    # RFC 7523 §3 (7). Kept beyond the moment at which `exp` refuses it by itself (S-099).
    until = expires_at + policy.skew
    if not seen.first_time(_SEEN_KIND, f"{who.name} {jti}", issued_at=issued_at, until=until):
        raise InvalidClient(
            "The client assertion was used before, or is older than our memory of used ones; make a new one for each request."
        )


def _check_terms(
    assertion: VerifiedJwt, rules: Profile, policy: ProtocolPolicy, now: datetime
) -> tuple[datetime, datetime]:
    """Audience and times; returns `exp` and the time of issue. Raises: JwtRefused."""
    _check_audience(
        assertion.claims.get("aud"), policy, may_be_endpoint=rules.assertion_audience_may_be_endpoint
    )
    lifetime = rules.assertion_lifetime
    expires_at = check_times(assertion, now=now, skew=policy.skew, at_most_ahead=lifetime)
    issued_at = assertion.time_if_present("iat")
    if issued_at is None:
        if rules.assertion_needs_issued_at:
            raise JwtRefused("iat is missing")
        # The earliest it can have been made: after a restart of the memory of `jti` it is refused until that memory
        # is older than any such assertion (S-328).
        issued_at = expires_at - lifetime - policy.skew
    return expires_at, issued_at


def _check_audience(audience: object, policy: ProtocolPolicy, *, may_be_endpoint: bool) -> None:
    """FAPI 2.0 §5.3.2.1: the issuer as one string, so that another server cannot have it made for us (S-096)."""
    accepted = [policy.issuer]
    if may_be_endpoint:
        accepted += [policy.token_endpoint, policy.mtls_alias(policy.token_endpoint)]
        if isinstance(audience, list) and len(audience) == 1:
            audience = audience[0]
    if not isinstance(audience, str) or audience not in accepted:
        raise JwtRefused("aud must be the issuer identifier of this provider, as a string")
