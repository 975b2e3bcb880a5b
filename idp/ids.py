"""The only maker of random identifiers and secrets."""

import base64
import hashlib
import os
import secrets
from collections import deque

_REFERENCE_LETTERS = "23456789ACDEFGHJKMNPQRTVWXYZ"
"""Without the look-alikes 0 O 1 I L U B S, since people read references aloud."""

_PAIRS = [first + second for first in _REFERENCE_LETTERS for second in _REFERENCE_LETTERS]
_REFERENCE_BYTES = 8
"""More than eight letters hold, so that each letter is as likely as any other to one in 16 million."""

_AT_ONCE, _EACH = 4096, 16
_unused: deque[bytes] = deque()
"""Bytes of the system's generator that nobody has had yet. Never those of the process that this one was forked from."""
os.register_at_fork(after_in_child=_unused.clear)


def _random_bytes() -> bytes:
    """16 bytes of the system's generator, each given once, for what is no secret.

    Fetched by the page: a call to the system hands the interpreter to another thread, which costs a busy worker more
    than all of the bytes.
    """
    try:
        return _unused.pop()
    except IndexError:
        page = os.urandom(_AT_ONCE)
        first, *others = (page[start : start + _EACH] for start in range(0, _AT_ONCE, _EACH))
        _unused.extend(others)
        return first


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")


def new_secret() -> str:
    """256 bits as 43 base64url characters: codes, request URIs, cookies, identifiers (protocol.md, random values).

    From the system itself: what waits in a process would be the same in two copies of a running machine.
    """
    return secrets.token_urlsafe(32)


def new_id() -> str:
    """128 bits as 22 base64url characters: identifiers that are not secrets (citizens, grants)."""
    return _base64url(_random_bytes())


def new_token_id() -> str:
    """256 bits as 43 base64url characters that are no secret: the `jti` of a token."""
    return _base64url(_random_bytes() + _random_bytes())


def new_reference() -> str:
    """A reference number such as `7F3K-2QXA`: shown to a person, found in the log."""
    number, many = int.from_bytes(_random_bytes()[:_REFERENCE_BYTES]), len(_PAIRS)
    number, first = divmod(number, many)
    number, second = divmod(number, many)
    number, third = divmod(number, many)
    return f"{_PAIRS[first]}{_PAIRS[second]}-{_PAIRS[third]}{_PAIRS[number % many]}"


def new_user_code(letters: str) -> str:
    """Eight of these letters: what a device shows and a person types (RFC 8628 §6.1)."""
    return "".join(secrets.choice(letters) for _ in range(8))


def new_number() -> int:
    """32 bits, for a choice that is no secret."""
    return int.from_bytes(_random_bytes()[:4])


def digest(secret: str) -> str:
    """SHA-256 in hex: how a secret of 128 bits or more is kept. Not for passwords."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
