"""Looking clients up: fresh within a second, bounded in memory, and honest when the store is away."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from clients_registry.errors import UnknownKey
from clients_registry.registry import Registry
from idp.errors import StoreUnavailable
from tests.storage.registry_world import (
    ACTOR,
    NORDHAVN_CVR,
    RegistryWorld,
    ec_key,
    public,
    registration,
    rsa_jwk,
    rsa_primes,
)
from tests.support.clock import FrozenClock


@pytest.fixture
def world(sql_url: str, clock: FrozenClock) -> Iterator[RegistryWorld]:
    world = RegistryWorld(sql_url, clock)
    world.add_organisation()
    yield world
    world.close()


class Line:
    """The way to the store: counts what passes, and can be cut. The store behind it is the real one."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.reads: list[str] = []
        self.is_cut = False
        self.meanwhile: Any = None

    def __getattr__(self, name: str) -> Any:
        def read(*arguments: Any) -> Any:
            if self.is_cut:
                raise StoreUnavailable("the line is cut")
            self.reads.append(name)
            answer = getattr(self._store, name)(*arguments)
            if name == "find_client" and self.meanwhile is not None:
                self.meanwhile()
            return answer

        return read


def registry_over(world: RegistryWorld, **options: Any) -> tuple[Registry, Line]:
    line = Line(world.store)
    return Registry(line, world.resource_store, world.clock, **options), line


def test_a_client_is_read_once_and_then_remembered(world: RegistryWorld, clock: FrozenClock) -> None:
    client_id = world.register().client.client_id
    registry, line = registry_over(world)
    first = registry.find_client(client_id)
    assert all(registry.find_client(client_id) is first for _ in range(100))
    assert line.reads == ["version", "find_client"]
    clock.forward(seconds=1)
    assert registry.find_client(client_id) is first
    assert line.reads == ["version", "find_client", "version"]


def test_a_disabled_client_is_disabled_in_every_process_within_a_second(
    world: RegistryWorld, clock: FrozenClock
) -> None:
    """S-035."""
    client_id = world.register().client.client_id
    nodes = [world.node() for _ in range(3)]
    assert [node.find_client(client_id).disabled for node in nodes] == [False] * 3  # type: ignore[union-attr]
    world.database.transact(lambda tx: world.registrations.disable(tx, client_id, actor=ACTOR))
    clock.forward(seconds=1)
    assert [node.find_client(client_id).disabled for node in nodes] == [True] * 3  # type: ignore[union-attr]


def test_a_disabled_organisation_disables_its_clients_within_a_second(
    world: RegistryWorld, clock: FrozenClock
) -> None:
    """S-035."""
    client_id = world.register().client.client_id
    node = world.node()
    before = node.find_client(client_id)
    world.database.transact(
        lambda tx: world.registrations.disable_organisation(tx, NORDHAVN_CVR, actor=ACTOR)
    )
    clock.forward(seconds=1)
    after = node.find_client(client_id)
    assert before is not None and after is not None
    assert (before.disabled, after.disabled) == (False, True)


def test_a_client_that_was_unknown_is_found_a_second_after_it_was_registered(
    world: RegistryWorld, clock: FrozenClock
) -> None:
    node = world.node()
    assert node.find_client("0" * 32) is None
    client_id = world.register().client.client_id
    clock.forward(seconds=1)
    assert node.find_client(client_id) is not None


def test_what_was_read_before_a_change_is_not_remembered_after_it(
    world: RegistryWorld, clock: FrozenClock
) -> None:
    """S-035: a slow reader must not put back what the version has just made everyone forget."""
    client_id = world.register().client.client_id
    registry, line = registry_over(world)

    def meanwhile() -> None:
        line.meanwhile = None
        world.database.transact(lambda tx: world.registrations.disable(tx, client_id, actor=ACTOR))
        clock.forward(seconds=1)
        registry.find_client("0" * 32)  # another thread sees the new version

    line.meanwhile = meanwhile
    slow = registry.find_client(client_id)
    again = registry.find_client(client_id)
    assert slow is not None and again is not None
    assert (slow.disabled, again.disabled) == (False, True)


def test_a_clock_set_back_does_not_keep_a_disabled_client_alive(
    world: RegistryWorld, clock: FrozenClock
) -> None:
    """S-035."""
    client_id = world.register().client.client_id
    node = world.node()
    node.find_client(client_id)
    world.database.transact(lambda tx: world.registrations.disable(tx, client_id, actor=ACTOR))
    clock.forward(seconds=-3600)
    found = node.find_client(client_id)
    assert found is not None and found.disabled


def test_without_the_store_what_is_remembered_serves_for_thirty_seconds_and_no_longer(
    world: RegistryWorld, clock: FrozenClock
) -> None:
    client_id = world.register().client.client_id
    registry, line = registry_over(world)
    registry.find_client(client_id)
    line.is_cut = True
    clock.forward(seconds=30)
    assert registry.find_client(client_id) is not None
    with pytest.raises(StoreUnavailable):
        registry.find_client("1" * 32)  # never "unknown" by guess
    clock.forward(seconds=1)
    with pytest.raises(StoreUnavailable):
        registry.find_client(client_id)
    with pytest.raises(StoreUnavailable):
        registry.find_client(client_id)
    line.is_cut = False
    clock.forward(seconds=1)
    assert registry.find_client(client_id) is not None


def test_without_the_store_a_process_that_just_started_knows_nobody(world: RegistryWorld) -> None:
    registry, line = registry_over(world)
    line.is_cut = True
    with pytest.raises(StoreUnavailable):
        registry.find_client("1" * 32)


def test_memory_is_bounded_and_keeps_what_was_used_last(world: RegistryWorld) -> None:
    ids = [world.register(registration(client_name=f"Service {n}")).client.client_id for n in range(3)]
    registry, line = registry_over(world, remembered=2)
    for client_id in (ids[0], ids[1], ids[0], ids[2]):
        registry.find_client(client_id)
    line.reads.clear()
    registry.find_client(ids[0])
    assert line.reads == []
    registry.find_client(ids[1])
    assert line.reads == ["find_client"]


def test_a_key_that_todays_policy_refuses_is_not_used_and_the_others_go_on(world: RegistryWorld) -> None:
    """A registration from before a stricter key policy: the client is found, its weak key is not."""
    client = world.register().client
    p, q, *_ = rsa_primes()
    jwks = {"keys": [rsa_jwk(p * q, 3, kid="weak"), public(ec_key(), kid="sound")]}
    world.database.transact(lambda tx: world.store.replace_client(tx, replace(client, jwks=jwks)))
    found = world.node().find_client(client.client_id)
    assert found is not None
    assert found.keys.find("ES256", "sound")
    with pytest.raises(UnknownKey):
        found.keys.find("PS256", "weak")
