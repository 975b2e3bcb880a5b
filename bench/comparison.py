"""The table of a run: each line of ours beside the neighbour's, and whether its aims are met."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.measures import LINES, Kind, Line

_HEADINGS = ("", "a second", "p50 ms", "p99 ms", "CPU ms", "failed", "neighbour", "p99 ms", "CPU ms", "aims")


def show_lines(console: Console, title: str, found: Iterable[Mapping[str, Any]]) -> None:
    """Print what was measured; `found` has `line`, `ours` and `neighbour`, as they stand in the JSON."""
    table = Table(title=title, title_justify="left", box=None)
    for heading in _HEADINGS:
        table.add_column(heading, justify="left" if heading in ("", "aims") else "right")
    for entry in found:
        ours = Line(**entry["ours"])
        theirs = Line(**entry["neighbour"]) if entry["neighbour"] else None
        beside = ("", "", "") if theirs is None else _figures(theirs)
        table.add_row(
            ours.name, f"{ours.per_second:,.0f}", f"{ours.p50_ms:.2f}", *_figures(ours)[1:],
            str(ours.failed), *beside, "; ".join(verdicts(LINES[entry["line"]], ours, theirs)),
        )  # fmt: skip
    console.print(table)


def verdicts(kind: Kind, ours: Line, theirs: Line | None) -> list[str]:
    """Each aim of a line, with "met" or "missed"."""
    told = []
    if kind.per_second:
        told.append(_told(f"{kind.per_second:,}/s", ours.per_second >= kind.per_second))
    if theirs is not None:
        times = ours.per_second / theirs.per_second
        told.append(
            _told(
                f"{times:.2f} times (≥ {kind.times_the_neighbour:g})",
                times >= kind.times_the_neighbour,
            )
        )
        told.append(_told("p99 lower", ours.p99_ms < theirs.p99_ms))
    return told


def _told(aim: str, met: bool) -> str:
    return f"{aim} {'met' if met else 'MISSED'}"


def _figures(line: Line) -> tuple[str, str, str]:
    return f"{line.per_second:,.0f}", f"{line.p99_ms:.2f}", f"{line.cpu_ms:.3f}"
