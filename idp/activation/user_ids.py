"""Which user IDs a citizen may choose: 5 to 48 characters, and nothing that is another's name or a secret.

An e-mail address may be another citizen's (S-249), and a CPR number does not belong where people look over shoulders.
"""

import re
import unicodedata
from enum import StrEnum

_ALLOWED = re.compile(r"[A-Za-z0-9æøåÆØÅäöÄÖüÜ._-]{5,48}")
_CPR = re.compile(r"[0-9]{6}-?[0-9]{4}", re.ASCII)


class UserIdFault(StrEnum):
    """Why a user ID cannot be had."""

    FORM = "form"
    PERSONAL = "personal"
    """It is a CPR number."""
    TAKEN = "taken"


class UserIdRefused(Exception):
    def __init__(self, fault: UserIdFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


def check_user_id(typed: str) -> str:
    """The user ID as it is kept.

    Raises:
        UserIdRefused
    """
    user_id = unicodedata.normalize("NFC", typed[:200]).strip()
    if _CPR.fullmatch(user_id):
        raise UserIdRefused(UserIdFault.PERSONAL)
    if not _ALLOWED.fullmatch(user_id):
        raise UserIdRefused(UserIdFault.FORM)
    return user_id
