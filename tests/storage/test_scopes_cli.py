"""`adgang scopes`, as an operator and a script meet it."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from clients_registry.cli_scopes import make_scopes_group
from tests.storage.registry_world import NORDHAVN_CVR, RegistryWorld
from tests.support.clock import FrozenClock

Run = Callable[..., Result]
BUILDING = "https://api.nordhavn.example/building"
READ = "nordhavn:building.read"


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(datetime(2030, 1, 2, tzinfo=UTC))


@pytest.fixture
def world(sqlite_url: str, clock: FrozenClock) -> Iterator[RegistryWorld]:
    world = RegistryWorld(sqlite_url, clock)
    world.add_organisation()
    world.add_resource(scopes=[])
    yield world
    world.close()


@pytest.fixture
def run(world: RegistryWorld) -> Run:
    """Type a command; every one is a process of its own."""

    def run(*words: str, **options: Any) -> Result:
        adgang = click.Group(commands=[make_scopes_group(world.services)])
        return CliRunner().invoke(adgang, ["scopes", *words], **options)

    return run


TEXTS = ("--da", "Læse byggesager.", "--en", "Read building cases.", "--nb", "Lese byggesaker.")


def granted(run: Run, world: RegistryWorld) -> str:
    assert run("add", BUILDING, READ, *TEXTS, "--for", "machines").exit_code == 0
    client_id = world.register().client.client_id
    until = ("--until", "2033-05-18", "--purpose", "Agreement 7")
    result = run("grant", READ, client_id, *until, "--as", "karen")
    assert result.exit_code == 0, result.output
    return client_id


def test_a_scope_is_added_granted_listed_and_revoked(run: Run, world: RegistryWorld) -> None:
    client_id = granted(run, world)
    (listed,) = json.loads(run("list", "--json").stdout)
    (grant,) = listed.pop("grants")
    assert (listed["scope"], listed["resource"], listed["used_by"]) == (READ, BUILDING, ["machines"])
    assert grant == {
        "client_id": client_id,
        "client_name": "Byggesager",
        "organisation": NORDHAVN_CVR,
        "purpose": "Agreement 7",
        "granted_by": "operator:karen",
        "granted_at": "2030-01-02T00:00:00Z",
        "ends_at": "2033-05-19T00:00:00Z",
    }
    shown = run("list").stdout
    assert max(map(len, shown.splitlines())) <= 100
    assert "2033-05-18" in shown and "granted" in shown
    assert run("revoke", READ, client_id).exit_code == 2  # nobody can be asked here
    assert run("revoke", READ, client_id, "--yes").exit_code == 0
    assert "revoked" in run("list").stdout
    again = run("revoke", READ, client_id, "--yes")
    assert (again.exit_code, len(again.stderr.splitlines())) == (1, 1)


def test_the_list_is_narrowed_to_an_api_or_a_service(run: Run, world: RegistryWorld) -> None:
    client_id = granted(run, world)
    other = world.register().client.client_id
    assert len(json.loads(run("list", "--json", "--client", client_id, "--resource", BUILDING).stdout)) == 1
    assert json.loads(run("list", "--json", "--client", other).stdout) == []
    assert "adgang scopes add" in run("list", "--resource", "https://api.nordhavn.example/none").stdout


def test_wrong_use_is_two_and_what_cannot_be_granted_is_one(run: Run, world: RegistryWorld) -> None:
    client_id = granted(run, world)
    assert run("grant", READ, client_id, "--purpose", "x", "--until", "soon").exit_code == 2
    assert run("add", BUILDING, "nordhavn:x", *TEXTS, "--for", "robots").exit_code == 2
    past = run("grant", READ, client_id, "--purpose", "x", "--until", "2029-12-31")
    assert (past.exit_code, past.stderr.splitlines()[1].partition(":")[0]) == (1, "until")
    assert run("grant", "nordhavn:none", client_id, "--purpose", "x", "--until", "2031-01-01").exit_code == 1
