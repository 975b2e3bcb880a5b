"""`make bench`: one core for the provider, one for the generator and the stores; a table and a JSON file.

    python -m bench.run [--pair sqlite+valkey | postgresql+redis] [--only LINE …] [--seconds 5] [--large] [--alone]

Where Node is present, each line is measured at the neighbour, too (bench/neighbour): ours and theirs by turns, with the
same generator, on the same core, the other one idle meanwhile, and the median of each figure is told: a virtual core's
own speed may change by half from one second to the next. `--alone` leaves the neighbour out.

`--large` first fills the stores with 10,000 clients and 1,000,000 citizens; that takes some minutes.
"""

import argparse
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.comparison import show_lines
from bench.deployments import PAIRS, each_pair, machine, write_figures
from bench.measures import LINES, Measures, middle
from bench.neighbour.requests import Neighbour
from bench.neighbour.running import RunningNeighbour, neighbour_version, node_version
from bench.provider import GENERATOR_CORE, RunningProvider, pin
from bench.sign_in_cost import sign_in_cost
from bench.world import World

_CITIZENS = 45
_TURNS = 5
_LARGE = (10_000, 1_000_000)
_SIGN_IN = "sign-in"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pair", choices=PAIRS, action="append")
    parser.add_argument("--only", choices=[*LINES, _SIGN_IN], nargs="+", default=[*LINES, _SIGN_IN])
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--alone", action="store_true")
    chosen = parser.parse_args()
    console = Console(width=150, highlight=False)
    pin(GENERATOR_CORE)
    node = None if chosen.alone else node_version()
    if node is None and not chosen.alone:
        console.print("No neighbour is measured: Node and npm are missing here.")
    results: dict[str, Any] = {"machine": machine(), "large": chosen.large, "pairs": {}}
    if node is not None:
        results["neighbour"] = f"oidc-provider {neighbour_version()} on Node {node}"
    for pair, folder, urls in each_pair(chosen.pair, console):
        results["pairs"][pair] = _measure(folder, urls, chosen, node is not None, console)
        _show(console, pair, results["pairs"][pair])
    write_figures("large" if chosen.large else "results", results, console)
    console.print(results["machine"])


def _measure(
    folder: Path,
    urls: tuple[str, str],
    chosen: argparse.Namespace,
    beside_neighbour: bool,
    console: Console,
) -> dict[str, Any]:
    begun = time.monotonic()
    with console.status("Making clients and citizens"):
        world = World(folder, *urls)
        world.add_citizens(_CITIZENS)
        world.add_other_clients()
        if chosen.large:
            world.fill(*_LARGE)
            console.print(f"Filled in {time.monotonic() - begun:.0f} s.")
    provider = RunningProvider(world.environment, folder / "provider.log")
    try:
        with console.status("Measuring"), _neighbour(beside_neighbour, world, urls[1], folder) as neighbour:
            ours = Measures(world, provider, chosen.seconds / _TURNS)
            theirs = None if neighbour is None else Measures(*neighbour, chosen.seconds / _TURNS)
            pairs = [_pair_of_lines(name, ours, theirs) for name in LINES if name in chosen.only]
            sign_in = sign_in_cost(world, provider) if _SIGN_IN in chosen.only else None
            rest = provider.worker_mib()
    finally:
        provider.stop()
        world.close()
    return {
        "lines": pairs,
        "sign_in": None if sign_in is None else asdict(sign_in),
        "load_average_of_the_last_minute": round(os.getloadavg()[0], 2),
        "worker_rss_mib": round(rest, 1),
        "start_to_first_answer_seconds": round(provider.start_seconds, 2),
    }


def _pair_of_lines(name: str, ours: Measures, theirs: Measures | None) -> dict[str, Any]:
    measure = LINES[name].measure
    turns = [(measure(ours), None if theirs is None else measure(theirs)) for _ in range(_TURNS)]
    beside = [line for _, line in turns if line is not None]
    return {
        "line": name,
        "ours": asdict(middle([line for line, _ in turns])),
        "neighbour": asdict(middle(beside)) if beside else None,
    }


@contextmanager
def _neighbour(
    wanted: bool, world: World, redis_url: str, folder: Path
) -> Iterator[tuple[Neighbour, RunningNeighbour] | None]:
    """The neighbour on the same Redis as ours: no key of the one is like one of the other's."""
    if not wanted:
        yield None
        return
    neighbour = Neighbour(redis_url, _CITIZENS, world.clock)
    process = RunningNeighbour(neighbour.configuration, folder)
    try:
        yield neighbour, process
    finally:
        process.stop()


def _show(console: Console, pair: str, found: dict[str, Any]) -> None:
    show_lines(console, f"{pair}, one worker on one core", found["lines"])
    if (told := found["sign_in"]) is not None:
        console.print(
            f"A whole sign-in: {told['requests_each']} requests, {told['cpu_ms']} ms of processor time; beyond the "
            f"password's hash ({told['hash_cpu_ms']} ms) {told['beyond_the_hash_cpu_ms']} ms "
            f"(aim: {told['aim_ms']})."
        )
    console.print(
        f"Memory at rest: {found['worker_rss_mib']} MiB a worker (aim: 120). "
        f"Start to first answer: {found['start_to_first_answer_seconds']} s (aim: 2).\n"
    )


if __name__ == "__main__":
    main()
