"""Why a factor was not accepted. Nothing here carries what the citizen typed."""

from datetime import datetime, timedelta
from enum import StrEnum


class Rejection(StrEnum):
    """Why an answer was rejected.

    The first four say that an answer was looked at and counted; the others that it was not looked at.
    """

    WRONG = "wrong"
    MALFORMED = "malformed"
    """Not of the form that such an answer has (a TOTP code that is not six digits)."""
    REPLAYED = "replayed"
    """Right, and used before."""
    SUSPECT = "suspect"
    """Right, but the key's counter fell: there may be a copy of it."""
    SLOWED = "slowed"
    BLOCKED = "blocked"
    DISABLED = "disabled"


class FactorRejected(Exception):
    """The answer proves nothing.

    `retry_at` is when the next answer will be looked at: None means at once, or, with `DISABLED`, never.
    """

    def __init__(self, reason: Rejection, retry_at: datetime | None = None) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.retry_at = retry_at


class Busy(Exception):
    """Every place for hashing is taken. Nothing was checked and nothing was counted (S-235)."""

    retry_after = timedelta(seconds=5)


class PasswordFault(StrEnum):
    """Why a password may not be chosen."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    NOT_TEXT = "not_text"
    """It holds code points that no text has (lone surrogates)."""
    COMMON = "common"
    """On the list of passwords that are guessed first, or a plain row of characters."""
    PERSONAL = "personal"
    """It is the citizen's user ID or name, or the name of a service."""


class PasswordRefused(Exception):
    """This password may not be chosen (NIST SP 800-63B-4 §3.1.1.2)."""

    def __init__(self, fault: PasswordFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


class EnrolmentFault(StrEnum):
    """Why a factor could not be added, named or removed."""

    UNKNOWN = "unknown"
    """No such factor of this citizen, or an enrolment that was never begun, is finished, or took too long."""
    LAST = "last"
    """Without it the citizen could not sign in."""
    TOO_MANY = "too_many"
    ALREADY = "already"
    """This key is registered already, here or with somebody else."""
    NAME = "name"
    """An empty or overlong name, or one with control characters."""


class EnrolmentRefused(Exception):
    """The citizen's factors stay as they are."""

    def __init__(self, fault: EnrolmentFault) -> None:
        super().__init__(fault.value)
        self.fault = fault
