"""The front door for foreign JWTs (RFC 7519, RFC 8725): client assertions, and whatever else a client signs.

The payload is parsed strictly before anything is looked up by it, and claims count only in a `VerifiedJwt`, which
`verify_jwt` alone makes. Which claims must be there, and what they must say, is the caller's rule; the readers below
fail on absence, so that a missing claim is never a passed check (S-172). Our own tokens do not come this way: see
keys.own_tokens.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from joserfc.jwk import Key

from clients_registry.errors import MalformedJson
from clients_registry.strict_json import parse_object
from idp.protocol.jws import HEADER_MEMBERS, JwtRefused, UnverifiedJws, parse_jws, verify_jws

_LATEST = 4_102_444_800
"""The year 2100: NumericDates beyond it are refused, so that no arithmetic on them can overflow."""
_MAX_TEXT = 1_024


@dataclass(frozen=True, slots=True)
class UnverifiedJwt:
    """A well-formed token. Its claims may be used to find a key, and for nothing else."""

    jws: UnverifiedJws
    claims: Mapping[str, Any] = field(repr=False)

    def text(self, name: str) -> str:
        """A claim that must be a short string. Raises: JwtRefused."""
        return _text(self.claims, name)


@dataclass(frozen=True, slots=True)
class VerifiedJwt:
    """A token whose signature was verified."""

    alg: str
    typ: str | None
    claims: Mapping[str, Any] = field(repr=False)

    def text(self, name: str) -> str:
        """A claim that must be a short string. Raises: JwtRefused."""
        return _text(self.claims, name)

    def time(self, name: str) -> datetime:
        """A claim that must be a NumericDate. Raises: JwtRefused."""
        if name not in self.claims:
            raise JwtRefused("a time is missing")
        value = self.claims[name]
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < _LATEST:
            raise JwtRefused("a time is not a whole number of seconds in this century")
        return datetime.fromtimestamp(value, tz=UTC)

    def time_if_present(self, name: str) -> datetime | None:
        """As `time`, or None where the claim is absent. Raises: JwtRefused."""
        return self.time(name) if name in self.claims else None


def parse_jwt(
    token: str,
    *,
    algorithms: Collection[str],
    types: Collection[str | None],
    header_members: Collection[str] = HEADER_MEMBERS,
) -> UnverifiedJwt:
    """Take a token apart; `types` are the `typ` values it may have, in lower case, None for none at all.

    Raises: JwtRefused, and nothing else whatever the text is.
    """
    jws = parse_jws(token, algorithms=algorithms, header_members=header_members)
    # RFC 7515 §4.1.9: media types compare without case, and "application/" may be left out.
    typ = None if jws.typ is None else jws.typ.lower().removeprefix("application/")
    if typ not in types:
        raise JwtRefused("a token of another type")
    try:
        return UnverifiedJwt(jws, parse_object(jws.payload))
    except MalformedJson as fault:
        raise JwtRefused("the payload is not one clean JSON object") from fault


def verify_jwt(token: UnverifiedJwt, key: Key) -> VerifiedJwt:
    """The token, once its signature by `key` has been verified.

    Raises: JwtRefused.
    """
    verify_jws(token.jws, key)
    return VerifiedJwt(token.jws.alg, token.jws.typ, token.claims)


def check_times(token: VerifiedJwt, *, now: datetime, skew: timedelta, at_most_ahead: timedelta) -> datetime:
    """Check `exp`, and `nbf` and `iat` where present; returns `exp`.

    FAPI 2.0 §5.3.2.1: `iat` and `nbf` may lie a little ahead. An end that has passed has passed: the skew forgives a
    clock that is ahead of ours, not a token that is late.

    Raises: JwtRefused.
    """
    expires_at = token.time("exp")
    if expires_at <= now:
        raise JwtRefused("it has expired")
    if expires_at > now + at_most_ahead + skew:
        raise JwtRefused("it is valid for too long")
    check_begun(token, now=now, skew=skew)
    return expires_at


def check_begun(token: VerifiedJwt, *, now: datetime, skew: timedelta) -> None:
    """Check `nbf` and `iat` where present. Raises: JwtRefused."""
    for name in ("nbf", "iat"):
        moment = token.time_if_present(name)
        if moment is not None and moment > now + skew:
            raise JwtRefused("it is not valid yet")


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_TEXT:
        raise JwtRefused("a claim is missing or not a short string")
    return value
