"""What is measured, one line of the table each. The generator has a core of its own; so has the provider."""

import json
import socket
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from bench import load
from bench.provider import RunningProvider
from bench.world import World, repeated

_WARM_UP = 200
_TOKENS = 40
"""Userinfo is asked with so many access tokens in turn."""


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
    aim: str = ""


class Measures:
    """The lines of one world and its provider; `seconds` is about how long each takes."""

    def __init__(self, world: World, provider: RunningProvider, seconds: float) -> None:
        self._world = world
        self._provider = provider
        self._seconds = seconds

    def of(self, names: Collection[str]) -> list[Line]:
        """These lines, in the table's order."""
        return [make(self) for name, make in LINES.items() if name in names]

    def jwks(self) -> Line:
        return self._steady("JWKS", [self._world.get("/jwks")], "8000/s")

    def discovery(self) -> Line:
        return self._steady("discovery", [self._world.get("/.well-known/openid-configuration")])

    def par(self) -> Line:
        return self._prepared("PAR, private_key_jwt", self._world.pushes, 700, "201")

    def code_key(self) -> Line:
        world = self._world
        return self._prepared(
            "code exchange, private_key_jwt", lambda count: world.exchanges(world.with_key, count), 500
        )

    def code_secret(self) -> Line:
        name = "code exchange, client_secret_basic"
        return self._prepared(name, self._world.spread_exchanges, 1000, "200", "1000/s")

    def userinfo(self) -> Line:
        requests = []
        for exchange in self._world.spread_exchanges(_TOKENS):
            status, body = _one(self._world, exchange)
            assert status == 200, body
            bearer = f"Bearer {json.loads(body)['access_token']}"
            requests.append(self._world.get("/userinfo", Authorization=bearer))
        return self._steady("userinfo", requests, "2500/s")

    def _steady(self, name: str, requests: Sequence[bytes], aim: str = "") -> Line:
        """The same few requests for about so many seconds."""
        trial = load.run(self._world.port, repeated(requests, _WARM_UP * 5))
        count = max(_WARM_UP, int(trial.rate * self._seconds))
        return self._line(name, repeated(requests, count), "200", aim)

    def _prepared(
        self,
        name: str,
        prepare: Callable[[int], Sequence[bytes]],
        guess: int,
        wanted: str = "200",
        aim: str = "",
    ) -> Line:
        """Requests that can be used once: made before the clock runs, few enough that none expires."""
        load.run(self._world.port, prepare(_WARM_UP * 2), wanted=wanted)
        return self._line(name, prepare(int(guess * self._seconds)), wanted, aim)

    def _line(self, name: str, requests: Sequence[bytes], wanted: str, aim: str) -> Line:
        before = self._provider.cpu_seconds()
        outcome = load.run(self._world.port, requests, wanted=wanted)
        spent = self._provider.cpu_seconds() - before
        return Line(
            name=name,
            requests=outcome.requests,
            per_second=round(outcome.rate, 1),
            p50_ms=round(outcome.percentile(0.50), 2),
            p95_ms=round(outcome.percentile(0.95), 2),
            p99_ms=round(outcome.percentile(0.99), 2),
            cpu_ms=round(1000 * spent / outcome.requests, 3),
            failed=outcome.failed,
            aim=aim,
        )


LINES: dict[str, Callable[[Measures], Line]] = {
    "jwks": Measures.jwks,
    "discovery": Measures.discovery,
    "par": Measures.par,
    "code-key": Measures.code_key,
    "code-secret": Measures.code_secret,
    "userinfo": Measures.userinfo,
}
"""By the names that `--only` takes."""


def _one(world: World, request: bytes) -> tuple[int, str]:
    with socket.create_connection(("127.0.0.1", world.port)) as connection:
        connection.sendall(request.replace(b"\r\nHost:", b"\r\nConnection: close\r\nHost:", 1))
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), body.decode()
