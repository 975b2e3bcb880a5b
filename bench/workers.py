"""From one worker process to two: how much more is answered.

    python -m bench.workers [--pair sqlite+valkey | postgresql+redis] [--seconds 5]

On a machine of two cores a second worker shares its core with the generator and the stores, so twice the requests a
second cannot be seen there; and the two cores of a virtual machine are often one core's two threads, so that whatever
runs beside makes the same work dearer. What can be seen is whether two workers hinder each other. So two providers that
share nothing, with one worker and stores of their own each, are asked on both cores, and then one provider with two
workers, by the same generator in the same way. The speed-up is twice the processor time of a request there over that
of a request here: two, where workers cost each other nothing.
"""

import argparse
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from bench import load
from bench.deployments import PAIRS, Urls, each_pair, machine, stores_in_a_folder, write_figures
from bench.provider import GENERATOR_CORE, PROVIDER_CORE, RunningProvider
from bench.wire import repeated
from bench.world import World

_AIM = 1.8
_CONNECTIONS = 16
_TOKENS = 40
_WARM_UP = 1_000
_BOTH = (PROVIDER_CORE, GENERATOR_CORE)


@dataclass(frozen=True, slots=True)
class WorkersFigures:
    """Of one kind of request: two providers of one worker each, and one of two."""

    line: str
    per_second: tuple[float, float]
    cpu_ms: tuple[float, float]
    """A request, of all worker processes."""
    idle_share: float
    """Of both cores together while two workers of one provider were asked."""
    aim: float = _AIM

    @property
    def speed_up(self) -> float:
        return 2 * self.cpu_ms[0] / self.cpu_ms[1]


@dataclass(frozen=True, slots=True)
class _Figures:
    """Of one kind of request, as one set of providers answered it."""

    per_second: float
    cpu_ms: float
    idle_share: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pair", choices=PAIRS, action="append")
    parser.add_argument("--seconds", type=float, default=5)
    chosen = parser.parse_args()
    console = Console(width=110, highlight=False)
    found: dict[str, object] = {"machine": machine()}
    for pair, folder, urls in each_pair(chosen.pair, console):
        with stores_in_a_folder(pair, console) as made:
            assert made is not None
            lines = _measure([(folder, urls), made], chosen.seconds)
        found[pair] = [asdict(line) for line in lines]
        for line in lines:
            _show(console, pair, line)
    write_figures("workers", found, console)


def _measure(places: Sequence[tuple[Path, Urls]], seconds: float) -> list[WorkersFigures]:
    worlds = [World(folder, *urls) for folder, urls in places]
    try:
        for world in worlds:
            world.add_citizens(_TOKENS)
            world.add_other_clients()
        folders = [folder for folder, _ in places]
        apart = _asked(worlds, folders, 1, seconds)
        together = _asked(worlds[:1], folders, 2, seconds)
    finally:
        for world in worlds:
            world.close()
    return [
        WorkersFigures(
            name,
            (apart[name].per_second, together[name].per_second),
            (apart[name].cpu_ms, together[name].cpu_ms),
            together[name].idle_share,
        )
        for name in apart
    ]


def _asked(
    worlds: Sequence[World], folders: Sequence[Path], workers: int, seconds: float
) -> dict[str, _Figures]:
    """Each kind of request at a provider of each world, by line."""
    with ExitStack() as running:
        providers = []
        for world, folder in zip(worlds, folders, strict=False):
            environment = world.environment | {"ADGANG_WORKERS": str(workers)}
            provider = RunningProvider(environment, folder / f"provider-{workers}.log", cores=_BOTH)
            running.callback(provider.stop)
            providers.append(provider)
        kinds: dict[str, list[Sequence[bytes]]] = {
            "JWKS": [[world.get(world.paths.jwks)] for world in worlds],
            "client_credentials": [world.machine_tokens(world.machine_with_secret, 1) for world in worlds],
            "introspection": [world.introspections(_TOKENS) for world in worlds],
            "userinfo": [world.userinfos(_TOKENS) for world in worlds],
        }
        return {name: _run(worlds, providers, requests, seconds) for name, requests in kinds.items()}


def _run(
    worlds: Sequence[World],
    providers: Sequence[RunningProvider],
    requests: Sequence[Sequence[bytes]],
    seconds: float,
) -> _Figures:
    def ask(count: int) -> load.Outcome:
        asked = [
            (world.port, repeated(own, count // len(worlds)))
            for world, own in zip(worlds, requests, strict=True)
        ]
        return load.run_at_each(asked, connections=_CONNECTIONS // len(worlds))

    trial = ask(_WARM_UP)
    before, idle = sum(each.cpu_seconds() for each in providers), _idle_seconds()
    outcome = ask(max(_WARM_UP, int(trial.rate * seconds)))
    assert outcome.failed == 0, outcome.failed
    spent = sum(each.cpu_seconds() for each in providers) - before
    return _Figures(
        per_second=round(outcome.rate, 1),
        cpu_ms=round(1000 * spent / outcome.requests, 4),
        idle_share=round((_idle_seconds() - idle) / (2 * outcome.seconds), 3),
    )


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
