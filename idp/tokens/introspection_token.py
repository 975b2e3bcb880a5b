"""The answer of introspection as a signed JWT (RFC 9701 §5): what a token is, told to one resource server.

`aud` is the resource by both of its names: the address that tokens are meant for, and the `client_id` that it
authenticates with, which is the one that certified libraries look for. Its `typ` is its own and it has neither `sub` nor `exp`, so that it passes for no other token (RFC 9701 §8.1).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from idp.protocol.policy import ProtocolPolicy
from keys.key_ring import KeyRing
from keys.own_tokens import issue_token

TYP = "token-introspection+jwt"


def sign(
    key_ring: KeyRing,
    policy: ProtocolPolicy,
    audience: Sequence[str],
    algorithm: str,
    members: Mapping[str, object],
    *,
    now: datetime,
) -> str:
    """The members as a JWT for this resource alone."""
    payload = {
        "iss": policy.issuer,
        "aud": list(audience),
        "iat": int(now.timestamp()),
        "token_introspection": members,
    }
    return issue_token(key_ring, algorithm, TYP, payload)
