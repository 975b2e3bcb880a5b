"""What all processes know of clients' published keys, in Redis. See `clients_registry.ports.SharedKeySets` for the promises."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cached_property

import redis

from clients_registry.errors import NotFetched
from clients_registry.ports import SharedKeySet
from idp.errors import StoreUnavailable
from idp.storage.in_redis import OneTime, Records

_KIND = "client-keys"


class ClientKeySets:
    """Opened at the first need, since a command that lists clients needs no Redis.

    A store that is away is told as NotFetched: nothing is fetched without knowing what others did.
    """

    def __init__(self, open_store: "Callable[[], redis.Redis]", clock: Callable[[], datetime]) -> None:
        self._open = open_store
        self._clock = clock

    def find(self, name: str) -> SharedKeySet | None:
        try:
            return self._records.find(name)
        except StoreUnavailable:
            raise NotFetched("the store is away") from None

    def put(self, name: str, found: SharedKeySet) -> None:
        try:
            self._records.put(name, found)
        except StoreUnavailable:
            raise NotFetched("the store is away") from None

    def claim(self, what: str, lifetime: timedelta) -> bool:
        try:
            return OneTime(self._open()).put(_KIND, what, "1", lifetime)
        except StoreUnavailable:
            raise NotFetched("the store is away") from None

    @cached_property
    def _records(self) -> Records[SharedKeySet]:
        return Records(self._open(), self._clock, _KIND, SharedKeySet)
