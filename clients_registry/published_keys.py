"""The keys that a client publishes at its `jwks_uri` (RFC 7591 §2): fetched when needed, remembered for a while.

    known and young ────────────────────────▶ used as they are
    known, older than `_FRESH` ─────────────▶ used; fetched again beside that
    unknown, or unasked for too long ───────▶ fetched, and the caller waits a little
    the fetch failed ───────────────────────▶ what is known goes on for a day; the next try after `_COOL_DOWN`

One fetch at a time and at most one in `_COOL_DOWN` for each client, by all processes together, whoever asks and however
often, since anybody can invent a `kid` (S-105). What one process fetched the others take over. Who fetches, and what may
be fetched, is said by whoever wires.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from joserfc.jwk import Key

from clients_registry.client_keys import ClientKeys, EncryptionKey
from clients_registry.errors import InvalidKeys, MalformedJson, NotFetched, UnknownKey
from clients_registry.ports import Clock, SharedKeySet, SharedKeySets
from clients_registry.strict_json import parse_object

MEDIA_TYPES = ("application/json", "application/jwk-set+json")
"""RFC 7517 §8.5.2, and what most servers say."""

_FRESH = timedelta(minutes=5)
_UNASKED = timedelta(minutes=10)
"""Known keys that are older were in nobody's use: one that was removed since must not be taken (S-106)."""
_USABLE = timedelta(days=1)
"""While the address does not answer."""
_COOL_DOWN = timedelta(seconds=60)
_LOOK_AGAIN = timedelta(seconds=1)
"""How often a process asks what the others have fetched, for a key that it does not know."""
_PATIENCE_SECONDS = 2.0
"""Of a request whose key is not known; the fetch itself may take longer and is of use to the next one."""
_PLACE_SECONDS = 0.25
_PAUSE_SECONDS = 0.1
"""Between two looks at what another process is fetching."""
_REMEMBERED = 20_000

Fetch = Callable[[str], bytes]
"""The document at an address of a client; NotFetched where there is none."""
_T = TypeVar("_T")


