"""What one process remembers of the registry, under one version for all of it.

A version in the store rises with every write. Each process reads it at most once a second and forgets everything
when it has moved, so what is disabled is disabled in every process within a second (S-035). While the store does not
answer, what was remembered serves for at most `_STALE_AT_MOST`; after that the store's error is raised on. What is
remembered on which shelf is registry's matter.

    look-up ──▶ version younger than 1 s? ──yes──▶ on the shelf? ──yes──▶ answer
                        │ no                            │ no
                        ▼                               ▼
                read the version                 read it, put it on the shelf
                moved: clear every shelf         (unless the version moved meanwhile)
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from clients_registry.ports import Clock

UNKNOWN_REMEMBERED = 2_000
"""Apart from what exists, so that a flood of invented names evicts none of it."""

_VERSION_AGE = timedelta(seconds=1)
_STALE_AT_MOST = timedelta(seconds=30)

T = TypeVar("T")


class Shelf(Generic[T]):
    """One kind of thing by its name; bounded, and what was used longest ago goes first."""

    def __init__(self, limit: int, unknown: int = UNKNOWN_REMEMBERED) -> None:
        self._known: _Recent[T] = _Recent(limit)
        self._unknown: _Recent[None] = _Recent(unknown)

    def __contains__(self, key: str) -> bool:
        return key in self._known or key in self._unknown

    def get(self, key: str) -> T | None:
        return self._known.get(key)

    def put(self, key: str, value: T | None) -> None:
        if value is None:
            self._unknown.put(key, None)
        else:
            self._known.put(key, value)

    def clear(self) -> None:
        self._known.clear()
        self._unknown.clear()


class Memory:
    """The shelves of one process; safe to use from many threads."""

    def __init__(self, read_version: Callable[[], int], clock: Clock) -> None:
        self._read_version = read_version
        self._clock = clock
        self._lock = threading.Lock()
        self._shelves: list[Shelf[Any]] = []
        self._version: int | None = None
        self._read_at: datetime | None = None
        """When the version was last read with success."""
        self._not_again: tuple[datetime, datetime] | None = None
        """From the last try on, for a second: the version is not read."""
        self._failure: Exception | None = None

    def shelf(self, limit: int) -> Shelf[Any]:
        """A new shelf, cleared with the others."""
        made: Shelf[Any] = Shelf(limit)
        self._shelves.append(made)
        return made

    def find(self, shelf: Shelf[T], key: str, load: Callable[[str], T | None]) -> T | None:
        """What is on the shelf under this key, loaded where nothing is known of it.

        Raises what `load` raises, and what the store raises when nothing fresh enough is remembered.
        """
        with self._lock:
            self._refresh(self._clock())
            version, known = self._version, shelf.get(key)
            if known is not None or key in shelf:
                return known
        found = load(key)
        with self._lock:
            if version == self._version:  # else what was read may be older than what was just forgotten
                shelf.put(key, found)
        return found

    def _refresh(self, now: datetime) -> None:
        """Read the version if the last try is a second old; holds the lock, so that nobody answers from before."""
        if self._not_again is None or not self._not_again[0] <= now < self._not_again[1]:
            self._not_again = now, now + _VERSION_AGE
            try:
                self._set_version(self._read_version(), now)
            except Exception as failure:  # noqa: BLE001  whatever the store raises: it is raised on when the bound is over
                self._failure = failure
        if self._failure is not None and not self._may_serve_stale(now):
            raise self._failure.with_traceback(None)

    def _set_version(self, version: int, now: datetime) -> None:
        if version != self._version:
            for shelf in self._shelves:
                shelf.clear()
        self._version, self._read_at, self._failure = version, now, None

    def _may_serve_stale(self, now: datetime) -> bool:
        return self._read_at is not None and timedelta(0) <= now - self._read_at <= _STALE_AT_MOST


class _Recent(Generic[T]):
    """A bounded mapping that forgets what was used longest ago."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._entries: OrderedDict[str, T] = OrderedDict()

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def get(self, key: str) -> T | None:
        value = self._entries.get(key)
        if value is not None:
            self._entries.move_to_end(key)
        return value

    def put(self, key: str, value: T) -> None:
        self._entries[key] = value
        self._entries.move_to_end(key)
        while len(self._entries) > self._limit:
            self._entries.popitem(last=False)

    def clear(self) -> None:
        self._entries.clear()
