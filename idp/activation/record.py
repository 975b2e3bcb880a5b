"""What one browser has done of an activation. It is lost without harm: the letter's code still works."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

LIFETIME = timedelta(minutes=60)
"""Time for fetching an app from a store; nothing exists yet that could be taken over after it."""


@dataclass(frozen=True, slots=True)
class ActivationRecord:
    """Found by the digest of a cookie, which is given out for a valid code and nothing else (S-288)."""

    letter_number: int
    citizen_id: str
    """Of the invitation; the person's own once they are a citizen."""
    expires_at: datetime
    confirmed: bool = False
    """The person said that the letter is theirs."""
    user_id: str = ""
    password_hash: str = field(default="", repr=False)