@dataclass(eq=False)
class _Set:
    """What is known of one client's address."""

    keys: ClientKeys | None = None
    fetched_at: datetime | None = None
    looked_at: datetime | None = None
    flight: threading.Event | None = None
    """Set when the look that is under way has ended."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def younger_than(self, age: timedelta, now: datetime) -> ClientKeys | None:
        with self.lock:
            keys, fetched_at = self.keys, self.fetched_at
        return keys if fetched_at is not None and now - fetched_at <= age else None

    def take(self, keys: ClientKeys, fetched_at: datetime) -> None:
        with self.lock:
            self.keys, self.fetched_at = keys, fetched_at


class PublishedKeySets:
    """Shared by all threads of a process. `waiting` requests at once may wait for a fetch, so that the others go on."""

    def __init__(self, fetch: Fetch, shared: SharedKeySets, clock: Clock, *, waiting: int = 2) -> None:
        self._fetch = fetch
        self._shared = shared
        self._clock = clock
        self._places = threading.BoundedSemaphore(waiting)
        self._lock = threading.Lock()
        self._sets: OrderedDict[tuple[str, str], _Set] = OrderedDict()

    def find(self, client_id: str, uri: str, choose: Callable[[ClientKeys], _T]) -> _T:
        """What `choose` takes from the client's keys.

        Raises:
            UnknownKey: as `choose`, or because no keys could be fetched.
        """
        now, known = self._clock(), self._set_of(client_id, uri)
        try:
            if (keys := known.younger_than(_UNASKED, now)) is not None:
                found = choose(keys)
                if known.younger_than(_FRESH, now) is None:
                    self._begin(known, client_id, uri, now)
                return found
        except UnknownKey:
            pass  # perhaps a new one
        flight = self._begin(known, client_id, uri, now)
        if flight is not None:
            self._wait(flight)
        keys = known.younger_than(_USABLE, now)
        if keys is None:
            raise UnknownKey("no keys could be fetched from its jwks_uri; try again in a minute")
        return choose(keys)

    def _set_of(self, client_id: str, uri: str) -> _Set:
        with self._lock:
            known = self._sets.setdefault((client_id, uri), _Set())
            self._sets.move_to_end((client_id, uri))
            while len(self._sets) > _REMEMBERED:
                self._sets.popitem(last=False)
        return known

    def _begin(self, known: _Set, client_id: str, uri: str, now: datetime) -> threading.Event | None:
        """The look that is under way, begun if it may be; None while the last one is too recent."""
        with known.lock:
            if known.flight is not None:
                return known.flight
            if known.looked_at is not None and timedelta(0) <= now - known.looked_at < _LOOK_AGAIN:
                return None
            known.looked_at, known.flight = now, threading.Event()
            flight = known.flight
        try:
            arguments = (known, client_id, uri, now, flight)
            threading.Thread(target=self._fly, args=arguments, daemon=True).start()
        except RuntimeError:  # the system has no thread to give
            known.flight = None
            flight.set()
        return flight

    def _fly(self, known: _Set, client_id: str, uri: str, now: datetime, flight: threading.Event) -> None:
        try:
            self._look(known, f"{client_id} {uri}", uri, now)
        except (NotFetched, MalformedJson, InvalidKeys):
            pass  # what is known goes on
        finally:
            known.flight = None
            flight.set()

    def _look(self, known: _Set, name: str, uri: str, now: datetime) -> None:
        """Take over what another process has fetched or is fetching, then fetch if nobody has in the last `_COOL_DOWN`.

        Raises: NotFetched, MalformedJson, InvalidKeys.
        """
        shared = self._shared.find(name)
        if shared is not None and shared.under_way:
            shared = self._awaited(name, None)
        _take_over(known, shared)
        if shared is not None and timedelta(0) <= now - shared.tried_at < _COOL_DOWN:
            return
        # Of all who saw this last try, one makes the next.
        last_try = now.date() if shared is None else shared.tried_at
        if self._shared.claim(f"{name} {last_try.isoformat()}", _COOL_DOWN):
            self._fetch_for_all(known, name, uri, now, shared)
        else:
            _take_over(known, self._awaited(name, shared))

    def _fetch_for_all(
        self, known: _Set, name: str, uri: str, now: datetime, shared: SharedKeySet | None
    ) -> None:
        tried = replace(shared or SharedKeySet(now, now + _USABLE), tried_at=now)
        self._shared.put(name, replace(tried, under_way=True))
        try:
            document = self._fetch(uri)
            keys = ClientKeys.published(parse_object(document))
            tried = SharedKeySet(now, now + _USABLE, fetched_at=now, document=document.decode())
            known.take(keys, now)
        finally:
            self._shared.put(name, tried)

    def _awaited(self, name: str, before: SharedKeySet | None) -> SharedKeySet | None:
        """What the process that is fetching finds, if that does not take long."""
        ends, pause = time.monotonic() + _PATIENCE_SECONDS, threading.Event()
        while True:
            shared = self._shared.find(name)
            ended = shared is not None and not shared.under_way
            if (ended and shared != before) or time.monotonic() > ends:
                return shared
            pause.wait(_PAUSE_SECONDS)

    def _wait(self, flight: threading.Event) -> None:
        """Little, and never with more threads than may be spared."""
        if self._places.acquire(timeout=_PLACE_SECONDS):
            try:
                flight.wait(_PATIENCE_SECONDS)
            finally:
                self._places.release()


def _take_over(known: _Set, shared: SharedKeySet | None) -> None:
    """What was fetched later than what is known here. Raises: MalformedJson, InvalidKeys."""
    if shared is None or shared.fetched_at is None:
        return
    if known.fetched_at is None or shared.fetched_at > known.fetched_at:
        known.take(ClientKeys.published(parse_object(shared.document.encode())), shared.fetched_at)


@dataclass(frozen=True, slots=True)
class PublishedKeys:
    """The keys of one client by its `jwks_uri`, to be used like `ClientKeys`."""

    sets: PublishedKeySets
    client_id: str
    uri: str

    def find(self, alg: str, kid: str | None) -> Key:
        """As `ClientKeys.find`."""
        return self.sets.find(self.client_id, self.uri, lambda keys: keys.find(alg, kid))

    def find_encryption(self, alg: str) -> EncryptionKey:
        """As `ClientKeys.find_encryption`."""
        return self.sets.find(self.client_id, self.uri, lambda keys: keys.find_encryption(alg))

    def find_certified(self, public_key: bytes) -> Key:
        """As `ClientKeys.find_certified`."""
        return self.sets.find(self.client_id, self.uri, lambda keys: keys.find_certified(public_key))
