"""How failures slow, block and disable: the rules alone, without a database."""

from datetime import UTC, datetime, timedelta

import pytest

from mfa import lockout
from mfa.errors import FactorRejected, Rejection
from mfa.lockout import Failures

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Guesser:
    """Tries as soon as it is allowed to."""

    def __init__(self, failures: Failures | None = None, now: datetime = START) -> None:
        self.failures = failures or Failures()
        self.now = now
        self.tries: list[datetime] = []

    def fail(self, times: int = 1, *, known: bool = False) -> "Guesser":
        for _ in range(times):
            opens_at = self.failures.of(known_browser=known).opens_at
            self.now = max(self.now, opens_at or self.now)
            lockout.check_open(self.failures, known_browser=known, now=self.now)
            self.failures = lockout.counted(self.failures, known_browser=known, now=self.now)
            self.tries.append(self.now)
        return self

    def refusal(self, *, known: bool = False, after: timedelta = timedelta()) -> FactorRejected | None:
        try:
            lockout.check_open(self.failures, known_browser=known, now=self.now + after)
        except FactorRejected as refusal:
            return refusal
        return None


def test_four_failures_cost_no_wait() -> None:
    assert Guesser().fail(4).tries == [START] * 4


@pytest.mark.parametrize(("failures", "seconds"), [(5, 10), (6, 20), (7, 40), (8, 80), (9, 160)])
def test_from_the_fifth_failure_on_each_wait_is_longer(failures: int, seconds: int) -> None:
    guesser = Guesser().fail(failures)
    refusal = guesser.refusal(after=timedelta(seconds=seconds - 1))
    assert refusal is not None
    assert (refusal.reason, refusal.retry_at) == (Rejection.SLOWED, guesser.now + timedelta(seconds=seconds))
    assert guesser.refusal(after=timedelta(seconds=seconds)) is None


def test_ten_failures_in_ten_minutes_block_for_ten_minutes() -> None:
    guesser = Guesser().fail(10)
    assert guesser.now - START < timedelta(minutes=10)
    refusal = guesser.refusal(after=timedelta(minutes=9, seconds=59))
    assert refusal is not None
    assert (refusal.reason, refusal.retry_at) == (Rejection.BLOCKED, guesser.now + timedelta(minutes=10))
    assert guesser.refusal(after=timedelta(minutes=10)) is None


def test_ten_failures_over_a_week_slow_but_do_not_block() -> None:
    guesser = Guesser()
    for _ in range(10):
        guesser.fail().now += timedelta(hours=17)
    assert guesser.refusal() is None
    guesser.fail()
    refusal = guesser.refusal()
    assert refusal is not None and refusal.reason is Rejection.SLOWED


def test_no_ten_minutes_ever_see_more_than_ten_tries() -> None:
    tries = Guesser().fail(lockout.STRANGERS_LIMIT).tries
    for start in tries:
        assert sum(start <= each < start + timedelta(minutes=10) for each in tries) <= 10


def test_no_wait_is_longer_than_the_block() -> None:
    guesser = Guesser().fail(lockout.STRANGERS_LIMIT - 1)
    refusal = guesser.refusal()
    assert refusal is not None and refusal.retry_at is not None
    assert refusal.retry_at - guesser.now <= lockout.BLOCK


def test_a_hundred_failures_in_a_row_disable_for_good() -> None:
    """S-239"""
    guesser = Guesser().fail(90).fail(10, known=True)
    for known in (False, True):
        refusal = guesser.refusal(known=known, after=timedelta(days=365))
        assert refusal is not None
        assert (refusal.reason, refusal.retry_at) == (Rejection.DISABLED, None)


def test_strangers_alone_cannot_use_up_the_limit() -> None:
    """S-240"""
    guesser = Guesser().fail(lockout.STRANGERS_LIMIT)
    refusal = guesser.refusal(after=timedelta(days=1))
    assert refusal is not None and refusal.reason is Rejection.DISABLED
    assert guesser.refusal(known=True) is None


def test_a_known_browser_alone_is_disabled_at_a_hundred() -> None:
    guesser = Guesser().fail(99, known=True)
    assert guesser.refusal(known=True, after=timedelta(minutes=10)) is None
    refusal = guesser.fail(known=True).refusal(known=True, after=timedelta(minutes=10))
    assert refusal is not None and refusal.reason is Rejection.DISABLED


def test_failures_of_strangers_do_not_slow_a_known_browser() -> None:
    """S-240"""
    assert Guesser().fail(9).refusal(known=True) is None
    assert Guesser().fail(9, known=True).refusal() is None


def test_block_and_end_are_told_once() -> None:
    guesser, told = Guesser(), []
    for number in range(1, 101):
        known = number > lockout.STRANGERS_LIMIT
        guesser.fail(known=known)
        told.append((number, lockout.consequence(guesser.failures, known_browser=known)))
    assert [each for each in told if each[1]] == [
        (10, Rejection.BLOCKED),
        (90, Rejection.BLOCKED),
        (100, Rejection.DISABLED),
    ]


def test_a_clock_set_back_does_not_open_a_window_anew() -> None:
    guesser = Guesser().fail(9)
    guesser.now -= timedelta(hours=1)
    refusal = guesser.refusal()
    assert refusal is not None and refusal.reason is Rejection.SLOWED
