"""What is measured, one line of the table each. The generator has a core of its own; so has the provider."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench import load
from bench.provider import MeasuredProcess
from bench.target import Target
from bench.wire import repeated

_WARM_UP = 200
_TOKENS = 40
"""Where tokens can be used again, so many are used in turn."""


@dataclass(frozen=True, slots=True)
class Line:
    """One measure. Rates are per core of the provider: it has one."""

    name: str
    requests: int
    per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    cpu_ms: float
    failed: int


def middle(turns: Sequence[Line]) -> Line:
    """The median of each figure; the requests are all of them."""
    per_second, p50, p95, p99, cpu = (
        statistics.median(figures)
        for figures in zip(
            *((t.per_second, t.p50_ms, t.p95_ms, t.p99_ms, t.cpu_ms) for t in turns), strict=True
        )
    )
    return Line(
        turns[0].name,
        sum(t.requests for t in turns),
        per_second,
        p50,
        p95,
        p99,
        cpu,
        sum(t.failed for t in turns),
    )


class Measures:
    """The lines of one provider; `seconds` is about how long each takes."""

    def __init__(self, target: Target, process: MeasuredProcess, seconds: float) -> None:
        self._target = target
        self._process = process
        self._seconds = seconds

    def jwks(self) -> Line:
        return self._steady("JWKS", [self._target.get(self._target.paths.jwks)])

    def discovery(self) -> Line:
        return self._steady("discovery", [self._target.get(self._target.paths.discovery)])

    def par(self) -> Line:
        return self._prepared("PAR, private_key_jwt", self._target.pushes, 700, "201")

    def code_key(self) -> Line:
        target = self._target
        return self._prepared(
            "code exchange, private_key_jwt", lambda count: target.exchanges(target.with_key, count), 500
        )

    def code_secret(self) -> Line:
        return self._prepared("code exchange, client_secret_basic", self._target.spread_exchanges, 1000)

    def refresh(self) -> Line:
        return self._steady("refresh, client_secret_basic", self._target.refreshes(_TOKENS))

    def machine_key(self) -> Line:
        target = self._target
        return self._prepared(
            "client_credentials, private_key_jwt",
            lambda count: target.machine_tokens(target.machine_with_key, count),
            1500,
        )

    def machine_secret(self) -> Line:
        """The same request again and again: nothing in it is used up."""
        asked = self._target.machine_tokens(self._target.machine_with_secret, 1)
        return self._steady("client_credentials, client_secret_basic", asked)

    def introspection(self) -> Line:
        return self._steady("introspection", self._target.introspections(_TOKENS))

    def userinfo(self) -> Line:
        return self._steady("userinfo", self._target.userinfos(_TOKENS))

    def _steady(self, name: str, requests: Sequence[bytes]) -> Line:
        """The same few requests for about so many seconds."""
        trial = load.run(self._target.port, repeated(requests, _WARM_UP * 5))
        count = max(_WARM_UP, int(trial.rate * self._seconds))
        return self._line(name, repeated(requests, count), "200")

    def _prepared(
        self, name: str, prepare: Callable[[int], Sequence[bytes]], guess: int, wanted: str = "200"
    ) -> Line:
        """Requests that can be used once: made before the clock runs, few enough that none expires."""
        load.run(self._target.port, prepare(_WARM_UP * 2), wanted=wanted)
        return self._line(name, prepare(int(guess * self._seconds)), wanted)

    def _line(self, name: str, requests: Sequence[bytes], wanted: str) -> Line:
        before = self._process.cpu_seconds()
        outcome = load.run(self._target.port, requests, wanted=wanted)
        spent = self._process.cpu_seconds() - before
        return Line(
            name=name,
            requests=outcome.requests,
            per_second=round(outcome.rate, 1),
            p50_ms=round(outcome.percentile(0.50), 2),
            p95_ms=round(outcome.percentile(0.95), 2),
            p99_ms=round(outcome.percentile(0.99), 2),
            cpu_ms=round(1000 * spent / outcome.requests, 3),
            failed=outcome.failed,
        )


@dataclass(frozen=True, slots=True)
class Kind:
    """One line, and what it shall reach."""

    measure: Callable[[Measures], Line]
    times_the_neighbour: float
    """Twice for a machine's tokens, introspection, userinfo and what is published; else at least as many."""
    per_second: int = 0


LINES = {
    "jwks": Kind(Measures.jwks, 2, 8000),
    "discovery": Kind(Measures.discovery, 2),
    "par": Kind(Measures.par, 1),
    "code-key": Kind(Measures.code_key, 1),
    "code-secret": Kind(Measures.code_secret, 1, 1000),
    "refresh": Kind(Measures.refresh, 1),
    "machine-key": Kind(Measures.machine_key, 2),
    "machine-secret": Kind(Measures.machine_secret, 2),
    "introspection": Kind(Measures.introspection, 2),
    "userinfo": Kind(Measures.userinfo, 2, 2500),
}
"""By the names that `--only` takes."""
