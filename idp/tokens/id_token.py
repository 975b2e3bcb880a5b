"""ID tokens (OpenID Connect Core §2, §3.1.3.6): who signed in, when and how strongly.

They hold no personal data but what the client asked to have there (§5.5): userinfo is the place for it, where each release
belongs to a grant that can be revoked.
"""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from idp.ids import new_token_id
from idp.protocol.policy import ProtocolPolicy
from idp.tokens.sign_in import SignIn

_HASHES = {"ES256": hashlib.sha256, "PS256": hashlib.sha256, "RS256": hashlib.sha256}


def id_token_claims(
    policy: ProtocolPolicy,
    sign_in: SignIn,
    *,
    subject: str,
    sid: str,
    access_token: str,
    algorithm: str,
    now: datetime,
    personal: Mapping[str, Any],
) -> dict[str, Any]:
    """The claims of the ID token that goes with `access_token`."""
    issued_at = int(now.timestamp())
    claims: dict[str, Any] = {
        **personal,
        "iss": policy.issuer,
        "sub": subject,
        "aud": sign_in.client_id,
        "iat": issued_at,
        "exp": issued_at + int(policy.id_token_lifetime.total_seconds()),
        "jti": new_token_id(),
        "auth_time": int(sign_in.authenticated_at.timestamp()),
        "acr": sign_in.acr,
        "amr": list(sign_in.amr),
        "sid": sid,
        "at_hash": half_hash(access_token, algorithm),
    }
    if sign_in.authenticator_age_seconds is not None:
        claims["authenticator_age"] = sign_in.authenticator_age_seconds
    if sign_in.nonce is not None:
        claims["nonce"] = sign_in.nonce
    return claims


def half_hash(value: str, algorithm: str) -> str:
    """OpenID Connect Core §3.1.3.6: the left half of a hash by the algorithm that signs the ID token.

    Ed25519 signs with SHA-512 inside, which is what certified libraries take here. An algorithm we do not know is a
    KeyError: this never falls back to a guess (S-174).
    """
    make = hashlib.sha512 if algorithm in ("EdDSA", "Ed25519") else _HASHES[algorithm]
    digest = make(value.encode("ascii")).digest()
    return urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode("ascii")
