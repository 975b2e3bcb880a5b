"""Nonces for DPoP proofs (RFC 9449 §8, §9): made from a secret of the deployment, the time and the key; kept nowhere.

So every node takes what another gave (S-128), and a nonce is good for the key that it was given to and no other (S-127).
A nonce belongs to a window of five minutes and is taken until the next window ends; a node whose clock is a little ahead
gives those of the next window, which are taken too.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from datetime import datetime

WINDOW_SECONDS = 300
_BYTES = 18


class DpopNonces:
    """Gives nonces, and knows its own again."""

    def __init__(self, secret: bytes) -> None:
        self._key = hmac.digest(secret, b"adgang dpop nonce 1", hashlib.sha256)

    def give(self, jkt: str, now: datetime) -> str:
        """What the next proof by this key should carry."""
        return self._of(jkt, _window(now))

    def knows(self, nonce: str, jkt: str, now: datetime) -> bool:
        """Whether it was given to this key, in this window or in one beside it."""
        window = _window(now)
        given = [self._of(jkt, at).encode() for at in (window, window - 1, window + 1)]
        return any([hmac.compare_digest(nonce.encode(), each) for each in given])

    def _of(self, jkt: str, window: int) -> str:
        made = hmac.digest(self._key, f"{window} {jkt}".encode(), hashlib.sha256)
        return urlsafe_b64encode(made[:_BYTES]).decode("ascii")


def _window(now: datetime) -> int:
    return int(now.timestamp()) // WINDOW_SECONDS
