"""Which access tokens were revoked by themselves: remembered in the process, so that a check costs no read.

Each process reads at most once a second what was revoked since it last looked, so a token is dead in every process
within a second. While the store does not answer, nobody is told that a token lives: the store's error is raised.
A revoked grant needs none of this; whoever checks a token reads its grant.

    check ──▶ looked within 1 s? ──yes──▶ remembered? ──▶ answer
                    │ no                       ▲
                    └──▶ read what is new, remember it
"""

import threading
from collections.abc import Iterable
from datetime import datetime, timedelta

from idp.clock import Clock
from idp.tokens.ports import RevokedTokenStore, Tx

_LOOK_EVERY = timedelta(seconds=1)
_FORGET_EVERY = timedelta(minutes=1)


class RevokedTokens:
    """One per process; safe to use from many threads."""

    def __init__(self, store: RevokedTokenStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._ends: dict[str, datetime] = {}
        self._number = 0
        self._looked_at: datetime | None = None
        self._failure: Exception | None = None
        self._forgot_at: datetime | None = None

    def __contains__(self, token_id: str) -> bool:
        """Raises what the store raises when it does not answer."""
        with self._lock:
            self._look(self._clock())
            return token_id in self._ends

    def has_any(self, token_ids: Iterable[str]) -> bool:
        """The same, at once for a token and those that it came from."""
        with self._lock:
            self._look(self._clock())
            return not self._ends.keys().isdisjoint(token_ids)

    def add(self, tx: Tx, token_id: str, expires_at: datetime) -> bool:
        """Revoke a token; False where it was revoked before. Call `look_again` after the commit."""
        return self._store.add(tx, token_id, expires_at)

    def look_again(self) -> None:
        """This process knows at its next check what was committed before this call."""
        with self._lock:
            self._looked_at = None

    def _look(self, now: datetime) -> None:
        """Holds the lock, so that nobody answers from before."""
        if self._looked_at is None or not timedelta(0) <= now - self._looked_at < _LOOK_EVERY:
            self._looked_at = now
            try:
                self._remember(now)
                self._failure = None
            except Exception as failure:  # noqa: BLE001  whatever the store raises: for a second it is raised on
                self._failure = failure
        if self._failure is not None:
            raise self._failure.with_traceback(None)

    def _remember(self, now: datetime) -> None:
        for number, token_id, expires_at in self._store.since(self._number, now):
            self._ends[token_id] = expires_at
            self._number = number
        if self._forgot_at is None or not timedelta(0) <= now - self._forgot_at < _FORGET_EVERY:
            self._ends = {token_id: end for token_id, end in self._ends.items() if end > now}
            self._forgot_at = now
