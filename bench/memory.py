"""What a worker's memory is after a million requests, of every kind that a client sends.

    python -m bench.memory [--pair sqlite+valkey | postgresql+redis] [--requests 1000000]

The kinds take turns; every tenth of the way the worker's resident memory is read. Flat means: from the first tenth on,
when everything has been used, it grows by no more than 2 MiB.
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from bench import load
from bench.deployments import PAIRS, each_pair, machine, write_figures
from bench.provider import GENERATOR_CORE, RunningProvider, pin
from bench.wire import repeated
from bench.world import World

_AIM_MIB = 120
_GROWTH_MIB = 2.0
_READINGS = 10
_AT_ONCE = 2_000
"""Requests of one kind before the next kind has its turn: a token used in the first of them still lives in the last."""
_TOKENS = 20


@dataclass(frozen=True, slots=True)
class MemoryFigures:
    requests: int
    failed: int
    mib: tuple[float, ...]
    """At each reading."""
    aim_mib: float = _AIM_MIB

    @property
    def growth_mib(self) -> float:
        return self.mib[-1] - self.mib[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pair", choices=PAIRS, action="append")
    parser.add_argument("--requests", type=int, default=1_000_000)
    chosen = parser.parse_args()
    console = Console(width=110, highlight=False)
    pin(GENERATOR_CORE)
    found: dict[str, object] = {"machine": machine()}
    for pair, folder, urls in each_pair(chosen.pair, console):
        figures = _measure(World(folder, *urls), folder, chosen.requests)
        found[pair] = asdict(figures)
        _show(console, pair, figures)
    write_figures("memory", found, console)


def _measure(world: World, folder: Path, wanted: int) -> MemoryFigures:
    world.add_citizens(_TOKENS)
    world.add_other_clients()
    provider = RunningProvider(world.environment, folder / "provider.log")
    asked, failed, readings = 0, 0, list[float]()
    try:
        while asked < wanted:
            for requests in _kinds(world):
                outcome = load.run(world.port, requests)
                asked, failed = asked + outcome.requests, failed + outcome.failed
            if asked >= wanted * (len(readings) + 1) / _READINGS:
                readings.append(round(provider.worker_mib(), 1))
    finally:
        provider.stop()
        world.close()
    return MemoryFigures(asked, failed, tuple(readings))


def _kinds(world: World) -> list[Sequence[bytes]]:
    """So many of each, with fresh codes and tokens."""
    steady = [
        [world.get(world.paths.jwks)],
        [world.get(world.paths.discovery)],
        world.userinfos(_TOKENS),
        world.refreshes(_TOKENS),
        world.machine_tokens(world.machine_with_secret, 1),
        world.introspections(_TOKENS),
        [world.authenticated(world.with_secret, world.paths.token, {"grant_type": "authorization_code"})],
    ]
    return [
        *(repeated(kind, _AT_ONCE) for kind in steady),
        world.exchanges(world.with_secret, _AT_ONCE // 10),
    ]


def _show(console: Console, pair: str, told: MemoryFigures) -> None:
    console.print(
        f"{pair}: after {told.requests:,} requests a worker has {told.mib[-1]} MiB (aim: {told.aim_mib:g}), "
        f"{told.growth_mib:+.1f} MiB since the first tenth (aim: {_GROWTH_MIB:g} at most); {told.failed} were refused, "
        "as they should be."
    )


if __name__ == "__main__":
    main()
