"""Thousands of malformed requests beside honest ones: nobody honest notices, and nothing of ours breaks."""

import itertools
import secrets
import statistics
import threading
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from idp.app import create_app
from idp.settings import Settings
from tests.support import machines
from tests.support.deployment import Deployment
from tests.support.malformed import Malformed, answered
from tests.support.meanwhile import meanwhile
from tests.support.relying_party import RelyingParty
from tests.support.resource_server import ResourceServer
from tests.support.served import Served, prepare, serving, serving_environment

_SENDERS = 48

_ANSWERS = {None, 200, 204, 303, 400, 401, 403, 404, 405, 410, 411, 414, 429, 431}
"""All that may come back: a page for a GET that only had strange values in it, a refusal, or a closed connection. No 5xx, and
not the silence that `answered` tells as 0."""


class WallClock:
    """Time passes by itself where a provider serves."""

    def __call__(self) -> datetime:
        return datetime.now(UTC)

    def forward(self, *_: object, **__: object) -> None:
        """It does so anyhow."""


@dataclass
class Siege:
    """A provider, who uses it honestly, and every route that it has."""

    served: Served
    machine: RelyingParty
    api: ResourceServer
    routes: list[str]

    @property
    def host(self) -> bytes:
        return f"localhost:{self.served.environment['ADGANG_LISTEN_PORT']}".encode()

    def resident_bytes(self) -> int:
        """Of all workers."""
        pages = [Path(f"/proc/{pid}/statm").read_text().split()[1] for pid in self.served.workers()]
        return sum(map(int, pages)) * 4096


def _may_come_back(status: int | None) -> bool:
    """A page for a GET that only had strange values in it, a refusal, or a closed connection: no 5xx, and not the silence
    that `answered` tells as 0."""
    return status is None or status in (200, 204, 303) or 400 <= status < 500


@contextmanager
def besieged(folder: Path) -> Iterator[Siege]:
    environment = serving_environment(folder, ADGANG_FAILED_SIGN_INS_PER_ADDRESS="100000")
    machine, api, routes = prepared_for_machines(environment)
    with serving(environment, folder / "serve.log") as served:
        yield Siege(served, machine, api, routes)


def prepared_for_machines(
    environment: dict[str, str],
) -> tuple[RelyingParty, ResourceServer, list[str]]:
    """Stores with a machine that may ask for tokens to an API; and every route that the provider will have."""
    prepare(environment)
    settings = Settings.from_environment(environment)
    provider = create_app(settings)
    deployment = Deployment(settings, WallClock(), provider)  # type: ignore[arg-type]
    for name, number in (("Nordhavn Kommune", "99000001"), ("Region Midtsund", "99000002")):
        deployment.add_organisation(name, number)
    api = machines.api(deployment)
    machine = machines.machine(deployment, id_token_signed_response_alg="ES256")
    machines.grant(deployment, machine, machines.READ)
    routes = sorted({*provider.machine.paths, *(rule.rule for rule in provider.pages.url_map.iter_rules())})
    provider.wiring.close()
    return machine, api, routes


@dataclass
class Honest:
    """Somebody who asks for a token, shows it, and looks at pages, again and again, until told to stop."""

    siege: Siege
    milliseconds: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def ask(self) -> None:
        tokens: list[str] = []

        def token() -> bool:
            answer = machines.ask(self.siege.machine, resource=machines.API)
            tokens[:] = [answer.json().get("access_token", "")]
            return answer.status_code == 200

        turns: dict[str, Callable[[], bool]] = {
            "token": token,
            "introspection": lambda: self.siege.api.told(tokens[0])["active"] is True,
            "jwks": lambda: self.siege.served.get("/jwks").status_code == 200,
            "page": lambda: self.siege.served.get("/help").status_code == 200,
        }
        for name, turn in turns.items():
            begun = time.perf_counter()
            try:
                if not turn():
                    self.failed.append(name)
            except (requests.RequestException, AssertionError, KeyError, ValueError) as fault:
                self.failed.append(f"{name}: {fault!r}")
            self.milliseconds.append((time.perf_counter() - begun) * 1000)

    def asking(self) -> AbstractContextManager[None]:
        return meanwhile(self.ask, every=0.02)

    def p99(self) -> float:
        return statistics.quantiles(self.milliseconds, n=100)[98]


