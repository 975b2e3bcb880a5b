"""Request objects as a client signs them (RFC 9101), with joserfc."""

import secrets
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

from tests.support.relying_party import RelyingParty

TYP = "oauth-authz-req+jwt"


def claims_of_request(party: RelyingParty, parameters: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """What a good request object says; `changes` replace members, and a None removes one."""
    now = int(party.deployment.clock().timestamp())
    claims = {
        "iss": party.client.client_id,
        "aud": party.deployment.issuer,
        "nbf": now,
        "iat": now,
        "exp": now + 300,
        "jti": secrets.token_urlsafe(16),
        **parameters,
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def request_object(
    party: RelyingParty,
    parameters: dict[str, Any],
    *,
    header: dict[str, Any] | None = None,
    key: Any = None,
    **changes: Any,
) -> str:
    """A signed request object; `header` replaces members of the header, and a None removes one."""
    key = key or party.client.key
    assert key is not None, "this client has no key"
    made: dict[str, Any] = {"alg": "ES256", "typ": TYP}
    if isinstance(key, ECKey):
        made["kid"] = key.thumbprint()
    made |= header or {}
    kept = {name: value for name, value in made.items() if value is not None}
    claims = claims_of_request(party, parameters, **changes)
    return jwt.encode(kept, claims, key, algorithms=[kept["alg"]])
