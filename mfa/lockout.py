"""How failures slow, block and disable an authenticator (NIST SP 800-63B-4 §3.2.2, ASVS 6.1.1). Pure.

Failures from browsers that have signed in as this citizen before (known) are counted apart from all others
(strangers), so that a stranger who guesses does not keep the citizen out. Only the sum disables.

              failure (1-4)          failure (5-9)
      ┌──── open ─────────▶ open ─────────────▶ slowed ──┐ waits 10 s, 20 s, 40 s … 5 min,
      │      ▲                                    │  ▲   │ then one more try is looked at
   success   │                     10 in 10 min   │  └───┘
      │      │                                    ▼
      └──────┴──── after 10 minutes ◀───────── blocked

      any state ── 100 in a row, of which strangers can spend 90 ──▶ disabled: bind anew

What nobody can guess, as recovery codes of 80 bits (NIST SP 800-63B-4 §3.1.2.2 asks for no limit from 64 on), is slowed and
blocked for strangers in the same way, and never shut to them for good: else one night of guessing would take from the
citizen, on a new device, what was printed for that day.

A try is counted before it is looked at (S-241, S-242): a right answer then takes the count away again.
Does not know what an authenticator is, nor where counts are kept.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mfa.errors import FactorRejected, Rejection

SLOWED_FROM = 5
FIRST_WAIT = timedelta(seconds=10)
LONGEST_WAIT = timedelta(minutes=5)
BLOCKED_FROM = 10
WINDOW = timedelta(minutes=10)
BLOCK = timedelta(minutes=10)
LIMIT = 100
"""NIST SP 800-63B-4 §3.2.2: no more failures in a row than this on one authenticator."""
STRANGERS_LIMIT = 90
"""The rest of the limit is kept for browsers the citizen has used: strangers alone cannot use it up (S-240)."""


@dataclass(frozen=True, slots=True)
class FailureCount:
    """Failures in a row from one group of browsers."""

    in_a_row: int = 0
    in_window: int = 0
    window_started_at: datetime | None = None
    last_at: datetime | None = None

    @property
    def opens_at(self) -> datetime | None:
        """When the next try is looked at; None means now."""
        if self.last_at is None or self.in_a_row < SLOWED_FROM:
            return None
        return self.last_at + (BLOCK if self.is_blocking else self._wait)

    @property
    def is_blocking(self) -> bool:
        return self.in_window >= BLOCKED_FROM

    @property
    def _wait(self) -> timedelta:
        doublings = max(0, min(self.in_a_row - SLOWED_FROM, 10))
        return min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)

    def plus_one(self, now: datetime) -> "FailureCount":
        started = self.window_started_at
        if started is None or not timedelta(0) <= now - started < WINDOW:
            return FailureCount(self.in_a_row + 1, 1, now, now)
        return FailureCount(self.in_a_row + 1, self.in_window + 1, started, now)


@dataclass(frozen=True, slots=True)
class Failures:
    """All failures in a row of one authenticator."""

    strangers: FailureCount = FailureCount()
    known: FailureCount = FailureCount()

    @property
    def total(self) -> int:
        return self.strangers.in_a_row + self.known.in_a_row

    def of(self, *, known_browser: bool) -> FailureCount:
        return self.known if known_browser else self.strangers


def check_open(failures: Failures, *, known_browser: bool, now: datetime, guessable: bool = True) -> None:
    """Refuse a try that comes too early or too late.

    Raises:
        FactorRejected: slowed, blocked (both with the time from which a try is looked at) or disabled.
    """
    count = failures.of(known_browser=known_browser)
    used_up = guessable and not known_browser and count.in_a_row >= STRANGERS_LIMIT
    if failures.total >= LIMIT or used_up:
        raise FactorRejected(Rejection.DISABLED)
    opens_at = count.opens_at
    if opens_at is not None and now < opens_at:
        raise FactorRejected(Rejection.BLOCKED if count.is_blocking else Rejection.SLOWED, opens_at)


def counted(failures: Failures, *, known_browser: bool, now: datetime) -> Failures:
    """The failures with one more; those of strangers stop at their limit."""
    if known_browser:
        return replace(failures, known=failures.known.plus_one(now))
    more = failures.strangers.plus_one(now)
    return replace(failures, strangers=replace(more, in_a_row=min(more.in_a_row, STRANGERS_LIMIT)))


def consequence(failures: Failures, *, known_browser: bool, guessable: bool = True) -> Rejection | None:
    """What the failure just counted brought about, if it is something that was not so before."""
    if failures.total == LIMIT:
        return Rejection.DISABLED
    count = failures.of(known_browser=known_browser)
    used_up = guessable and not known_browser and count.in_a_row == STRANGERS_LIMIT
    return Rejection.BLOCKED if used_up or count.in_window == BLOCKED_FROM else None


def retry_at(failures: Failures, *, known_browser: bool) -> datetime | None:
    """When the next try will be looked at."""
    return failures.of(known_browser=known_browser).opens_at
