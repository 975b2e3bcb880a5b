"""Access tokens: JWTs of RFC 9068, typed `at+jwt`, with the grant they belong to in the private claim `grant_id`.

Without a `resource` (RFC 8707) the audience is the issuer: such a token opens userinfo. It holds no personal data.
A token that is bound to a key or a certificate says so in `cnf` (RFC 7800).
Signatures are keys.own_tokens'; whether the grant still lives is the endpoint's question to the grants.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from idp.errors import InvalidToken
from idp.ids import new_token_id
from idp.protocol.confirmation import Confirmation, parse_cnf
from idp.protocol.policy import ProtocolPolicy
from idp.protocol.resource_indicators import Target
from idp.records import Grant
from idp.tokens.sign_in import SignIn

TYP = "at+jwt"
ALGORITHM = "ES256"
"""Where the resource registered no algorithm of its own."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An access token of ours that was verified."""

    token_id: str
    """The `jti`."""
    grant_id: str | None
    """None where no citizen stands behind it."""
    client_id: str
    subject: str
    audience: str
    scope: tuple[str, ...]
    issued_at: datetime
    expires_at: datetime
    confirmation: Confirmation | None = None
    """What whoever presents it must prove to hold; None for a bearer token."""
    acr: str | None = None
    """Of the sign-in behind it; None where no citizen is."""
    authenticated_at: datetime | None = None


def machine_token_claims(
    policy: ProtocolPolicy,
    target: Target,
    *,
    client_id: str,
    now: datetime,
    confirmation: Confirmation | None,
) -> dict[str, Any]:
    """RFC 9068 §2.2 where no citizen is: the subject is the client, and never looks like a citizen's (S-140)."""
    issued_at = int(now.timestamp())
    claims: dict[str, Any] = {
        "iss": policy.issuer,
        "sub": client_id,
        "aud": target.audience,
        "client_id": client_id,
        "iat": issued_at,
        "exp": issued_at + int(_longest(policy, target, now).total_seconds()),
        "jti": new_token_id(),
        "scope": " ".join(target.scope),
    }
    return claims if confirmation is None else claims | {"cnf": confirmation.as_claim()}


def algorithm_for(target: Target | None) -> str:
    """By which a token for this API is signed; None: for ourselves."""
    return ALGORITHM if target is None else target.algorithm


def lifetime_seconds(
    policy: ProtocolPolicy, grant: Grant, now: datetime, target: Target | None = None
) -> int:
    """No token lives longer than its grant, nor than its API wants or what was granted there lasts."""
    longest = policy.access_token_lifetime if target is None else _longest(policy, target, now)
    return int(min(longest, grant.expires_at - now).total_seconds())


def _longest(policy: ProtocolPolicy, target: Target, now: datetime) -> timedelta:
    lifetime = policy.access_token_lifetime
    return min(lifetime, target.longest or lifetime, target.ends_at - now)


def access_token_claims(
    policy: ProtocolPolicy,
    grant: Grant,
    sign_in: SignIn,
    *,
    subject: str,
    now: datetime,
    target: Target | None = None,
    confirmation: Confirmation | None = None,
) -> dict[str, Any]:
    """For us, or for an API. RFC 9068 §2.2; the level and time of authentication let a resource server ask for more (RFC 9470)."""
    issued_at = int(now.timestamp())
    claims: dict[str, Any] = {
        "iss": policy.issuer,
        "sub": subject,
        "aud": policy.issuer if target is None else target.audience,
        "client_id": grant.client_id,
        "iat": issued_at,
        "exp": issued_at + lifetime_seconds(policy, grant, now, target),
        "jti": new_token_id(),
        "scope": " ".join(grant.scope if target is None else target.scope),
        "auth_time": int(sign_in.authenticated_at.timestamp()),
        "acr": sign_in.acr,
        "grant_id": grant.grant_id,
    }
    if grant.authorization_details:  # RFC 9396 §9.1
        claims["authorization_details"] = list(grant.authorization_details)
    return claims if confirmation is None else claims | {"cnf": confirmation.as_claim()}


def check_access_token(claims: dict[str, Any], *, policy: ProtocolPolicy, now: datetime) -> AccessToken:
    """Take the claims of a token for our own endpoints, whose signature and `typ` were verified (RFC 9068 §4).

    Raises: InvalidToken.
    """
    token = read_access_token(claims, policy=policy, now=now)
    if token.audience != policy.issuer:
        raise InvalidToken("The access token is not meant for this endpoint.")
    return token


def read_access_token(claims: dict[str, Any], *, policy: ProtocolPolicy, now: datetime) -> AccessToken:
    """The same for a token that may be meant for anybody.

    Raises: InvalidToken.
    """
    if claims.get("iss") != policy.issuer:
        raise InvalidToken("The access token was not issued here.")
    expires_at = claims.get("exp")
    # Our own clock wrote it, so there is no skew to forgive.
    if not isinstance(expires_at, int) or now.timestamp() >= expires_at:
        raise InvalidToken("The access token has expired.")
    return AccessToken(
        token_id=str(claims["jti"]),
        grant_id=claims.get("grant_id"),
        client_id=str(claims["client_id"]),
        subject=str(claims["sub"]),
        audience=str(claims["aud"]),
        scope=tuple(str(claims["scope"]).split()),
        issued_at=datetime.fromtimestamp(int(claims["iat"]), UTC),
        expires_at=datetime.fromtimestamp(expires_at, UTC),
        confirmation=parse_cnf(claims["cnf"]) if "cnf" in claims else None,
        acr=claims.get("acr"),
        authenticated_at=_time(claims.get("auth_time")),
    )


def _time(value: int | None) -> datetime | None:
    return None if value is None else datetime.fromtimestamp(value, UTC)
