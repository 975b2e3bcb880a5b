"""One recovery: what is kept of it, and where it stands.

    proving ──two independent proofs──────────────▶ allowed ──changed──▶ done
       │                                               ▲
       └──a letter after proofing──▶ cooling ──24 h────┘
                                        │
    proving, cooling, allowed ──stop code, a signed-in browser, another one done,
                                what the citizen does to be safe (stopping_ledger.py)──▶ stopped
    any of these ──its time──▶ over

A recovery belongs to the browser that began it, by a cookie's digest. Everything that decides is in this record, in
SQL: nothing that a browser sends says how far it has come (S-296).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from idp.recovery.rules import Lost, Proof
from idp.safety import CAP


class Stage(StrEnum):
    """Where a recovery stands. `OVER` is never kept: it is a matter of time."""

    PROVING = "proving"
    COOLING = "cooling"
    ALLOWED = "allowed"
    STOPPED = "stopped"
    DONE = "done"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class ShownProof:
    """A proof that was shown in this recovery and in no other (S-297, S-299)."""

    proof: Proof
    at: datetime
    factor_id: str = ""


@dataclass(frozen=True, slots=True)
class Recovery:
    """As it is kept. Of an unknown user ID there is one, too: nobody can tell the two apart (S-238)."""

    recovery_id: str
    lost: Lost
    stage: Stage
    begun_at: datetime
    expires_at: datetime
    citizen_id: str | None = None
    unknown_key: str = ""
    """Digest of the canonical user ID that was typed; empty until one was."""
    shown: tuple[ShownProof, ...] = ()
    letter_digest: str = ""
    """Of the letter that was shown; it is spent when the recovery is allowed, or begins to wait."""
    cooling_until: datetime | None = None
    lost_factors: tuple[str, ...] | None = None
    """Which of the bound factors the citizen has lost; None until that was asked."""
    password_set: bool = False

    @property
    def is_about_somebody(self) -> bool:
        """A user ID was typed, or a proof said who it is."""
        return self.citizen_id is not None or bool(self.unknown_key)

    @property
    def proofs(self) -> frozenset[Proof]:
        return frozenset(shown.proof for shown in self.shown)

    @property
    def shown_factors(self) -> frozenset[str]:
        """Ids of those that must still be the citizen's: not of a password that this recovery has replaced."""
        replaced = {Proof.PASSWORD} if self.password_set else set()
        return frozenset(
            shown.factor_id for shown in self.shown if shown.factor_id and shown.proof not in replaced
        )

    def stands(self, now: datetime) -> Stage:
        """Where it stands at this moment."""
        if self.stage in (Stage.STOPPED, Stage.DONE):
            return self.stage
        if now >= self.expires_at:
            return Stage.OVER
        waited = self.cooling_until is not None and now >= self.cooling_until
        return Stage.ALLOWED if self.stage is Stage.COOLING and waited else self.stage


class NotNow(Exception):
    """The recovery does not stand where this step belongs: over, stopped, done, or not so far yet (S-295)."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage.value)
        self.stage = stage


class SomebodyElses(Exception):
    """The proof is right, but it is not this citizen's."""


@dataclass(frozen=True, slots=True)
class RecoveryTimes:
    """The times of a recovery, from the settings."""

    proving: timedelta = timedelta(minutes=60)
    cooling: timedelta = timedelta(hours=24)
    cooling_by_post: timedelta = timedelta(days=7)
    """Where only a letter can tell the citizen."""
    finishing: timedelta = timedelta(days=7)
    """After the cooling-off."""
    between_letters: timedelta = timedelta(days=7)
    proofing: timedelta = timedelta(days=30)
    cap: timedelta = CAP
    """Of the level, afterwards."""
