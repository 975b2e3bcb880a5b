"""How much is asked of each host at once, and when one that does not answer is left alone (S-181).

       enough failures in a row                the pause is over: the next call is a trial
calm ──────────────────────────▶ paused ──────────────────────────▶ trial ──▶ calm, or paused again
"""

import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from idp.clock import Clock
from idp.outbound.errors import FetchFailed

Host = tuple[str, int]
"""Name and port."""

_AT_ONCE = 32
"""Calls of one process at the same time: what waits for them is threads."""
_AT_ONCE_PER_HOST = 4
"""So that one host that hangs leaves the most for the others."""
_FAILURES = 5
"""In a row, after which a host is paused."""
_PAUSE = timedelta(seconds=30)


@dataclass
class _State:
    running: int = 0
    failures: int = 0
    paused_until: datetime | None = None


class Hosts:
    """Shared by all threads of a process. Remembers hosts that are being called or that failed, and no others."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._states: dict[Host, _State] = {}
        self._running = 0

    def enter(self, host: Host, ends: float) -> None:
        """Take a place, waiting for one until the monotonic time `ends`.

        Raises:
            FetchFailed: `paused`, or `busy`.
        """
        with self._changed:
            while True:
                state = self._states.setdefault(host, _State())
                if state.paused_until is not None and self._clock() < state.paused_until:
                    raise FetchFailed("paused")
                if self._running < _AT_ONCE and state.running < self._allowed(state):
                    break
                if not self._changed.wait(ends - time.monotonic()):
                    self._forget(host)
                    raise FetchFailed("busy")
            state.running += 1
            self._running += 1

    def leave(self, host: Host, *, reached: bool) -> None:
        """Give the place back, and say whether the host answered."""
        with self._changed:
            state = self._states[host]
            state.running -= 1
            self._running -= 1
            state.failures = 0 if reached else state.failures + 1
            state.paused_until = self._clock() + _PAUSE if state.failures >= _FAILURES else None
            self._forget(host)
            self._changed.notify_all()

    def _allowed(self, state: _State) -> int:
        return 1 if state.failures >= _FAILURES else _AT_ONCE_PER_HOST

    def _forget(self, host: Host) -> None:
        state = self._states.get(host)
        if state is not None and state.running == 0 and state.failures == 0:
            del self._states[host]
