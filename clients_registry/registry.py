"""Registry: the look-up of clients on the hot path, remembered in the process.

A version in the store rises with every write. Each process reads it at most once a second and forgets everything
when it has moved, so a disabled client is disabled in every process within a second (S-035). While the store does
not answer, what was remembered serves for at most `_STALE_AT_MOST`; after that the store's error is raised on.
Writing is in registrations.

    look-up ──▶ version younger than 1 s? ──yes──▶ remembered? ──yes──▶ answer
                        │ no                            │ no
                        ▼                               ▼
                read the version                 read the client, remember it
                moved: forget all                (unless the version moved meanwhile)
"""

import re
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar
from urllib.parse import urlsplit

from clients_registry.client import Client
from clients_registry.client_keys import ClientKeys
from clients_registry.organisation import Organisation
from clients_registry.ports import ClientStore, Clock

CLIENTS_REMEMBERED = 20_000
"""Twice the ten thousand clients that a country is sized for (product.md, Measures)."""

_UNKNOWN_REMEMBERED = 2_000
"""Apart from the clients, so that a flood of invented ids evicts none of them."""

_VERSION_AGE = timedelta(seconds=1)
_STALE_AT_MOST = timedelta(seconds=30)

_CLIENT_ID = re.compile(r"[A-Za-z0-9._~-]{1,64}")
"""Ours are 32 hex digits. Anything outside this never reaches the store or the memory (S-114, S-334)."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RegisteredClient:
    """A client with its organisation and its parsed keys."""

    client: Client
    organisation: Organisation
    keys: ClientKeys

    @property
    def disabled(self) -> bool:
        """It or its organisation was disabled: nothing may be begun or redeemed with it."""
        return self.client.disabled_at is not None or self.organisation.disabled_at is not None


class Registry:
    """Finds clients. One per process; safe to use from many threads."""

    def __init__(self, store: ClientStore, clock: Clock, *, remembered: int = CLIENTS_REMEMBERED) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._clients: _Recent[RegisteredClient] = _Recent(remembered)
        self._unknown: _Recent[None] = _Recent(_UNKNOWN_REMEMBERED)
        self._public_origins: frozenset[str] | None = None
        self._version: int | None = None
        self._read_at: datetime | None = None
        """When the version was last read with success."""
        self._tried_at: datetime | None = None
        self._failure: Exception | None = None

    def find_client(self, client_id: str) -> RegisteredClient | None:
        """The client, disabled or not; None where there is none, whatever the text may be.

        Raises what the store raises when it does not answer and nothing fresh enough is remembered.
        """
        if not isinstance(client_id, str) or _CLIENT_ID.fullmatch(client_id) is None:
            return None
        with self._lock:
            self._refresh(self._clock())
            version = self._version
            known = self._clients.get(client_id)
            if known is not None or client_id in self._unknown:
                return known
        found = self._load(client_id)
        with self._lock:
            if version == self._version:  # else what was read may be older than what was just forgotten
                self._remember(client_id, found)
        return found

    def public_origins(self) -> frozenset[str]:
        """Origins (RFC 6454 §4) of the redirect URIs of public clients, for CORS; none while the store is away.

        Never raises: what everybody may read is served without asking a store.
        """
        try:
            with self._lock:
                self._refresh(self._clock())
                version, known = self._version, self._public_origins
            if known is not None:
                return known
            found = frozenset(filter(None, map(_origin, self._store.public_redirect_uris())))
        except Exception:  # noqa: BLE001  whatever the store raises
            return frozenset()
        with self._lock:
            if version == self._version:
                self._public_origins = found
        return found

    def clients(self) -> list[RegisteredClient]:
        """All clients, read from the store."""
        return [_registered(client, organisation) for client, organisation in self._store.clients()]

    def organisations(self) -> list[Organisation]:
        """All organisations, read from the store."""
        return self._store.organisations()

    def find_organisation(self, reference: str) -> Organisation | None:
        """By id or CVR number, read from the store."""
        if not isinstance(reference, str) or _CLIENT_ID.fullmatch(reference) is None:
            return None
        return self._store.find_organisation(reference)

    def _load(self, client_id: str) -> RegisteredClient | None:
        found = self._store.find_client(client_id)
        return None if found is None else _registered(*found)

    def _remember(self, client_id: str, found: RegisteredClient | None) -> None:
        if found is None:
            self._unknown.put(client_id, None)
        else:
            self._clients.put(client_id, found)

    def _refresh(self, now: datetime) -> None:
        """Read the version if the last try is a second old; holds the lock, so that nobody answers from before."""
        if self._tried_at is None or not timedelta(0) <= now - self._tried_at < _VERSION_AGE:
            self._tried_at = now
            try:
                self._set_version(self._store.version(), now)
            except Exception as failure:  # noqa: BLE001  whatever the store raises: it is raised on when the bound is over
                self._failure = failure
        if self._failure is not None and not self._may_serve_stale(now):
            raise self._failure.with_traceback(None)

    def _set_version(self, version: int, now: datetime) -> None:
        if version != self._version:
            self._clients.clear()
            self._unknown.clear()
            self._public_origins = None
        self._version, self._read_at, self._failure = version, now, None

    def _may_serve_stale(self, now: datetime) -> bool:
        return self._read_at is not None and timedelta(0) <= now - self._read_at <= _STALE_AT_MOST


def _origin(uri: str) -> str | None:
    """As a browser sends it; None for a private-use scheme."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("https", "http") else None


def _registered(client: Client, organisation: Organisation) -> RegisteredClient:
    return RegisteredClient(client, organisation, ClientKeys.still_usable(client.jwks))


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
