"""The code in a letter: 24 signs in six groups, `7F3K-2QXA-9MTD-04WZ-8KPR-6TYN`.

Twenty-three random signs of five bits are 115 bits; NIST SP 800-63B-4 §4.1.2.2 asks for 112 where no identifier goes
with a code. The last sign checks the others, so that a slip of the hand is told from a wrong code: it finds every
single wrong sign and every two neighbours that changed places. Kept as a digest; a code never stands in an address.
"""

import re
import secrets

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's 32 signs: no I, L, O, U."""
_SIGNS = 24
_GROUP = 4
_LOOKALIKES = str.maketrans("ILO", "110")
_CODE = re.compile(rf"[{_ALPHABET}]{{{_SIGNS}}}", re.ASCII)
_LONGEST_INPUT = 100
_FIELD = 0b100101
"""x⁵ + x² + 1, primitive over GF(2): times x runs through all 31 values."""


class MalformedCode(Exception):
    """Not 24 signs of a code, or the last one does not fit the others."""


def new_code() -> str:
    """A code as `parse_code` returns it."""
    body = "".join(secrets.choice(_ALPHABET) for _ in range(_SIGNS - 1))
    return body + _check_sign(body)


def parse_code(typed: str) -> str:
    """The 24 signs, however they were grouped, in capitals or not, with I, L and O read as 1, 1 and 0.

    Raises:
        MalformedCode
    """
    if len(typed) > _LONGEST_INPUT:
        raise MalformedCode
    code = re.sub(r"[\s\-–]", "", typed).upper().translate(_LOOKALIKES)
    if not _CODE.fullmatch(code) or _check_sign(code[:-1]) != code[-1]:
        raise MalformedCode
    return code


def print_code(code: str) -> str:
    """As people read it."""
    return "-".join(code[start : start + _GROUP] for start in range(0, _SIGNS, _GROUP))


def _check_sign(body: str) -> str:
    """A polynomial over GF(32) with the signs as coefficients, at x, times x once more."""
    value = 0
    for sign in body:
        value = _times_x(value) ^ _ALPHABET.index(sign)
    return _ALPHABET[_times_x(value)]


def _times_x(value: int) -> int:
    shifted = value << 1
    return shifted ^ _FIELD if shifted & 0b100000 else shifted
