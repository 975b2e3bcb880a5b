"""What recoveries need kept, as promises. tests/storage proves them on both databases."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from idp.recovery.recovery import Recovery
from idp.storage.ports import Tx


class Recoveries(Protocol):
    def add(self, tx: Tx, recovery: Recovery, *, browser_digest: str) -> None:
        """Keep a new one; one that the browser had before is forgotten by it."""

    def find(self, browser_digest: str) -> Recovery | None:
        """The recovery of this browser."""

    def lock(self, tx: Tx, recovery_id: str) -> Recovery | None:
        """The same, and nobody else moves it before `tx` ends."""

    def keep(self, tx: Tx, recovery: Recovery, *, stop_digest: str | None = None) -> None:
        """Overwrite it, inside the transaction that locked it."""

    def stop(self, tx: Tx, stop_digest: str, now: datetime) -> Recovery | None:
        """Stop the living recovery with this stop code: of parallel callers one gets it."""

    def stop_all_of(self, tx: Tx, citizen_id: str, now: datetime, *, but: str = "") -> int:
        """Stop every living recovery of a citizen, but one; returns how many waited or were allowed."""

    def waiting_of(self, citizen_id: str, now: datetime) -> Recovery | None:
        """One that waits for its cooling-off, or is past it and not finished."""

    def sweep(self, tx: Tx, before: datetime) -> int:
        """Forget those that were over before then; returns how many."""


class Proofings(Protocol):
    def add(
        self, tx: Tx, citizen_id: str, *, officer: str, reason: str, at: datetime, expires_at: datetime
    ) -> None: ...

    def missing(self, citizen_id: str, now: datetime) -> int:
        """How many officers must still say it; what expired or was used up does not count."""

    def spend(self, tx: Tx, citizen_id: str, now: datetime) -> bool:
        """Use up every living one: True for exactly one caller, where none is missing; else `tx` must not be kept."""


@dataclass(frozen=True, slots=True)
class LetterOrder:
    """An order as it was written down, by whomever."""

    number: int
    sealed: bytes
    at: datetime


class LetterOrders(Protocol):
    def add(self, tx: Tx, sealed: bytes, at: datetime) -> None: ...

    def take(self, tx: Tx, limit: int) -> list[LetterOrder]:
        """Read and forget the oldest: of parallel callers one gets each."""
