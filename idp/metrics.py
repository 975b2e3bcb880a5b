"""What is counted and timed, by name; summed over all worker processes by prometheus_client's files.

`count` never fails and never waits, so a metric can stand anywhere. An unknown name is a mistake that tests find:
it is counted as itself under `unknown_metrics`. prometheus_client decides when it is imported whether it sums over
processes, so it is imported at the first use, when `adgang serve` has said where.
"""

import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from prometheus_client import Counter
    from prometheus_client.metrics_core import Metric

DECLARED: dict[str, tuple[str, tuple[str, ...]]] = {
    "requests": ("Requests to machine endpoints, by path and status.", ("path", "status")),
    "failures": ("Answers that were nobody's intention (server_error), by path.", ("path",)),
    "page_failed": ("Pages that could not be shown as meant, by kind of failure.", ("kind",)),
    "factors": ("Factors that were checked, by kind and outcome.", ("kind", "outcome")),
    "activations": ("Activations that were finished, by the kind of the first factor.", ("factor",)),
    "sign_ins": ("Sign-ins that ended in a session.", ()),
    "codes": ("Authorization codes, by outcome.", ("outcome",)),
    "refreshes": ("Uses of refresh tokens, by outcome.", ("outcome",)),
    "revocations": ("Tokens that clients gave back, by what they were.", ("token",)),
    "introspections": ("Answers to resource servers about tokens, by outcome.", ("outcome",)),
    "tokens": ("Access tokens, by grant type.", ("grant",)),
    "client_authentications": ("Client authentications, by outcome.", ("outcome",)),
    "decisions": ("Decided authorization requests, by outcome.", ("outcome",)),
    "repeated_values": (
        "Requests with a value that their client sends again and again, by parameter.",
        ("parameter",),
    ),
    "messages": ("Messages to citizens, by channel and outcome of a try.", ("channel", "outcome")),
    "outbound_calls": ("Calls to addresses that clients registered, by outcome.", ("outcome",)),
    "logouts": ("Services to be told of a session's end, by outcome of a try.", ("outcome",)),
    "unknown_metrics": ("Counted under a name that is not declared.", ("name",)),
}
"""Name: (help, labels). Shown as `adgang_<name>_total`."""


_making = threading.Lock()
"""prometheus_client refuses what is made twice, and a worker's first requests come together."""


def _counters() -> "dict[str, Counter]":
    with _making:
        return _made_counters()


@cache
def _made_counters() -> "dict[str, Counter]":
    from prometheus_client import Counter

    return {name: Counter(f"adgang_{name}", words, labels) for name, (words, labels) in DECLARED.items()}


def count(event: str, labels: dict[str, str]) -> None:
    """One step of a counter. See `idp.services.Services.count`."""
    declared = DECLARED.get(event)
    if declared is None or declared[1] != tuple(labels):
        _step_of("unknown_metrics", event)()
    else:
        _step_of(event, *labels.values())()


@cache
def _step_of(event: str, *values: str) -> "Callable[[], None]":
    """The step of the counter of these labels' values: as many as prometheus_client itself keeps."""
    counter = _counters()[event]
    return counter.labels(*values).inc if values else counter.inc


def exposition(directory: Path, made_now: "Iterable[Metric]" = ()) -> bytes:
    """All workers' metrics together, and those that are made at this moment, in Prometheus' text format."""
    from prometheus_client import CollectorRegistry, generate_latest, multiprocess

    _forget_dead_workers(directory)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, str(directory))  # type: ignore[no-untyped-call]
    registry.register(_MadeNow(made_now))
    return generate_latest(registry)


class _MadeNow:
    def __init__(self, families: "Iterable[Metric]") -> None:
        self._families = list(families)

    def collect(self) -> "Iterable[Metric]":
        return self._families


def _forget_dead_workers(directory: Path) -> None:
    """A gauge of a worker that has died says nothing about those that live."""
    for file in directory.glob("gauge_live*_*.db"):
        if not Path(f"/proc/{file.stem.rpartition('_')[2]}").exists() and Path("/proc/self").exists():
            file.unlink(missing_ok=True)
