"""What is counted and timed, by name; summed over all worker processes by prometheus_client's files.

`count` never fails and never waits, so a metric can stand anywhere. An unknown name is a mistake that tests find:
it is counted as itself under `unknown_metrics`.
"""

from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess

_COUNTERS = {
    "requests": ("Requests by path and status.", ("path", "status")),
    "failures": ("Answers that were nobody's intention (server_error), by path.", ("path",)),
    "factors": ("Factors that were checked, by kind and outcome.", ("kind", "outcome")),
    "sign_ins": ("Sign-ins that ended in a session.", ()),
    "codes": ("Authorization codes: issued, redeemed, refused, reused.", ("outcome",)),
    "tokens": ("Access tokens, by grant type.", ("grant",)),
    "client_authentications": ("Client authentications, by outcome.", ("outcome",)),
    "decisions": ("Decided authorization requests, by outcome.", ("outcome",)),
    "unknown_metrics": ("Counted under a name that is not declared.", ("name",)),
}

COUNTERS = {
    name: Counter(f"adgang_{name}", help_line, labels) for name, (help_line, labels) in _COUNTERS.items()
}

SECONDS = Histogram(
    "adgang_request_seconds",
    "Time from request to answer, by path.",
    ("path",),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 1, 3),
)


def count(event: str, labels: dict[str, str]) -> None:
    """One step of a counter. See `idp.services.Services.count`."""
    counter = COUNTERS.get(event)
    if counter is None or set(labels) != set(counter._labelnames):
        COUNTERS["unknown_metrics"].labels(name=event).inc()
        return
    (counter.labels(**labels) if labels else counter).inc()


def exposition(directory: Path) -> bytes:
    """All workers' metrics together, in Prometheus' text format."""
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, str(directory))  # type: ignore[no-untyped-call]
    return generate_latest(registry)
