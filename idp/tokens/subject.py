"""Names that our one secret makes: pairwise subjects (OpenID Connect Core §8.1), the client's own `sid`, marks for ourselves.

The subject is made with the client's sector, which here is its organisation and not the host of its redirect URI: a
documented departure, so that a service may move without losing its users. The secret is never rotated and is part of
every backup. Subjects hold a full stop, which no client identifier does, so the two never meet (RFC 9700 §4.15.1).
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from typing import Protocol

_MARK_LETTERS = 22
"""More than 128 bits."""


class Sectored(Protocol):
    """The part of a client that decides its citizens' subjects."""

    @property
    def sector(self) -> str: ...


class Subjects:
    """Makes the names by which clients know citizens and their sessions."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < 32:
            raise ValueError("the subject secret needs 32 bytes")
        # One key for each use, so that a subject is never equal to a sid.
        self._subject_key = hmac.digest(secret, b"adgang pairwise subject 1", hashlib.sha256)
        self._sid_key = hmac.digest(secret, b"adgang client sid 1", hashlib.sha256)
        self._mark_key = hmac.digest(secret, b"adgang token chain mark 1", hashlib.sha256)

    def for_client(self, client: Sectored, citizen_id: str) -> str:
        """The `sub` of a citizen for every client of this sector, and for no other."""
        return self.for_sector(client.sector, citizen_id)

    def for_sector(self, sector: str, citizen_id: str) -> str:
        """The same for an API, whose sector is its organisation."""
        return "c." + _name(self._subject_key, sector, citizen_id)

    def sid_for(self, client_id: str, session_id: str) -> str:
        """The `sid` of a browser session for this client alone: two clients cannot compare theirs."""
        return _name(self._sid_key, client_id, session_id)

    def mark_of(self, api: str, word: str = "") -> str:
        """What stands for an API, or for a scope there, in a token that others read (idp.tokens.token_chain)."""
        return _name(self._mark_key, api, word)[:_MARK_LETTERS]


def _name(key: bytes, audience: str, inner: str) -> str:
    first, second = audience.encode(), inner.encode()
    # The length keeps ("ab", "c") and ("a", "bc") apart.
    message = len(first).to_bytes(4, "big") + first + second
    return urlsafe_b64encode(hmac.digest(key, message, hashlib.sha256)).rstrip(b"=").decode("ascii")
