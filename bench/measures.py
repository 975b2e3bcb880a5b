"""What is measured, one line of the table each. The generator has a core of its own; so has the provider."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bench import load
from bench.provider import RunningProvider
from bench.sign_in import sign_in
from bench.world import World, repeated

_WARM_UP = 200


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


def measure_all(world: World, provider: RunningProvider, seconds: float) -> tuple[list[Line], dict[str, Any]]:
    """Every line, and the figures that are not about a rate."""
    lines = [
        _gets(world, provider, "JWKS", "/jwks", seconds, "8000/s"),
        _gets(world, provider, "discovery", "/.well-known/openid-configuration", seconds),
        _prepared(world, provider, "PAR, private_key_jwt", world.pushes, seconds, 500, "201"),
        _prepared(
            world, provider, "code exchange, private_key_jwt",
            lambda n: world.exchanges(world.with_key, n), seconds, 500,
        ),
        _prepared(
            world, provider, "code exchange, client_secret_basic",
            lambda n: world.exchanges(world.with_secret, n), seconds, 1000, "200", "1000/s",
        ),
        _userinfo(world, provider, seconds),
    ]  # fmt: skip
    return lines, _sign_ins(world, provider)


def _gets(
    world: World, provider: RunningProvider, name: str, path: str, seconds: float, aim: str = ""
) -> Line:
    request = world.get(path)
    return _steady(world, provider, name, request, seconds, aim)


def _steady(
    world: World, provider: RunningProvider, name: str, request: bytes, seconds: float, aim: str
) -> Line:
    """The same request for about so many seconds."""
    trial = load.run(world.port, repeated(request, _WARM_UP * 5))
    count = max(_WARM_UP, int(trial.rate * seconds))
    return _line(world, provider, name, repeated(request, count), "200", aim)


def _prepared(
    world: World, provider: RunningProvider, name: str, prepare: Callable[[int], Sequence[bytes]],
    seconds: float, guess: int, wanted: str = "200", aim: str = "",
) -> Line:  # fmt: skip
    """Requests that can be used once: made before the clock runs, few enough that none expires."""
    load.run(world.port, prepare(_WARM_UP), wanted=wanted)
    return _line(world, provider, name, prepare(int(guess * seconds)), wanted, aim)


def _userinfo(world: World, provider: RunningProvider, seconds: float) -> Line:
    status, body = _one(world, world.exchanges(world.with_secret, 1)[0])
    assert status == 200, body
    request = world.get("/userinfo", Authorization=f"Bearer {json.loads(body)['access_token']}")
    return _steady(world, provider, "userinfo", request, seconds, "2500/s")


def _one(world: World, request: bytes) -> tuple[int, str]:
    import socket

    with socket.create_connection(("127.0.0.1", world.port)) as connection:
        connection.sendall(request.replace(b"\r\nHost:", b"\r\nConnection: close\r\nHost:", 1))
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), body.decode()


def _line(
    world: World, provider: RunningProvider, name: str, requests: Sequence[bytes], wanted: str, aim: str
) -> Line:
    before = provider.cpu_seconds()
    outcome = load.run(world.port, requests, wanted=wanted)
    spent = provider.cpu_seconds() - before
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


def _sign_ins(world: World, provider: RunningProvider) -> dict[str, Any]:
    """Whole sign-ins one after another; the processor time of the password's hash is measured by itself."""
    citizens = world.citizens[1:]
    sign_in(world, world.citizens[0])
    before, begun = provider.cpu_seconds(), time.perf_counter()
    requests = [sign_in(world, citizen) for citizen in citizens]
    seconds, spent = time.perf_counter() - begun, provider.cpu_seconds() - before
    each = 1000 * spent / len(citizens)
    hashing = 1000 * _hash_seconds(world)
    return {
        "sign_ins": len(citizens),
        "requests_each": requests[0],
        "milliseconds_each": round(1000 * seconds / len(citizens), 1),
        "cpu_ms_each": round(each, 2),
        "cpu_ms_of_the_hash": round(hashing, 2),
        "cpu_ms_beyond_the_hash": round(each - hashing, 2),
        "aim_cpu_ms_beyond_the_hash": 12,
    }


def _hash_seconds(world: World, rounds: int = 10) -> float:
    with world.wiring.passwords.turn() as turn:
        turn.hash("a warm-up of the memory")
        before = time.process_time()
        for _ in range(rounds):
            turn.hash("tolv gule cykler ved havnen")
        return (time.process_time() - before) / rounds
