"""Kinds of authorization details in the registry, on real databases, and `adgang details`."""

import json
from collections.abc import Iterator
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from clients_registry import events
from clients_registry.cli_details import make_details_group
from clients_registry.detail_type import RegisteredDetailType
from clients_registry.errors import (
    AlreadyDisabled,
    InvalidClientMetadata,
    ResourceExists,
    UnknownDetailType,
    UnknownResource,
)
from clients_registry.registry import Registry
from tests.storage.registry_world import ACTOR, RegistryWorld, detail_type, registration
from tests.support.clock import FrozenClock


@pytest.fixture
def world(sql_url: str, clock: FrozenClock) -> Iterator[RegistryWorld]:
    world = RegistryWorld(sql_url, clock)
    world.add_organisation()
    world.add_resource()
    yield world
    world.close()


def found(node: Registry, name: str = "nordhavn:case") -> RegisteredDetailType:
    registered = node.find_detail_type(name)
    assert registered is not None
    return registered


def disable(world: RegistryWorld, name: str = "nordhavn:case") -> None:
    world.database.transact(lambda tx: world.detail_registrations.disable(tx, name, actor=ACTOR))


def test_a_type_comes_back_as_it_was_declared(world: RegistryWorld) -> None:
    made = world.add_detail_type()
    assert found(world.node()) == RegisteredDetailType(made, disabled=False)
    assert world.node().detail_types() == [RegisteredDetailType(made, disabled=False)]
    assert made.as_json() == detail_type()
    assert world.journal()[-1] == (
        events.DETAIL_TYPE_ADDED,
        {"type": "nordhavn:case", "resource": "https://api.nordhavn.example/building"},
    )


def test_a_type_belongs_to_one_api(world: RegistryWorld) -> None:
    """RFC 9396 §2: another body cannot give the word another meaning."""
    world.add_detail_type()
    other = world.add_organisation(cvr_number="55667788", name="Region Midtsund", kind="region")
    world.add_resource(
        identifier="https://api.midtsund.example/", organisation=other.organisation_id, scopes=[]
    )
    with pytest.raises(ResourceExists):
        world.add_detail_type(resource="https://api.midtsund.example/")
    with pytest.raises(UnknownResource):
        world.add_detail_type(type="nordhavn:other", resource="https://api.nordhavn.example/none")


@pytest.mark.parametrize("what", ["type", "resource", "organisation"])
def test_what_is_disabled_is_disabled_in_every_process_within_a_second(
    world: RegistryWorld, what: str
) -> None:
    """S-035."""
    world.add_detail_type()
    node = world.node()
    assert not found(node).disabled
    identifier = "https://api.nordhavn.example/building"
    if what == "type":
        disable(world)
    elif what == "resource":
        write = world.resource_registrations.disable
        world.database.transact(lambda tx: write(tx, identifier, actor=ACTOR))
    else:
        end = world.registrations.disable_organisation
        world.database.transact(lambda tx: end(tx, "11223344", actor=ACTOR))
    world.clock.forward(seconds=1)
    assert found(node).disabled
    if what == "resource":
        with pytest.raises(AlreadyDisabled):
            world.add_detail_type(type="nordhavn:late")


def test_a_type_is_disabled_once(world: RegistryWorld) -> None:
    world.add_detail_type()
    disable(world)
    with pytest.raises(AlreadyDisabled):
        disable(world)
    with pytest.raises(UnknownDetailType):
        disable(world, "nordhavn:none")
    assert [event for event, _ in world.journal()][-1] == events.DETAIL_TYPE_DISABLED


@pytest.mark.parametrize("name", ["", "x", "nordhavn:none", "ø:æ", "a:" + "b" * 200, "a:b\0", None])
def test_a_name_that_is_none_is_never_a_fault(world: RegistryWorld, name: Any) -> None:
    """S-114, S-334."""
    assert world.node().find_detail_type(name) is None


def test_a_client_is_registered_only_for_kinds_that_can_be_asked_for(world: RegistryWorld) -> None:
    """A misspelt kind would be refused at the first sign-in; the operator learns of it here. What it has may stay."""
    world.add_detail_type()
    world.add_detail_type(type="nordhavn:old")
    for names in (["nordhavn:case", "nordhavn:cases"], ["nordhavn:none"]):
        with pytest.raises(InvalidClientMetadata) as refused:
            world.register(registration(authorization_details_types=names))
        assert [fault.field for fault in refused.value.faults] == ["authorization_details_types"]
        assert "adgang details list" in str(refused.value)
    both = registration(authorization_details_types=["nordhavn:case", "nordhavn:old"])
    client_id = world.register(both).client.client_id
    disable(world, "nordhavn:old")
    changed = world.change(client_id, both | {"client_name": "Nye byggesager"})
    assert changed.changed == ("client_name",)
    with pytest.raises(InvalidClientMetadata):
        world.register(both)


def run(world: RegistryWorld, *words: str, **options: Any) -> Result:
    adgang = click.Group(commands=[make_details_group(world.services)])
    return CliRunner().invoke(adgang, ["details", *words], **options)


def test_an_operator_declares_lists_and_withdraws(world: RegistryWorld) -> None:
    assert "Declare the first" in run(world, "list").output
    added = run(world, "add", "-", input=json.dumps(detail_type()))
    assert added.exit_code == 0 and "authorization_details_types" in added.output
    assert "nordhavn:case" in run(world, "list").output and "live" in run(world, "list").output
    (shown,) = json.loads(run(world, "list", "--json").stdout)
    assert shown["schema"] == detail_type()["schema"] and not shown["disabled"]
    assert run(world, "disable", "nordhavn:case", "--yes").exit_code == 0
    assert "disabled" in run(world, "list").output
    again = run(world, "disable", "nordhavn:case", "--yes")
    assert again.exit_code == 1 and "disabled already" in again.output


def test_every_fault_of_a_declaration_is_told(world: RegistryWorld) -> None:
    wrong = detail_type(type="case", schema={"type": "object"})
    refused = run(world, "add", "-", input=json.dumps(wrong))
    assert refused.exit_code == 1
    assert "type" in refused.output and "schema" in refused.output
