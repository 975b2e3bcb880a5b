"""Scopes of APIs and who may use them, on real databases: granted, ended, revoked, and how soon it is known."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from clients_registry import events
from clients_registry.errors import (
    AlreadyDisabled,
    InvalidResourceMetadata,
    InvalidScopeGrant,
    ResourceExists,
    UnknownClient,
    UnknownScope,
)
from clients_registry.registry import Registry
from tests.storage.registry_world import ACTOR, BUILDING_READ, NORDHAVN_CVR, RegistryWorld, registration
from tests.support.clock import FrozenClock

BUILDING = "https://api.nordhavn.example/building"
READ = "nordhavn:building.read"
WRITE = "nordhavn:building.write"


@pytest.fixture
def world(sql_url: str, clock: FrozenClock) -> Iterator[RegistryWorld]:
    """Nordhavn's API, and a client of the state."""
    world = RegistryWorld(sql_url, clock)
    world.add_organisation()
    world.add_organisation(cvr_number="22334455", kind="state", name="Statens Boligstøtte")
    world.add_resource()
    yield world
    world.close()


@pytest.fixture
def client_id(world: RegistryWorld) -> str:
    return world.register(registration(organisation="22334455")).client.client_id


def usable(node: Registry, client_id: str, clock: FrozenClock, by: str = "machines") -> set[str]:
    granted = node.granted_scopes(client_id)
    return {word for word, scope in granted.items() if scope.may_be_used(by, clock())}


def test_a_granted_scope_may_be_used_until_its_end_and_not_after(
    world: RegistryWorld, client_id: str, clock: FrozenClock
) -> None:
    """S-034."""
    assert usable(world.node(), client_id, clock) == set()
    ends_at = clock() + timedelta(days=90)
    granted = world.grant_scope(client_id, ends_at=ends_at)
    node = world.node()
    assert usable(node, client_id, clock) == {READ}
    assert node.granted_scopes(client_id)[READ].identifier == BUILDING
    assert node.scope_grants() == [granted]
    assert (granted.granted_by, granted.granted_at, granted.ends_at) == (ACTOR, clock(), ends_at)
    clock.forward(seconds=90 * 86_400 - 1)
    assert usable(node, client_id, clock) == {READ}
    clock.forward(seconds=1)
    assert usable(node, client_id, clock) == set()


def test_a_scope_for_machines_is_nothing_for_citizens(
    world: RegistryWorld, client_id: str, clock: FrozenClock
) -> None:
    """S-034: whoever owns the API says in whose name each scope is used."""
    world.database.transact(
        lambda tx: world.scope_registrations.add(
            tx, BUILDING, BUILDING_READ | {"scope": WRITE, "used_by": ["citizens"]}, actor=ACTOR
        )
    )
    world.grant_scope(client_id)
    world.grant_scope(client_id, WRITE)
    node = world.node()
    assert usable(node, client_id, clock) == {READ}
    assert usable(node, client_id, clock, "citizens") == {WRITE}


def test_a_revoked_scope_is_gone_in_every_process_within_a_second(
    world: RegistryWorld, client_id: str, clock: FrozenClock
) -> None:
    """S-035."""
    world.grant_scope(client_id)
    nodes = [world.node() for _ in range(2)]
    assert [usable(node, client_id, clock) for node in nodes] == [{READ}] * 2
    revoke = world.scope_registrations.revoke
    world.database.transact(lambda tx: revoke(tx, READ, client_id, actor=ACTOR))
    clock.forward(seconds=1)
    assert [usable(node, client_id, clock) for node in nodes] == [set()] * 2
    with pytest.raises(UnknownScope):
        world.database.transact(lambda tx: revoke(tx, READ, client_id, actor=ACTOR))


def test_a_new_grant_takes_the_place_of_the_old_one_even_of_a_revoked_one(
    world: RegistryWorld, client_id: str, clock: FrozenClock
) -> None:
    world.grant_scope(client_id, purpose="The first agreement")
    world.database.transact(lambda tx: world.scope_registrations.revoke(tx, READ, client_id, actor=ACTOR))
    clock.forward(seconds=1)
    again = world.grant_scope(client_id, purpose="The second agreement")
    assert world.node().scope_grants() == [again]
    assert usable(world.node(), client_id, clock) == {READ}


def test_a_grant_is_one_clients_alone(world: RegistryWorld, client_id: str, clock: FrozenClock) -> None:
    """S-034."""
    world.grant_scope(client_id)
    other = world.register(registration(client_name="Another")).client.client_id
    assert usable(world.node(), other, clock) == set()


def test_a_scope_has_one_word_and_one_owner(world: RegistryWorld) -> None:
    other = world.add_resource(identifier="https://api.nordhavn.example/roads", scopes=[]).resource
    add = world.scope_registrations.add
    with pytest.raises(ResourceExists):
        world.database.transact(lambda tx: add(tx, other.resource_id, BUILDING_READ, actor=ACTOR))
    with pytest.raises(InvalidResourceMetadata) as refused:
        world.database.transact(
            lambda tx: add(tx, BUILDING, BUILDING_READ | {"scope": "openid", "used_by": []}, actor=ACTOR)
        )
    assert [fault.field for fault in refused.value.faults] == ["scope", "used_by"]


def test_what_is_granted_exists_and_is_not_disabled(world: RegistryWorld, client_id: str) -> None:
    with pytest.raises(UnknownScope):
        world.grant_scope(client_id, "nordhavn:nothing")
    with pytest.raises(UnknownClient):
        world.grant_scope("0" * 32)
    world.database.transact(lambda tx: world.registrations.disable(tx, client_id, actor=ACTOR))
    with pytest.raises(AlreadyDisabled):
        world.grant_scope(client_id)
    world.database.transact(lambda tx: world.resource_registrations.disable(tx, BUILDING, actor=ACTOR))
    with pytest.raises(AlreadyDisabled):
        world.grant_scope(world.register().client.client_id)


@pytest.mark.parametrize(
    ("purpose", "days", "fields"),
    [("", 0, ["purpose", "until"]), ("a\nb", 1, ["purpose"]), ("x" * 301, 5 * 366 + 1, ["purpose", "until"])],
)
def test_a_grant_has_a_purpose_and_an_end(
    world: RegistryWorld, client_id: str, clock: FrozenClock, purpose: str, days: int, fields: list[str]
) -> None:
    with pytest.raises(InvalidScopeGrant) as refused:
        world.grant_scope(client_id, purpose=purpose, ends_at=clock() + timedelta(days=days))
    assert [fault.field for fault in refused.value.faults] == fields


def test_every_write_stands_in_the_journal(world: RegistryWorld, client_id: str, clock: FrozenClock) -> None:
    before = len(world.journal())
    write = BUILDING_READ | {"scope": WRITE}
    world.database.transact(lambda tx: world.scope_registrations.add(tx, BUILDING, write, actor=ACTOR))
    granted = world.grant_scope(client_id, WRITE)
    world.database.transact(
        lambda tx: world.scope_registrations.revoke(tx, WRITE, client_id, actor=ACTOR, reason="over")
    )
    told = world.journal()[before:]
    assert [event for event, _ in told] == list(events.OF_SCOPES)
    nordhavn = world.node().find_organisation(NORDHAVN_CVR)
    assert nordhavn is not None
    assert {facts["organisation_id"] for _, facts in told} == {nordhavn.organisation_id}
    assert told[1][1]["purpose"] == granted.purpose
    assert told[1][1]["ends_at"] == granted.ends_at.isoformat()
    assert (told[2][1]["scope"], told[2][1]["client_id"], told[2][1]["reason"]) == (WRITE, client_id, "over")
