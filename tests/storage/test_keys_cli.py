"""`adgang keys` from the command line, over a real store."""

import json
from collections.abc import Iterator
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import update

from idp.key_metrics import ORDERS, key_samples
from keys.cli import make_group
from keys.evidence import JwksClient
from keys.policy import KeyPolicy
from keys.states import KeyState
from keys.tables import metadata, signing_keys
from tests.storage.keys_world import World
from tests.support.clock import FrozenClock

COMMANDS = [
    "list",
    "generate",
    "publish",
    "activate",
    "rotate",
    "deactivate",
    "compromise",
    "destroy",
    "history",
    "jwks",
    "reseal",
    "reconcile",
    "drill",
    "schedule",
]
CHANGING = [
    "generate",
    "publish",
    "activate",
    "rotate",
    "deactivate",
    "compromise",
    "destroy",
    "reseal",
    "reconcile",
    "schedule",
]


@pytest.fixture
def world(sqlite_url: str, clock: FrozenClock) -> Iterator[World]:
    made = World(sqlite_url, clock, KeyPolicy(algorithms=("ES256",)))
    yield made
    made.close()


def run(world: World, *arguments: str) -> Result:
    return CliRunner().invoke(make_group(lambda: world.services), list(arguments))


def done(world: World, *arguments: str) -> Any:
    """What a command answers with --json, once it has done what it should."""
    result = run(world, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refused(world: World, *arguments: str) -> str:
    """The one line that a refusal is told in."""
    before = world.keys.load_all()
    result = run(world, *arguments)
    assert result.exit_code == 1, result.output
    assert world.keys.load_all() == before
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line


def test_every_command_of_the_design_exists_and_takes_json() -> None:
    group = make_group(lambda: pytest.fail("help opens nothing"))
    assert sorted(group.commands) == sorted(COMMANDS)
    for name, command in group.commands.items():
        options = {option for p in command.params if isinstance(p, click.Option) for option in p.opts}
        assert "--json" in options, name
        assert ({"--reason", "--yes", "--as", "--dry-run"} <= options) == (name in CHANGING), name
        assert (name in ORDERS) == (name in CHANGING), name
        assert CliRunner().invoke(group, [name, "--help"]).exit_code == 0


def test_the_first_keys_are_ready_to_sign(world: World) -> None:
    made = done(world, "generate", "--yes")
    assert [key["state"] for key in made] == ["active", "published"]
    assert world.ring().sign("ES256", b"x").kid == made[0]["kid"]


def test_a_listing_fits_in_a_hundred_columns_without_colours(world: World) -> None:
    world.ensure()
    for command in (["list"], ["history"], ["schedule"]):
        result = run(world, *command)
        assert result.exit_code == 0
        assert max(len(line) for line in result.stdout.splitlines()) <= 100
        assert "\x1b" not in result.stdout
    assert "active" in run(world, "list").stdout


def test_an_empty_listing_says_what_to_do(world: World) -> None:
    assert "adgang keys generate" in run(world, "list").stdout
    assert done(world, "list") == []


def test_no_listing_holds_anything_secret(world: World) -> None:
    world.ensure()
    for command in ("list", "history", "jwks", "schedule"):
        text = run(world, command, "--json").stdout
        assert "sealed" not in text and '"d"' not in text


def test_a_key_goes_through_its_life_by_command(world: World) -> None:
    world.ensure()
    old = world.active().kid
    key = done(world, "generate", "--yes", "--reason", "spare", "--as", "karen")[0]
    published = done(world, "publish", key["kid"][:10], "--yes")[0]
    assert published["state"] == "published"
    world.past_lead()
    rotated = done(world, "rotate", "--algorithm", "ES256", "--yes")
    assert (rotated["deactivated"]["kid"], rotated["active"]["state"]) == (old, "active")
    world.clock.forward(world.policy.tail)
    assert done(world, "destroy", old, "--yes")[0]["state"] == "destroyed"
    moves = done(world, "history", key["kid"])
    assert next((move["after"], move["actor"], move["reason"]) for move in moves) == (
        "pre-activation",
        "operator:karen",
        "spare",
    )
    assert done(world, "history", old)[-1]["public_jwk"]["kid"] == old
    assert old not in run(world, "jwks").stdout


def test_a_change_by_nobody_in_particular_is_the_system_user_s(world: World) -> None:
    world.ensure()
    key = done(world, "generate", "--yes")[0]
    (move,) = world.keys.history(key["kid"])
    assert move.actor.startswith("operator:") and len(move.actor) > len("operator:")


def test_refusals_are_one_line_with_what_mends_them(world: World) -> None:
    world.ensure()
    active, heir = world.active().kid, world.successor().kid
    assert "until 2026-11-24 12:06:05 UTC" in refused(world, "rotate", "--algorithm", "ES256", "--yes")
    assert "cannot become destroyed" in refused(world, "destroy", active, "--yes")
    assert "adgang keys generate" in refused(world, "destroy", heir, "--yes")
    assert "adgang keys rotate" in refused(world, "deactivate", active, "--yes")
    assert "adgang keys rotate" in refused(world, "activate", heir, "--yes")
    assert "adgang keys list" in refused(world, "publish", "nothing", "--yes")
    assert "--reason" in refused(world, "compromise", active, "--yes")
    assert "nothing to do" in refused(world, "reconcile", "--yes")


def test_what_an_operator_was_refused_is_remembered_for_the_metrics(world: World) -> None:
    world.ensure()
    refused(world, "rotate", "--algorithm", "ES256", "--yes", "--as", "karen")
    run(world, "rotate", "--algorithm", "ES256", "--dry-run")
    run(world, "list")
    assert world.services.refusals is not None
    (told,) = world.services.refusals.of_all_time()
    assert (told.actor, told.act, told.unsealed) == ("operator:karen", "rotate", True)
    assert "may hold a JWKS without" in told.why
    world.past_lead()
    kid = world.successor().kid
    world.database.transact(
        lambda tx: tx.execute(update(signing_keys).where(signing_keys.c.kid == kid).values(sealed=b"x" * 60))
    )
    refused(world, "rotate", "--algorithm", "ES256", "--yes")
    samples = list(
        key_samples(
            world.keys.load_all(),
            world.keys.history(),
            world.services.refusals.of_all_time(),
            None,
            world.policy,
            world.clock(),
        )
    )
    values = {(s.name, *s.labels.values()): s.value for family in samples for s in family.samples}
    assert values["adgang_signing_key_orders_refused", "rotate"] == 2
    assert values["adgang_signing_key_orders_refused", "destroy"] == 0, (
        "a series begins before its first event"
    )
    assert values["adgang_signing_key_unseal_failures",] == 1
    assert values["adgang_signing_key_moves", "ES256", "compromised"] == 0


def test_a_rotation_shows_who_is_overdue_and_is_refused_until_they_are_accepted(world: World) -> None:
    world.ensure()
    world.clients = (JwksClient("nordhavn", "Nordhavn Kommune", ("192.0.2.10",)),)
    world.past_lead()
    result = run(world, "rotate", "--algorithm", "ES256", "--yes")
    assert result.exit_code == 1
    assert "Nordhavn Kommune" in result.stdout and "overdue" in result.stdout
    assert "--accept-laggards nordhavn" in result.stderr
    rotated = done(world, "rotate", "--algorithm", "ES256", "--yes", "--accept-laggards", "nordhavn")
    assert rotated["evidence"] == [{"client_id": "nordhavn", "standing": "overdue", "fetched_at": None}]


def test_a_compromise_tells_what_has_to_be_done_next(world: World) -> None:
    world.ensure()
    bad = world.active().kid
    result = run(world, "compromise", bad, "--yes", "--reason", "stolen")
    assert result.exit_code == 0, result.output
    for words in (
        "out of the JWKS",
        "forged from 2026-11-23 12:00",
        "Clients: fetch the JWKS now",
        "Operators:",
    ):
        assert words in result.stdout
    assert world.key(bad).state is KeyState.COMPROMISED


def test_nothing_is_done_without_an_answer(world: World) -> None:
    world.ensure()
    before = world.keys.load_all()
    for arguments in (
        ["generate"],
        ["compromise", world.active().kid, "--reason", "stolen"],
        ["publish", world.active().kid],
        ["reseal"],
    ):
        result = run(world, *arguments)
        assert result.exit_code == 2 and "--yes" in result.stderr
    assert world.keys.load_all() == before


def test_a_dry_run_shows_the_question_and_does_nothing(world: World) -> None:
    world.ensure()
    world.past_lead()
    before = world.keys.load_all()
    for arguments in (
        ["generate"],
        ["rotate", "--algorithm", "ES256"],
        ["compromise", world.active().kid],
        ["reseal"],
        ["schedule", "--run"],
    ):
        result = run(world, *arguments, "--dry-run")
        assert result.exit_code == 0, result.output
    assert world.keys.load_all() == before


def test_a_dry_run_tells_the_consequences_and_what_would_forbid_it(world: World) -> None:
    world.ensure()
    world.clients = (JwksClient("nordhavn", "Nordhavn Kommune", ("192.0.2.10",)),)
    active, heir = world.active().kid, world.successor().kid
    told = run(world, "rotate", "--algorithm", "ES256", "--dry-run").stdout
    assert f"Let {heir[:12]} sign ES256 from now on? {active[:12]} signs no more" in told
    assert "It would be refused until 2026-11-24 12:06:05 UTC." in told
    assert "It would be refused while these are overdue: nordhavn." in told
    told = run(world, "compromise", active, "--dry-run").stdout
    assert f"{heir[:12]} signs in its place." in told
    assert "may refuse its tokens until 2026-11-24 12:06 UTC" in told


def test_the_schedule_shows_what_comes_and_does_what_is_due(world: World) -> None:
    world.ensure()
    (move,) = done(world, "schedule")
    assert (move["act"], move["is_due"]) == ("rotate", False)
    assert "Nothing is due" in run(world, "schedule", "--run", "--yes").stdout
    world.clock.forward(world.policy.rotate_after)
    (outcome,) = done(world, "schedule", "--run", "--yes")
    assert (outcome["act"], outcome["done"]) == ("rotate", True)


def test_the_jwks_is_what_clients_get(world: World) -> None:
    world.ensure()
    assert run(world, "jwks").stdout.strip().encode() == world.ring().public_jwks().body


def test_a_reseal_tells_how_many(world: World) -> None:
    world.ensure()
    assert done(world, "reseal", "--yes")["resealed"] == []


def test_wrong_use_is_2_and_a_store_that_is_away_is_3(world: World) -> None:
    assert run(world, "rotate").exit_code == 2
    assert run(world, "rotate", "--algorithm", "HS256").exit_code == 2
    world.close()
    metadata.drop_all(world.database.writing)
    result = run(world, "list")
    assert result.exit_code == 3
    assert "adgang doctor" in result.stderr


def test_the_drill_tells_its_figures_and_fails_without_overlap() -> None:
    group = make_group(lambda: pytest.fail("a drill touches no deployment"))
    result = CliRunner().invoke(
        group, ["drill", "--days", "5", "--rotate-every", "2", "--without-overlap", "--json"]
    )
    report = json.loads(result.stdout)
    assert result.exit_code == 1
    assert report["failed_verifications"] > 0
    assert {"verifications", "failed_verifications", "named_before_promotion"} <= set(report)