@dataclass
class Flood:
    """What came back, and how long the slowest took."""

    statuses: Counter[int | None] = field(default_factory=Counter)
    failures: list[bytes] = field(default_factory=list)
    """What got another answer, with its status."""
    slowest: float = 0.0
    seconds: float = 0.0

    @property
    def a_second(self) -> float:
        return sum(self.statuses.values()) / self.seconds


def flood(siege: Siege, count: int, seed: int) -> Flood:
    made = Malformed(siege.host, siege.routes, seed).requests(count)
    return sent(siege, list(made), a_second=200)


def sent(siege: Siege, made: list[tuple[bytes, bool]], *, a_second: int) -> Flood:
    port, count = int(siege.served.environment["ADGANG_LISTEN_PORT"]), len(made)
    found, lock, begun, numbers = Flood(), threading.Lock(), time.monotonic(), itertools.count()

    def send() -> None:
        while (number := next(numbers)) < count:
            time.sleep(max(0.0, begun + number / a_second - time.monotonic()))
            raw, whole = made[number]
            status, took = answered(port, raw, whole=whole)
            with lock:
                found.statuses[status] += 1
                found.slowest = max(found.slowest, took)
                if not _may_come_back(status):
                    found.failures.append(b"%d: %b" % (status or 0, raw[:300]))

    senders = [threading.Thread(target=send) for _ in range(_SENDERS)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    found.seconds = time.monotonic() - begun
    return found


def hold(siege: Siege, count: int, *, seed: int) -> tuple[Flood, Honest, Honest, float]:
    """The flood with what must hold of it; then honest traffic before and during, and how much memory has grown."""
    calm, during = Honest(siege), Honest(siege)
    with calm.asking():
        warm = flood(siege, 1_000, seed + 1)  # every route has been asked, every cache is filled
    calm.milliseconds.clear()
    for _ in range(30):
        calm.ask()
    workers, before = siege.served.workers(), siege.resident_bytes()
    with during.asking():
        found = flood(siege, count, seed)
    grown = siege.resident_bytes() / before - 1
    assert not warm.failures + found.failures, (warm.failures + found.failures)[:3]
    assert siege.served.workers() == workers, "a worker was started anew"
    assert not calm.failed + during.failed, (calm.failed + during.failed)[:3]
    errors = [event for event in siege.served.events() if event["level"] in ("error", "critical")]
    assert not errors, errors[:3]
    return found, calm, during, grown


@pytest.fixture
def siege(tmp_path: Path) -> Iterator[Siege]:
    with besieged(tmp_path) as running:
        yield running


def test_malformed_requests_are_refused_and_honest_ones_go_on(siege: Siege) -> None:
    """S-415: the short form, 1,400 at 200 a second; make soak has the ten thousand."""
    found, _, during, grown = hold(siege, 400, seed=415)
    assert found.slowest < 2 and found.statuses[400] > 100, found
    assert found.a_second > 100, "a machine that runs other tests beside; make soak holds the 200"
    assert len(during.milliseconds) > 20
    assert grown < 0.05


def test_a_flood_of_wrong_secrets_costs_who_sends_it_and_no_neighbour(siege: Siege) -> None:
    """S-111: 200 a second for the very client that asks on, at the very address that it asks from.

    Told to wait after thirty; whoever has the right secret is served as before, and nothing is written to SQL.
    """
    client_id = siege.machine.client.client_id
    guesses = [b64encode(f"{client_id}:{secrets.token_urlsafe(32)}".encode()) for _ in range(600)]
    form = b"grant_type=client_credentials"
    made = [
        b"POST /token HTTP/1.1\r\nHost: " + siege.host + b"\r\nConnection: close\r\nAuthorization: Basic " + guess
        + b"\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n" % len(form) + form
        for guess in guesses
    ]  # fmt: skip
    calm, during = Honest(siege), Honest(siege)
    for _ in range(30):
        calm.ask()
    database = siege.served.state_directory / "adgang.sqlite3-wal"
    before = database.stat().st_size
    with during.asking():
        found = sent(siege, [(raw, True) for raw in made], a_second=200)
    assert found.statuses == {401: 30, 429: 570}
    assert not calm.failed + during.failed and len(during.milliseconds) > 20
    assert during.p99() < max(5 * calm.p99(), 250), (calm.p99(), during.p99())
    assert database.stat().st_size == before
