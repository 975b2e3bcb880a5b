"""Recovery codes: ten, shown once, each good once (NIST SP 800-63B-4 §3.1.2, §4.2.1.1).

80 bits each, kept as HMAC-SHA256 under a key that the database does not hold, salted by their set. What a code
opens is decided outside; alone it opens nothing (S-308).
"""

import hmac
import re
import secrets
from dataclasses import dataclass, field

from mfa.factors import Factor

CODES_IN_A_SET = 10
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's 32 signs: no I, L, O, U."""
_SIGNS = 16
"""80 bits; NIST asks for 64 (S-309)."""
_LOOKALIKES = str.maketrans("ILO", "110")
_CODE = re.compile(rf"[{_ALPHABET}]{{{_SIGNS}}}", re.ASCII)
_LONGEST_INPUT = 64


class MalformedRecoveryCode(Exception):
    """Not sixteen signs of a code."""


@dataclass(frozen=True, slots=True)
class IssuedCodes:
    """A new set, to be shown to its citizen once."""

    factor: Factor
    codes: tuple[str, ...] = field(repr=False)


def new_codes() -> tuple[str, ...]:
    """Ten codes as they are printed: `7F3K-2QXA-9MTD-04WZ`."""
    return tuple(_printed(_new_code()) for _ in range(CODES_IN_A_SET))


def parse_code(typed: str) -> str:
    """The sixteen signs, however they were grouped, in capitals or not, with I, L and O read as 1, 1 and 0.

    Raises:
        MalformedRecoveryCode
    """
    if len(typed) > _LONGEST_INPUT or not typed.isascii():
        raise MalformedRecoveryCode
    code = typed.replace(" ", "").replace("-", "").upper().translate(_LOOKALIKES)
    if not _CODE.fullmatch(code):
        raise MalformedRecoveryCode
    return code


class RecoveryDigests:
    """Makes the digests under which codes are kept."""

    def __init__(self, pepper: bytes) -> None:
        self._key = hmac.digest(pepper, b"adgang recovery codes", "sha256")

    def digest(self, factor_id: str, code: str) -> str:
        """Of a parsed code in one set, in hex."""
        return hmac.new(self._key, f"{factor_id}\0{code}".encode(), "sha256").hexdigest()


def _new_code() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_SIGNS))


def _printed(code: str) -> str:
    return "-".join(code[start : start + 4] for start in range(0, _SIGNS, 4))
