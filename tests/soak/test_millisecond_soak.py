"""Two citizens at the same service, over random schedules of their commands. `make soak` reports how many were run."""

import os
import random
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from idp.storage import embedded_valkey
from tests.attacks.test_login_millisecond import check, on_threads
from tests.support.clock import FrozenClock
from tests.support.deployment import Deployment, running_deployment
from tests.support.interleaving import Choose, Interleaving, interleaved
from tests.support.two_citizens import ONE, OTHER, SignIn, come_again, two_citizens

pytestmark = pytest.mark.soak

SCHEDULES = int(os.environ.get("ADGANG_SOAK_SCHEDULES", "100000"))
_SECONDS_EACH = 0.2
"""Some 35 ms on a quiet machine of two cores, for both together; six times that is no run that ends."""
_IN_A_DEPLOYMENT = 1_000
"""Then the next begins with empty stores, so that each schedule costs what the first did."""

Point = tuple[int, int]


def _at_random(dice: random.Random, counted: Counter[str]) -> Choose:
    """Each schedule has its own mood: how often control stays where it is."""
    stays, last = dice.choice((0.0, 0.5, 0.9, 0.98)), 0

    def choose(able: object, _: object) -> int:
        nonlocal last
        numbers = list(able)  # type: ignore[call-overload]
        if last not in numbers or dice.random() >= stays:
            chosen = dice.choice(numbers)
            counted["changes of hand"] += chosen != last
            last = chosen
        return last

    return choose


def _one(deployment: Deployment, client: object, schedule: Interleaving, dice: random.Random) -> Counter[str]:
    """One schedule, with what each citizen does drawn anew."""
    come_again(deployment, client)  # type: ignore[arg-type]
    users, counted = [ONE, OTHER], Counter[str]()
    dice.shuffle(users)
    one, other = (
        SignIn(deployment, user, client, asks=dice.random() < 0.5, looks=dice.random() < 0.3)  # type: ignore[arg-type]
        for user in users
    )
    works = [on_threads(schedule, sign_in.after_the_password()) for sign_in in (one, other)]
    counted["points"] += sum(schedule.run(works, _at_random(dice, counted)))
    check((one, other))
    counted["schedules"] += 1
    return counted


def go_through(seed: int, schedules: int, folder: str) -> Counter[str]:
    """So many random schedules, from this seed, on stores of their own."""
    dice, counted, clock = random.Random(seed), Counter[str](), FrozenClock()
    made = Path(tempfile.mkdtemp(dir=folder))
    store = embedded_valkey.start(made)
    try:
        with (
            running_deployment(made, f"sqlite:///{made / 'adgang.sqlite3'}", store.url, clock) as deployment,
        ):
            client = two_citizens(deployment)
            come_again(deployment, client)
            for user in (ONE, OTHER):  # says yes once, which a sign-in that does not ask builds on
                list(SignIn(deployment, user, client).after_the_password())
            with interleaved(deployment.wiring) as schedule:
                for number in range(schedules):
                    try:
                        counted += _one(deployment, client, schedule, dice)
                    except BaseException as fault:
                        raise AssertionError(f"seed {seed}, schedule {number}: {fault!r}") from fault
    finally:
        store.stop()
    return counted


@pytest.mark.timeout(max(3600, SCHEDULES * _SECONDS_EACH))
def test_no_random_schedule_hands_anybody_anything_of_the_others(tmp_path: Path) -> None:
    """S-294, S-300: from after the password on; never a token or a page of the other."""
    begun, told, counted = time.monotonic(), 0, Counter[str]()
    seeds = range(first := random.SystemRandom().randrange(10**9), first + SCHEDULES // _IN_A_DEPLOYMENT)
    folder = "/dev/shm" if Path("/dev/shm").is_dir() else str(tmp_path)
    with (
        tempfile.TemporaryDirectory(dir=folder) as quick,
        ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as processes,
    ):
        sizes, places = [_IN_A_DEPLOYMENT] * len(seeds), [quick] * len(seeds)
        for result in processes.map(go_through, seeds, sizes, places):
            counted += result
            if counted["schedules"] >= told + 10_000:
                told = counted["schedules"]
                print(f"\nS-294: {told} schedules after {time.monotonic() - begun:.0f} s", flush=True)
    print(
        f"\nS-294: {dict(counted)} in {time.monotonic() - begun:.0f} s, seeds from {first}; nobody heard anything"
    )
    assert counted["schedules"] == SCHEDULES // _IN_A_DEPLOYMENT * _IN_A_DEPLOYMENT
