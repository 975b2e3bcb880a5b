"""`adgang resources`, as an operator and a script meet it."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from clients_registry.cli_resources import make_resources_group
from clients_registry.client_secrets import verify_secret
from tests.storage.registry_world import RegistryWorld, resource
from tests.support.clock import FrozenClock

Run = Callable[..., Result]
BUILDING = "https://api.nordhavn.example/building"


@pytest.fixture
def world(sqlite_url: str, clock: FrozenClock) -> Iterator[RegistryWorld]:
    world = RegistryWorld(sqlite_url, clock)
    world.add_organisation()
    yield world
    world.close()


@pytest.fixture
def run(world: RegistryWorld) -> Run:
    """Type a command; every one is a process of its own."""

    def run(*words: str, **options: Any) -> Result:
        adgang = click.Group(commands=[make_resources_group(world.services)])
        return CliRunner().invoke(adgang, list(words), **options)

    return run


def added(run: Run, **changes: Any) -> dict[str, Any]:
    result = run("resources", "add", "-", input=json.dumps(resource(**changes)))
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def test_an_api_is_printed_with_its_secret_once(run: Run, world: RegistryWorld) -> None:
    printed = added(run)
    found = world.node().find_resource_by_id(printed["resource_id"])
    assert found is not None
    verify_secret(found.resource, printed["resource_secret"])
    for words in (("list", "--json"), ("show", BUILDING), ("show", printed["resource_id"])):
        told = run("resources", *words).output
        assert printed["resource_secret"] not in told and str(found.resource.secret_digest) not in told
    shown = json.loads(run("resources", "show", BUILDING).stdout)
    assert shown.keys() == printed.keys() - {"resource_secret"}
    assert shown["scopes"] == resource()["scopes"]


def test_a_secret_is_renewed_and_printed_once(run: Run, world: RegistryWorld) -> None:
    printed = added(run)
    renewed = json.loads(run("resources", "renew-secret", BUILDING, "--yes").stdout)
    assert renewed["resource_secret"] != printed["resource_secret"]
    found = world.node().find_resource(BUILDING)
    assert found is not None
    verify_secret(found.resource, renewed["resource_secret"])


def test_what_show_prints_can_be_edited_and_given_to_change(run: Run, world: RegistryWorld) -> None:
    added(run)
    shown = json.loads(run("resources", "show", BUILDING).stdout)
    edited = json.dumps(shown | {"name": "Byg"})
    changed = run("resources", "change", BUILDING, "-", "--yes", "--reason", "new name", input=edited)
    assert (changed.exit_code, json.loads(changed.stdout)["name"]) == (0, "Byg")
    assert world.journal()[-1][1]["changed"] == ["name"]


def test_an_api_is_disabled_once_and_somebody_says_yes(run: Run, world: RegistryWorld) -> None:
    added(run)
    assert run("resources", "disable", BUILDING).exit_code == 2
    assert run("resources", "disable", BUILDING, "--yes", "--reason", "closed").exit_code == 0
    again = run("resources", "disable", BUILDING, "--yes")
    assert (again.exit_code, len(again.stderr.splitlines())) == (1, 1)
    assert "disabled" in run("resources", "list").stdout
    assert world.journal()[-1][1]["reason"] == "closed"


def test_the_list_stands_within_a_hundred_columns_and_an_empty_one_says_how_to_begin(run: Run) -> None:
    assert "adgang resources add FILE.json" in run("resources", "list").stdout
    added(run, name="API [red]og[/red] " + "x" * 60, token_form="opaque")
    listed = run("resources", "list").stdout
    assert max(map(len, listed.splitlines())) <= 100
    for whole in ("opaque ES256", "live", "[red]og[/red]", "Organisation"):
        assert whole in listed


def test_every_fault_has_a_line_of_its_own(run: Run) -> None:
    result = run("resources", "add", "-", input=json.dumps(resource(identifier="x", colour="red")))
    assert (result.exit_code, result.stdout) == (1, "")
    assert [line.partition(":")[0] for line in result.stderr.splitlines()] == [
        "Error",
        "colour",
        "identifier",
    ]
    assert run("resources", "show", "https://api.nordhavn.example/none").exit_code == 1
