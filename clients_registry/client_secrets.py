"""Secrets of clients and resources: made by us, 256 bits, shown once, kept as a SHA-256 digest (protocol.md, client secrets).

A plain digest is enough for 256 random bits; a slow hash would only slow the token endpoint.
"""

import hashlib
import hmac
import secrets
from typing import Protocol, TypeVar

from clients_registry.errors import WrongSecret

_BYTES = 32
_NO_DIGEST = "0" * 64
"""Compared against where a client has no secret, so that its absence takes as long as a wrong one."""


class HoldsSecret(Protocol):
    """`Client` and `Resource` are such."""

    @property
    def secret_digest(self) -> str | None: ...


H = TypeVar("H", bound=HoldsSecret)


def new_secret() -> str:
    """43 characters of base64url: they need no escaping in HTTP Basic (RFC 6749 §2.3.1)."""
    return secrets.token_urlsafe(_BYTES)


def secret_digest(secret: str) -> str:
    """How a secret is kept."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def verify_secret(holder: H, presented: str) -> H:
    """The client or resource, proven by its secret; compared in constant time (S-104).

    Raises:
        WrongSecret: it is not this one's, or this one has none.
    """
    kept = holder.secret_digest or _NO_DIGEST
    matches = hmac.compare_digest(kept, secret_digest(presented))
    if not matches or holder.secret_digest is None:
        raise WrongSecret("the secret does not match")
    return holder
