"""Two citizens at the same service in the same instant: neither is ever handed anything of the other's.

The error that handed citizens each other's identity in another country's login, in January 2022. Here the instant is
said exactly: at every pair of points where the two sign-ins can stand together, control goes from one to the other and
back. The whole provider on real stores, called on threads of the test. `make soak` goes through random schedules.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.deployment import Deployment
from tests.support.interleaving import Choose, Interleaving, interleaved, lockstep, meet
from tests.support.two_citizens import ONE, OTHER, SignIn, come_again, two_citizens

Pair = tuple[SignIn, SignIn]


def on_threads(schedule: Interleaving, steps: Iterator[str]) -> Callable[[], None]:
    """A sign-in as an actor's work, with a point before each request too."""

    def work() -> None:
        for _ in steps:
            schedule.point()

    return work


def both(deployment: Deployment, client: Any) -> Pair:
    come_again(deployment, client)
    return SignIn(deployment, ONE, client), SignIn(deployment, OTHER, client)


def check(pair: Pair) -> None:
    one, other = pair
    one.check(other)
    other.check(one)


def check_proofs(pair: Pair) -> None:
    for sign_in in pair:
        sign_in.check_proof()


def every_pair(points: int) -> set[tuple[int, ...]]:
    return {(here, there) for here in range(points + 1) for there in range(points + 1)}


def schedules(points: int) -> list[tuple[int, int]]:
    """Who leads, by how much: together they pass every pair of points (see `lockstep`)."""
    return [(0, 0)] + [(lead, ahead) for lead in (0, 1) for ahead in range(1, points + 1)]


def test_requests_of_two_citizens_on_one_thread_at_every_pair(deployment: Deployment) -> None:
    """S-294, S-300: a worker's thread serves one citizen's request between any two of the other's."""
    client = two_citizens(deployment)
    stood: set[tuple[int, ...]] = set()
    requests = len(list(both(deployment, client)[0].whole()))
    for lead, ahead in schedules(requests):
        pair = both(deployment, client)
        steps, passed = [sign_in.whole() for sign_in in pair], [0, 0]
        choose, able = lockstep(lead, ahead, stood), [0, 1]
        while able:
            chosen = choose(able, passed)
            if next(steps[chosen], None) is None:
                able.remove(chosen)
            else:
                passed[chosen] += 1
        check(pair)
    assert stood >= every_pair(requests)


PARTS: list[tuple[Callable[[SignIn], Iterator[str]], int]] = [
    (SignIn.up_to_the_password, 20),
    (SignIn.after_the_password, 75),
]


@pytest.mark.parametrize(("part", "at_least"), PARTS, ids=["up-to-the-password", "after-the-password"])
def test_commands_of_two_citizens_at_every_pair(
    deployment: Deployment, part: Callable[[SignIn], Iterator[str]], at_least: int
) -> None:
    """S-294, S-300: before every command to Redis and every statement, on two threads."""
    client = two_citizens(deployment)
    stood: set[tuple[int, ...]] = set()
    with interleaved(deployment.wiring) as schedule:

        def run(choose: Choose) -> int:
            pair = both(deployment, client)
            passed = schedule.run([on_threads(schedule, part(sign_in)) for sign_in in pair], choose)
            check(pair) if part is SignIn.after_the_password else check_proofs(pair)
            return max(passed)

        run(lockstep(0, 0, stood))  # scripts are loaded, connections are made
        points = run(lockstep(0, 0, stood))
        assert points >= at_least
        assert {run(lockstep(lead, ahead, stood)) for lead, ahead in schedules(points)} == {points}
        one, other = schedule.writing[0], schedule.writing[1]
        for here, there in every_pair(points) - stood:
            if here not in one or there not in other:  # else both would write to SQLite, which nobody can
                run(meet(1 if here in one else 0, (here, there), stood))
    assert every_pair(points) - stood <= {(here, there) for here in one for there in other}


@pytest.mark.parametrize("mixed", ["session", "browser", "code", "page"])
def test_a_mix_up_would_be_seen(deployment: Deployment, mixed: str) -> None:
    """The check itself: one thing of the other's, handed over by the test."""
    client = two_citizens(deployment)
    one, other = both(deployment, client)
    list(other.whole())
    with pytest.raises(AssertionError):
        for step in one.whole():
            if step == "token" and mixed == "code":
                one.service, one.asked = other.service, other.asked
            if step == "consent page" and mixed in ("session", "browser"):
                name = f"{one.browser.prefix}{mixed}"
                one.browser.cookies[name] = other.browser.cookies[name]
            if step == "front page" and mixed == "page":
                one.browser.told.append(other.browser.told[-1])
        check((one, other))
