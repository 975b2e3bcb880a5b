"""How the cost of a request grows from ten clients to ten thousand, the load spread over some hundreds of them.

    python -m bench.growth [--pair sqlite+valkey | postgresql+redis] [--clients 10 10000] [--seconds 5]

Each line is measured with few and with many, turn by turn, on stores of their own; the one provider is idle while the
other is asked. What grows is told in processor time, which the machine's other work disturbs least.
"""

import argparse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from bench.deployments import PAIRS, machine, stores_in_a_folder, write_figures
from bench.measures import LINES, Line, Measures
from bench.provider import GENERATOR_CORE, RunningProvider, pin
from bench.world import World

_LINES = ("par", "code-secret", "refresh", "machine-secret", "introspection", "userinfo", "discovery")
_CITIZENS = 45


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pair", choices=PAIRS, action="append")
    parser.add_argument("--clients", type=int, nargs=2, default=(10, 10_000), metavar=("FEW", "MANY"))
    parser.add_argument("--seconds", type=float, default=5)
    chosen = parser.parse_args()
    console = Console(width=110, highlight=False)
    pin(GENERATOR_CORE)
    found: dict[str, object] = {"machine": machine(), "clients": list(chosen.clients)}
    for pair in chosen.pair or PAIRS:
        with ExitStack() as stack:
            few, many = (
                stack.enter_context(_provider(pair, count, chosen.seconds, console))
                for count in chosen.clients
            )
            if few is None or many is None:
                continue
            lines = {name: (LINES[name].measure(few), LINES[name].measure(many)) for name in _LINES}
        found[pair] = {name: [asdict(line) for line in both] for name, both in lines.items()}
        _show(console, pair, chosen.clients, lines)
    write_figures("growth", found, console)


@contextmanager
def _provider(pair: str, clients: int, seconds: float, console: Console) -> Iterator[Measures | None]:
    """A provider with so many clients."""
    with stores_in_a_folder(pair, console) as made:
        if made is None:
            yield None
            return
        folder, urls = made
        world = World(folder, *urls)
        world.add_citizens(_CITIZENS)
        world.add_other_clients()
        world.fill(clients, _CITIZENS)
        provider = RunningProvider(world.environment, folder / "provider.log")
        try:
            yield Measures(world, provider, seconds)
        finally:
            provider.stop()
            world.close()


def _show(console: Console, pair: str, clients: tuple[int, int], lines: dict[str, tuple[Line, Line]]) -> None:
    table = Table(title=f"{pair}: processor time of a request, in ms", title_justify="left", box=None)
    for heading in ("", f"{clients[0]:,} clients", f"{clients[1]:,} clients", "times"):
        table.add_column(heading, justify="left" if not heading else "right")
    for few, many in lines.values():
        table.add_row(few.name, f"{few.cpu_ms:.3f}", f"{many.cpu_ms:.3f}", f"{many.cpu_ms / few.cpu_ms:.2f}")
    console.print(table)


if __name__ == "__main__":
    main()
