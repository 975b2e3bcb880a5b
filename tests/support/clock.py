"""A clock that stands still until a test moves it."""

from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class FrozenClock:
    """A `Clock`: calling it returns the present, which moves by `forward` alone."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start

    def __call__(self) -> datetime:
        return self._now

    def forward(self, by: timedelta = timedelta(), *, seconds: float = 0) -> datetime:
        """Move the present and return it; a negative step is a clock set back."""
        self._now += by + timedelta(seconds=seconds)
        return self._now


class MovingClock(FrozenClock):
    """The real time less half a minute, for foreign programs with a clock of their own; `forward` comes closer to it.

    Behind and never ahead, so that nothing a client makes is older than the provider's store.
    """

    def __init__(self) -> None:
        super().__init__(datetime.now(UTC))
        self._behind = timedelta(seconds=30)

    def __call__(self) -> datetime:
        return datetime.now(UTC) - self._behind

    def forward(self, by: timedelta = timedelta(), *, seconds: float = 0) -> datetime:
        self._behind -= by + timedelta(seconds=seconds)
        return self()
