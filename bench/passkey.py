"""Whole sign-ins with a passkey, from PAR to userinfo: what one costs, and how many one core does in a second.

    python -m bench.passkey [--pair sqlite+valkey | postgresql+redis] [--sign-ins 300]

Each citizen signs in for the first time and is told what the service gets, so no page is spared. One after another
gives the cost in processor time of the whole provider, whatever the request; several at once give the rate. The answers
of the keys and the assertions of the client are signed on the generator's core.
"""

import argparse
import html
import json
import re
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from bench.deployments import PAIRS, each_pair, machine, write_figures
from bench.provider import GENERATOR_CORE, RunningProvider, pin
from bench.sign_in import through
from bench.world import World
from idp.ceremonies import ADD_KEY
from tests.support.authenticator import Authenticator

_AIM_MS = 15
_AIM_PER_SECOND = 60
_WARM_UP = 10
_AT_ONCE = 8
"""Twice the worker's threads: between two requests of a sign-in its client signs, and the worker must not wait for it."""
_OPTIONS = re.compile(r"data-options='([^']+)'")


@dataclass(frozen=True, slots=True)
class PasskeyFigures:
    """Milliseconds are medians."""

    sign_ins: int
    requests_each: int
    elapsed_ms: float
    cpu_ms: float
    per_second: float
    cpu_ms_under_load: float
    aim_ms: float = _AIM_MS
    aim_per_second: float = _AIM_PER_SECOND


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pair", choices=PAIRS, action="append")
    parser.add_argument("--sign-ins", type=int, default=300)
    chosen = parser.parse_args()
    console = Console(width=110, highlight=False)
    pin(GENERATOR_CORE)
    found: dict[str, object] = {"machine": machine()}
    for pair, folder, urls in each_pair(chosen.pair, console):
        with console.status(f"{pair}: citizens, keys, sign-ins"):
            figures = _measure(folder, urls, chosen.sign_ins)
        found[pair] = asdict(figures)
        _show(console, pair, figures)
    write_figures("passkey", found, console)


def _measure(folder: Path, urls: tuple[str, str], count: int) -> PasskeyFigures:
    world = World(folder, *urls)
    world.add_citizens(_WARM_UP + count)
    keys = [_add_key(world, citizen_id) for citizen_id in world.subjects]
    provider = RunningProvider(world.environment, folder / "provider.log")
    try:
        for key in keys[:_WARM_UP]:
            _sign_in(world, key)
        alone, together = keys[_WARM_UP : _WARM_UP + count // 3], keys[_WARM_UP + count // 3 :]
        spent, elapsed, requests = [], [], 0
        for key in alone:
            before, begun = provider.cpu_seconds(), time.perf_counter()
            requests = _sign_in(world, key)
            elapsed.append(1000 * (time.perf_counter() - begun))
            spent.append(1000 * (provider.cpu_seconds() - before))
        before, begun = provider.cpu_seconds(), time.perf_counter()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(lambda key: _sign_in(world, key), together))
        seconds, burnt = time.perf_counter() - begun, provider.cpu_seconds() - before
    finally:
        provider.stop()
        world.close()
    return PasskeyFigures(
        sign_ins=count,
        requests_each=requests,
        elapsed_ms=round(statistics.median(elapsed), 1),
        # The kernel counts in ticks of 10 ms, so a single one is known roughly, and their mean well.
        cpu_ms=round(statistics.fmean(spent), 2),
        per_second=round(len(together) / seconds, 1),
        cpu_ms_under_load=round(1000 * burnt / len(together), 2),
    )


def _add_key(world: World, citizen_id: str) -> Authenticator:
    services = world.wiring.services
    key = Authenticator(origin=services.policy.issuer)
    ceremony = services.ceremonies.begin(ADD_KEY, "bench", user_verification_required=True)
    options = services.webauthn.begin(citizen_id, ceremony, user_id="borger", display_name="Freja Lindholm")
    made = key.create(options)
    services.webauthn.finish(citizen_id, made, ceremony, name="Nøgle", now=services.clock())
    return key


def _sign_in(world: World, key: Authenticator) -> int:
    def touch(form: str) -> dict[str, str]:
        options = _OPTIONS.search(form)
        assert options is not None, form
        return {"credential": key.get(json.loads(html.unescape(options[1])))}

    return through(world, {"passkey": touch, "consent": lambda _: {"decision": "accept"}})


def _show(console: Console, pair: str, told: PasskeyFigures) -> None:
    console.print(
        f"{pair}, a whole sign-in with a passkey: {told.requests_each} requests, {told.cpu_ms} ms of processor time "
        f"(aim: {told.aim_ms:.0f}); {told.per_second} a second on one core (aim: {told.aim_per_second:.0f}), "
        f"{told.cpu_ms_under_load} ms each then."
    )


if __name__ == "__main__":
    main()
