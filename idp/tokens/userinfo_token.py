"""Userinfo as a signed JWT (OpenID Connect Core §5.3.2), for clients that registered for it.

Its `typ` is its own, so that it can never pass for an ID token (RFC 8725 §3.11).
"""

from collections.abc import Mapping
from datetime import datetime

from idp.protocol.policy import ProtocolPolicy
from keys.key_ring import KeyRing
from keys.own_tokens import issue_token

TYP = "userinfo+jwt"


def sign(
    key_ring: KeyRing,
    policy: ProtocolPolicy,
    client_id: str,
    algorithm: str,
    members: Mapping[str, object],
    *,
    now: datetime,
) -> str:
    """The claims as a JWT for this client alone."""
    payload = {**members, "iss": policy.issuer, "aud": client_id, "iat": int(now.timestamp())}
    return issue_token(key_ring, algorithm, TYP, payload)
