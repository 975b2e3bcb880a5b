"""A lock whose waiters have it in the order in which they came.

`threading.Lock` gives itself to whoever asks first after its release, which is mostly the thread that has just let go
and has its next request at hand: others waited for most of a second on a worker that was busy writing.
"""

import threading
from collections import deque


class FairLock:
    """Handed over directly from its holder to the oldest waiter."""

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._held = False
        self._waiting: deque[threading.Lock] = deque()
        """A lock each that is taken, and released when it is their turn."""

    def acquire(self, timeout: float) -> bool:
        """Whether it is ours; waits for so many seconds."""
        with self._changing:
            if not self._held:
                self._held = True
                return True
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        try:
            if turn.acquire(timeout=timeout):
                return True
        except BaseException:  # a signal's, in the main thread
            if not self._give_up(turn):
                self.release()
            raise
        return not self._give_up(turn)

    def _give_up(self, turn: threading.Lock) -> bool:
        """False where it was handed over at this very moment."""
        with self._changing:
            if turn not in self._waiting:
                return False
            self._waiting.remove(turn)
            return True

    def release(self) -> None:
        """By its holder alone."""
        with self._changing:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._held = False
