"""Attacks on the look-up of clients: identifiers that are not identifiers, and floods of invented ones."""

from collections.abc import Iterator
from typing import Any

import pytest

from clients_registry.registry import Registry
from tests.storage.registry_world import RegistryWorld
from tests.support.clock import FrozenClock

ODD: list[Any] = [
    "", " ", "\x00", "a\x00b", "\ud800", "é", "１２３", "' OR 1=1 --", "%", "_" * 65, "a" * 1_000_000, "a\n", "a b",
    "{}", "a:b", "*", None, 7, b"bytes", ["list"], {"a": 1},
]  # fmt: skip
PRINTABLE = ("%", "_" * 65, "{}", "a:b", "*")


@pytest.fixture
def world(sql_url: str, clock: FrozenClock) -> Iterator[RegistryWorld]:
    world = RegistryWorld(sql_url, clock)
    world.add_organisation()
    yield world
    world.close()


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:20])
def test_an_odd_client_id_is_unknown_and_never_reaches_the_store(world: RegistryWorld, odd: Any) -> None:
    """S-114, S-334: an anonymous caller's text is judged before any look-up."""
    assert Registry(_NoStore(), _NoStore(), world.clock).find_client(odd) is None
    assert world.node().find_client(odd) is None
    assert world.node().find_organisation(odd) is None
    assert Registry(_NoStore(), _NoStore(), world.clock).find_resource_by_id(odd) is None


@pytest.mark.parametrize("odd", [odd for odd in ODD if odd not in PRINTABLE], ids=lambda odd: repr(odd)[:20])
def test_an_odd_resource_is_unknown_and_never_reaches_the_store(world: RegistryWorld, odd: Any) -> None:
    """S-114, S-148."""
    assert Registry(_NoStore(), _NoStore(), world.clock).find_resource(odd) is None


class _NoStore:
    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the store was asked: {name}")


def test_a_client_id_with_a_pattern_in_it_matches_nothing_else(world: RegistryWorld) -> None:
    """S-334: no wildcard reaches the database."""
    client_id = world.register().client.client_id
    for near in (client_id.upper(), client_id[:-1], client_id + "0", client_id[:-1] + "_", "." * 32):
        assert near == client_id or world.node().find_client(near) is None


def test_a_flood_of_invented_ids_evicts_no_client_and_grows_no_memory(world: RegistryWorld) -> None:
    """S-019's rule for the registry: what strangers send is remembered in a bounded place of its own."""
    client_id = world.register().client.client_id
    node = world.node(remembered=5)
    known = node.find_client(client_id)
    for number in range(2_100):
        assert node.find_client(f"invented-{number}") is None
    assert node.find_client(client_id) is known
    assert len(node._clients._unknown._entries) == 2_000
