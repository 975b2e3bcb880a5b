"""The only maker of random identifiers and secrets."""

import hashlib
import secrets

_REFERENCE_LETTERS = "23456789ACDEFGHJKMNPQRTVWXYZ"
"""Without the look-alikes 0 O 1 I L U B S, since people read references aloud."""

_PAIRS = [first + second for first in _REFERENCE_LETTERS for second in _REFERENCE_LETTERS]
_REFERENCE_BITS = 64
"""More than eight letters hold, so that each letter is as likely as any other to one in 16 million."""


def new_secret() -> str:
    """256 bits as 43 base64url characters: codes, request URIs, cookies, identifiers (protocol.md, random values)."""
    return secrets.token_urlsafe(32)


def new_id() -> str:
    """128 bits as 22 base64url characters: identifiers that are not secrets (citizens, grants)."""
    return secrets.token_urlsafe(16)


def new_reference() -> str:
    """A reference number such as `7F3K-2QXA`: shown to a person, found in the log."""
    number, many = secrets.randbits(_REFERENCE_BITS), len(_PAIRS)
    number, first = divmod(number, many)
    number, second = divmod(number, many)
    number, third = divmod(number, many)
    return f"{_PAIRS[first]}{_PAIRS[second]}-{_PAIRS[third]}{_PAIRS[number % many]}"


def new_user_code(letters: str) -> str:
    """Eight of these letters: what a device shows and a person types (RFC 8628 §6.1)."""
    return "".join(secrets.choice(letters) for _ in range(8))


def new_number() -> int:
    """32 bits, for a choice that is no secret."""
    return secrets.randbits(32)


def digest(secret: str) -> str:
    """SHA-256 in hex: how a secret of 128 bits or more is kept. Not for passwords."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
