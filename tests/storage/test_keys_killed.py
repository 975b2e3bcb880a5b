"""kill -9 between any two statements of a move (S-378)."""

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from keys.policy import KeyPolicy
from keys.sealing import Sealer
from keys.states import KeyState
from keys.succession import rotate
from tests.storage.keys_world import ORDER, World
from tests.support.clock import FrozenClock

MOST = 40
SHORTEST = {"generate": 3, "rotate": 8, "compromise": 8, "reseal": 5}


@pytest.fixture
def world(sql_url: str, clock: FrozenClock) -> Iterator[World]:
    made = World(sql_url, clock, KeyPolicy(algorithms=("ES256",)))
    made.ensure()
    yield made
    made.close()


def killed_at(world: World, move: str, statement: int) -> bool:
    """True where the process was killed; False where it had fewer statements than that and finished."""
    url = world.database.writing.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.storage.keys_killed", url, move, str(statement)]
    ended = subprocess.run(command, capture_output=True, check=False, timeout=60)
    assert ended.returncode in (0, -signal.SIGKILL), ended.stderr.decode()
    return ended.returncode != 0


@pytest.mark.parametrize("move", ["generate", "rotate", "compromise", "reseal"])
def test_a_move_killed_at_any_statement_is_done_or_not_begun(world: World, move: str) -> None:
    """S-378: never two active keys, never none; the next run completes."""
    before = world.keys.load_all()
    statement = 1
    while killed_at(world, move, statement):
        found = world.keys.load_all()
        assert found == before, f"killed at statement {statement}"
        assert len(world.keys.history()) == 2
        statement += 1
        assert statement < MOST
    assert statement > SHORTEST[move], (
        "the version, each key, each line of history, and just before the commit"
    )
    after = world.keys.load_all()
    assert after.version == before.version + 1
    assert len(after.in_state("ES256", KeyState.ACTIVE)) == len(after.successors("ES256")) == 1
    if move == "reseal":
        world.sealer = Sealer(b"n" * 32, "signing keys")
    assert world.ring().sign("ES256", b"x")


def test_a_rotation_after_one_that_was_killed_just_does_it(world: World) -> None:
    assert killed_at(world, "rotate", 5)
    world.past_lead()
    rotate(world.services, "ES256", ORDER)
    assert world.ring().sign("ES256", b"x")
