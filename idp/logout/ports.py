"""What logout needs kept, as promises. tests/storage proves them on both databases."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from idp.logout.notice import LogoutNotice, Outcome
from idp.storage.ports import Tx


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for one client."""

    client_id: str
    count: int
    oldest: datetime
    last_fault: str


class LogoutQueue(Protocol):
    def write(self, tx: Tx, session_id: str, *, at: datetime) -> int:
        """Queue a notice for every client that the session gave anything to; how many were new."""

    def catch_up(self, tx: Tx, since: datetime) -> int:
        """The same for sessions that ended since then: a code may have been redeemed beside the end."""

    def due(self, now: datetime, limit: int, *, per_client: int, retries: bool = True) -> list[LogoutNotice]:
        """Notices that may be tried now: those that were never tried, then `retries`, up to `limit` of each kind.

        No client has more than its part, and none hides another's, however many wait for it.
        """

    def claim(self, tx: Tx, notice: LogoutNotice, next_at: datetime) -> bool:
        """Count a try and move the next one: of many callers with the same notice one gets True."""

    def settle(self, tx: Tx, notice: LogoutNotice, outcome: Outcome, at: datetime) -> bool:
        """The end of it; False, changing nothing, where it was settled before."""

    def note_fault(self, tx: Tx, notice: LogoutNotice, fault: str) -> None:
        """Why the try failed."""

    def of_sessions(self, session_ids: Collection[str]) -> list[LogoutNotice]:
        """How it stands with every client of these sessions."""

    def of_citizen(self, citizen_id: str, since: datetime) -> list[LogoutNotice]:
        """Those of a citizen's sessions that ended since then, newest first."""

    def waiting(self) -> list[Waiting]:
        """What waits, by client, the longest waiting first."""

    def sweep(self, tx: Tx, before: datetime) -> int:
        """Forget notices of sessions that ended before then; returns how many."""
