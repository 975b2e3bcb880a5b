"""Two operators rotate at the same instant, fifty times, each in a process of their own (S-377, S-414)."""

import multiprocessing
from datetime import timedelta
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier

import pytest

from keys.errors import MoveRefused
from keys.policy import KeyPolicy
from keys.states import KeyState
from keys.succession import rotate
from tests.storage.keys_world import ORDER, World
from tests.support.clock import FrozenClock

ROUNDS = 50
POLICY = KeyPolicy(algorithms=("ES256",))


def _operator(url: str, start: Barrier, told: "Queue[tuple[int, str]]") -> None:
    """Rotates once in each round; both clocks show the same."""
    world = World(url, FrozenClock(), POLICY)
    for number in range(ROUNDS):
        world.clock.forward(POLICY.lead + timedelta(seconds=1))
        start.wait(60)
        try:
            rotate(world.services, "ES256", ORDER)
            told.put((number, "done"))
        except MoveRefused as refusal:
            told.put((number, str(refusal)))
        start.wait(60)
    world.close()


@pytest.mark.timeout(240)
def test_of_two_processes_that_rotate_at_once_one_wins_fifty_times(sql_url: str, clock: FrozenClock) -> None:
    world = World(sql_url, clock, POLICY)
    world.ensure()
    context = multiprocessing.get_context("spawn")
    start, told = context.Barrier(2), context.Queue()
    operators = [context.Process(target=_operator, args=(sql_url, start, told)) for _ in range(2)]
    for operator in operators:
        operator.start()
    outcomes: dict[int, list[str]] = {}
    for _ in range(2 * ROUNDS):
        number, outcome = told.get(timeout=60)
        outcomes.setdefault(number, []).append(outcome)
    for operator in operators:
        operator.join(60)
        assert operator.exitcode == 0
    for both in outcomes.values():
        assert both.count("done") == 1, both
        (refusal,) = [each for each in both if each != "done"]
        assert "by somebody else" in refusal or "may hold a JWKS without" in refusal
    keys = world.keys.load_all()
    world.close()
    assert len(keys.in_state("ES256", KeyState.ACTIVE)) == len(keys.successors("ES256")) == 1
    assert len(keys.in_state("ES256", KeyState.DEACTIVATED)) == ROUNDS
