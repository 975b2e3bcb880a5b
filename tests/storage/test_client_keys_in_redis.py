"""What all processes know of clients' published keys: kept, forgotten in time, and claimed by one."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
import redis
from joserfc.jwk import ECKey

from clients_registry.errors import NotFetched, UnknownKey
from clients_registry.ports import SharedKeySet
from clients_registry.published_keys import PublishedKeySets
from idp.storage import redis_client
from idp.storage.client_keys_in_redis import ClientKeySets
from tests.support.clock import FrozenClock

KEY = ECKey.generate_key("P-256")
DOCUMENT = json.dumps({"keys": [KEY.as_dict(private=False) | {"kid": "k"}]}).encode()
URI = "https://service.example/jwks"


@pytest.fixture
def store(redis_url_each: str, clock: FrozenClock) -> Iterator[redis.Redis]:
    client = redis_client.connect(redis_url_each, clock)
    yield client
    client.close()


@pytest.fixture
def shared(store: redis.Redis, clock: FrozenClock) -> ClientKeySets:
    return ClientKeySets(lambda: store, clock)


def test_a_set_is_found_until_it_ends(shared: ClientKeySets, clock: FrozenClock) -> None:
    kept = SharedKeySet(clock(), clock() + timedelta(hours=1), fetched_at=clock(), document='{"keys":[]}')
    assert shared.find("c uri") is None
    shared.put("c uri", kept)
    assert shared.find("c uri") == kept
    assert shared.find("c other") is None
    clock.forward(timedelta(hours=1))
    assert shared.find("c uri") is None


def test_of_many_who_claim_one_gets_it(shared: ClientKeySets) -> None:
    """S-105."""
    got: list[bool] = []
    callers = [
        threading.Thread(target=lambda: got.append(shared.claim("c uri now", timedelta(minutes=1))))
        for _ in range(8)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert got.count(True) == 1
    assert shared.claim("c uri later", timedelta(minutes=1))


def test_of_many_processes_one_fetches(shared: ClientKeySets, clock: FrozenClock) -> None:
    """S-105: those that come at the very same moment too; all of them get what it fetched."""
    fetches: list[str] = []
    found: list[str] = []
    begun = threading.Barrier(8)

    def fetch(uri: str) -> bytes:
        fetches.append(uri)
        return DOCUMENT

    processes = [PublishedKeySets(fetch, shared, clock) for _ in range(8)]

    def ask(process: PublishedKeySets) -> None:
        begun.wait(10)
        found.append(process.find("c", URI, lambda keys: keys.find("ES256", "k")).thumbprint())

    callers = [threading.Thread(target=ask, args=(process,)) for process in processes]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert fetches == [URI]
    assert found == [KEY.thumbprint()] * 8


def test_nothing_is_fetched_while_nobody_knows_what_others_did(clock: FrozenClock) -> None:
    """S-105: a store that is away is no reason to ask a service's server more often."""
    nowhere = redis_client.connect("redis://127.0.0.1:1", clock)
    away = ClientKeySets(lambda: nowhere, clock)
    fetches: list[str] = []

    def fetch(uri: str) -> bytes:
        fetches.append(uri)
        return DOCUMENT

    with pytest.raises(NotFetched):
        away.find("c uri")
    with pytest.raises(UnknownKey):
        PublishedKeySets(fetch, away, clock).find("c", URI, lambda keys: keys.find("ES256", "k"))
    assert fetches == []
    nowhere.close()
