"""Keeps the embedded Valkey alive while a provider serves: a server that died is started anew.

    watching ──died──▶ starting ──answers──▶ watching
                        ▲    └──does not start──▶ waiting, twice as long each time, 30 s at most
                        └────────────────────────────┘

The socket, and so the address that the workers know, stays the same, and so does the append-only file: what was
acknowledged a second before is there again (protocol.md, Durability). Does not judge a server that is alive and silent.
"""

import logging
import threading
from types import TracebackType

from idp.errors import ConfigurationFaults
from idp.storage.embedded_valkey import RunningStore

_log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.25
"""How long a dead server goes unnoticed; a look costs microseconds."""

_LONGEST_PAUSE_SECONDS = 30.0
_LIVED_SECONDS = 60.0
"""A server that lived so long begins anew: its death is not the next of a row."""


class Supervision:
    """Watches one store, in a thread, until the end of the block."""

    def __init__(self, store: RunningStore) -> None:
        self._store = store
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="valkey-supervision")

    def __enter__(self) -> "Supervision":
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _fault: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        in_a_row, lived = 0, 0.0
        while not self._over.wait(_LOOK_SECONDS):
            if not self._store.is_dead():
                lived += _LOOK_SECONDS
                if lived >= _LIVED_SECONDS:
                    in_a_row = 0
                continue
            lived = 0.0
            if in_a_row and self._over.wait(_pause(in_a_row)):
                return
            in_a_row += self._start_again()

    def _start_again(self) -> int:
        """One start; 1 where it was ours to do, 0 where another process owns the store."""
        try:
            ours = self._store.start_again()
        except (ConfigurationFaults, OSError) as fault:
            _log.error("the embedded Valkey is dead and does not start", extra={"why": str(fault)})
            return 1
        if ours:
            _log.warning("the embedded Valkey had died; it was started again")
        return int(ours)


def _pause(in_a_row: int) -> float:
    """None before the first start, then half a second, one, two …"""
    return min(_LONGEST_PAUSE_SECONDS, 0.25 * 2.0 ** min(in_a_row, 10))
