"""From one worker process to two: how much more is answered.

    python -m bench.workers [--pair sqlite+valkey | postgresql+redis] [--seconds 5]

On a machine of two cores a second worker shares its core with the generator and the stores, so twice the requests a
second cannot be seen there. What can be seen is whether two workers hinder each other: what one request costs each of
them in processor time, and how long the cores were idle while requests waited. With a core for each worker, two answer
`2 × (cost with one) / (cost with two)` times as many, as long as nothing is idle; that figure is told as the speed-up,
and the requests a second beside it as they were.

The two cores of a virtual machine are often one core's two threads: whatever runs beside makes the same work dearer. So
the other core is kept busy in the run with one worker, too, and what the speed-up tells is of the workers alone.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from bench import load
from bench.deployments import PAIRS, each_pair, machine, write_figures
from bench.provider import GENERATOR_CORE, PROVIDER_CORE, RunningProvider, pin
from bench.wire import repeated
from bench.world import World

_AIM = 1.8
_CONNECTIONS = 16
_TOKENS = 40
_WARM_UP = 1_000


@dataclass(frozen=True, slots=True)
class WorkersFigures:
    """Of one kind of request."""

    line: str
    per_second: tuple[float, float]
    cpu_ms: tuple[float, float]
    """A request, of all worker processes; with one and with two."""
    idle_share: float
    """Of both cores together while two workers were asked."""
    aim: float = _AIM

    @property
    def speed_up(self) -> float:
        return 2 * self.cpu_ms[0] / self.cpu_ms[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pair", choices=PAIRS, action="append")
    parser.add_argument("--seconds", type=float, default=5)
    chosen = parser.parse_args()
    console = Console(width=110, highlight=False)
    found: dict[str, object] = {"machine": machine()}
    for pair, folder, urls in each_pair(chosen.pair, console):
        lines = _measure(World(folder, *urls), folder, chosen.seconds)
        found[pair] = [asdict(line) for line in lines]
        for line in lines:
            _show(console, pair, line)
    write_figures("workers", found, console)


def _measure(world: World, folder: Path, seconds: float) -> list[WorkersFigures]:
    world.add_citizens(_TOKENS)
    world.add_other_clients()
    try:
        one, two = (_with_workers(world, folder, count, seconds) for count in (1, 2))
    finally:
        world.close()
    return [
        WorkersFigures(
            name,
            per_second=(one[name][0], two[name][0]),
            cpu_ms=(one[name][1], two[name][1]),
            idle_share=two[name][2],
        )
        for name in one
    ]


def _with_workers(
    world: World, folder: Path, count: int, seconds: float
) -> dict[str, tuple[float, float, float]]:
    """By line: requests a second, processor time of one, share of idle cores."""
    both = (PROVIDER_CORE, GENERATOR_CORE)
    pin(*(both if count > 1 else (GENERATOR_CORE,)))
    environment = world.environment | {"ADGANG_WORKERS": str(count)}
    provider = RunningProvider(environment, folder / f"provider-{count}.log", cores=both[:count])
    beside = None if count > 1 else _keep_busy(GENERATOR_CORE)
    try:
        kinds = {
            "JWKS": [world.get(world.paths.jwks)],
            "client_credentials": world.machine_tokens(world.machine_with_secret, 1),
            "introspection": world.introspections(_TOKENS),
            "userinfo": world.userinfos(_TOKENS),
        }
        return {name: _run(world, provider, requests, seconds) for name, requests in kinds.items()}
    finally:
        if beside is not None:
            beside.kill()
            beside.wait()
        provider.stop()


def _keep_busy(core: int) -> subprocess.Popen[bytes]:
    """A process that takes what the generator and the stores leave of their core."""

    def settle() -> None:
        pin(core)
        os.nice(19)

    return subprocess.Popen([sys.executable, "-c", "while True: pass"], preexec_fn=settle)


def _run(
    world: World, provider: RunningProvider, requests: Sequence[bytes], seconds: float
) -> tuple[float, float, float]:
    trial = load.run(world.port, repeated(requests, _WARM_UP), connections=_CONNECTIONS)
    before, idle = provider.cpu_seconds(), _idle_seconds()
    outcome = load.run(
        world.port, repeated(requests, max(_WARM_UP, int(trial.rate * seconds))), connections=_CONNECTIONS
    )
    assert outcome.failed == 0, outcome.failed
    cost = 1000 * (provider.cpu_seconds() - before) / outcome.requests
    idle_share = (_idle_seconds() - idle) / (2 * outcome.seconds)
    return round(outcome.rate, 1), round(cost, 4), round(idle_share, 3)


def _idle_seconds() -> float:
    """Of all cores since the machine started (proc(5), stat)."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()
    return int(fields[4]) / os.sysconf("SC_CLK_TCK")


def _show(console: Console, pair: str, told: WorkersFigures) -> None:
    met = "met" if told.speed_up >= _AIM else "MISSED"
    console.print(
        f"{pair}, {told.line}: {told.speed_up:.2f} times with a core for each worker (aim: {_AIM:g}, {met}); "
        f"{told.cpu_ms[0]:.3f} and {told.cpu_ms[1]:.3f} ms a request; seen here {told.per_second[0]:,.0f} and "
        f"{told.per_second[1]:,.0f}/s, {told.idle_share:.0%} idle with two."
    )


if __name__ == "__main__":
    main()
