"""The stop code of a recovery, on its way to the citizen: sealed until it is sent, then erased.

What it stops is idp.recovery's matter. It can do nothing else, so that it may stand in an e-mail.
"""

import re
import secrets

from idp.messages.ports import Sealer

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's 32 signs: no I, L, O, U."""
_SIGNS = 16
"""80 bits; 64 were asked for."""
_CODE = re.compile(rf"[{_ALPHABET}]{{{_SIGNS}}}", re.ASCII)
_LOOKALIKES = str.maketrans("ILO", "110")
_LONGEST_INPUT = 64


class MalformedStopCode(Exception):
    """Not sixteen signs."""


def new_stop_code() -> str:
    """A code as `parse_stop_code` returns it."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_SIGNS))


def parse_stop_code(typed: str) -> str:
    """The sixteen signs, however they were grouped, in capitals or not.

    Raises:
        MalformedStopCode
    """
    code = re.sub(r"[\s\-–]", "", typed[:_LONGEST_INPUT]).upper().translate(_LOOKALIKES)
    if len(typed) > _LONGEST_INPUT or not _CODE.fullmatch(code):
        raise MalformedStopCode
    return code


def print_stop_code(code: str) -> str:
    """As people read it: `7F3K-2QXA-9MTD-04WZ`."""
    return "-".join(code[start : start + 4] for start in range(0, _SIGNS, 4))


def seal_stop_code(sealer: Sealer, citizen_id: str, code: str) -> bytes:
    return sealer.seal(code.encode(), bound_to(citizen_id))


def unseal_stop_code(sealer: Sealer, citizen_id: str, sealed: bytes) -> str:
    return sealer.unseal(sealed, bound_to(citizen_id)).decode()


def bound_to(citizen_id: str) -> bytes:
    """Binds a sealed code to its citizen: two citizens' envelopes cannot be swapped."""
    return b"stop-code:" + citizen_id.encode()
