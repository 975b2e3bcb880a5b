"""One service to be told of one session's end, and what has come of it.

waiting ──2xx──▶ confirmed
   │ └──24 hours without──▶ unanswered
   └──the service registered no back channel──▶ not told
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Outcome(StrEnum):
    """How it stands; the words are in templates/parts/outcomes.html."""

    WAITING = "waiting"
    CONFIRMED = "confirmed"
    UNANSWERED = "unanswered"
    NOT_TOLD = "not-told"
    """The service registered no address to be told at, or is disabled."""


@dataclass(frozen=True, slots=True)
class LogoutNotice:
    """A row for each client that the session gave anything to."""

    session_id: str
    client_id: str
    citizen_id: str
    outcome: Outcome
    tries: int
    last_fault: str
    """Why the last try failed, in a word; empty where none did."""
    ended_at: datetime
    """When the session did."""
    next_at: datetime
    """When the next try may be made."""
    done_at: datetime | None
