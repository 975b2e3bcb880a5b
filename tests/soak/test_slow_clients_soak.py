"""Ten minutes of slow clients before the proxy and the provider behind it. `make soak` prints what it measured."""

import signal
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.attacks.test_faults_slow_clients import ask_proxy, besieged
from tests.attacks.test_malformed_flood import prepared_for_machines
from tests.support import machines
from tests.support.deployment import TestClient
from tests.support.processes import start_server, stop_server, wait_until
from tests.support.served import ADGANG, ROOT, Served, serving_environment
from tests.support.tls_proxy import TlsProxy, running_proxy

pytestmark = pytest.mark.soak

_EACH, _RESTING, _SECONDS = 500, 1_000, 600
_TURNS = 10


@contextmanager
def deployed(folder: Path) -> Iterator[tuple[TlsProxy, Served, TestClient]]:
    """The proxy as it is delivered, the provider behind it, and a machine that it knows."""
    environment = serving_environment(
        folder, ADGANG_ISSUER="https://adgang.localhost", ADGANG_TRUSTED_PROXIES="127.0.0.0/8"
    )
    machine, _, _ = prepared_for_machines(environment)
    process = start_server([*ADGANG, "serve"], folder / "serve.log", env=environment, cwd=ROOT)
    served = Served(environment, process, folder / "serve.log")

    def ready() -> bool:
        try:
            return served.operators("/readyz").ok and len(served.workers()) == 2
        except requests.ConnectionError:
            return False

    try:
        wait_until(ready, process, served.log)
        behind = int(environment["ADGANG_LISTEN_PORT"])
        with running_proxy(folder, behind, connections=5_000) as proxy:
            yield proxy, served, machine.client
    finally:
        stop_server(process, signal.SIGTERM)


def descriptors(pid: int) -> float:
    """The share of its file descriptors that a process has open."""
    limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
    (most,) = (int(line.split()[3]) for line in limits if line.startswith("Max open files"))
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()) / most


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_ten_minutes_of_slow_clients_cost_honest_ones_next_to_nothing(tmp_path: Path) -> None:
    """S-349, S-416: 500 slow headers, bodies and readers each, and 1,000 connections that rest; a closed one comes again.

    At least 99.9 % of the honest requests are answered: keys, and tokens by client credentials.
    The proxy alone protects: it waits for whole requests.
    """
    form = {"grant_type": "client_credentials", "resource": machines.API}
    with deployed(tmp_path) as (proxy, served, machine):
        asking = {"method": "POST", "data": form, "auth": (machine.client_id, machine.secret)}
        _, _, _, calm = ask_proxy(proxy.port, 20)
        workers = served.workers()
        with besieged(proxy.port, b"adgang.localhost", _EACH, _RESTING, tls=True) as slow:
            turns = [
                turn
                for _ in range(_TURNS)
                for turn in (
                    ask_proxy(proxy.port, _SECONDS / _TURNS / 2),
                    ask_proxy(proxy.port, _SECONDS / _TURNS / 2, "/token", **asking),
                )
            ]
            asked, failed = sum(turn[0] for turn in turns), sum(turn[1] for turn in turns)
            median, slowest = statistics.median(turn[2] for turn in turns), max(turn[3] for turn in turns)
            standing, used = len(slow.open), max(map(descriptors, (proxy.pid, *workers)))
            print(
                f"\nS-416: {asked} asked in {_SECONDS} s, {failed} failed, median {median:.0f} ms, p99 at most {slowest:.0f} ms "
                f"(calm {calm:.0f} ms); {standing} slow connections stood, {slow.closed} had been closed and came again; "
                f"file descriptors {used:.0%}"
            )
        assert standing > 2_400 and slow.opened[b"a"] >= _EACH <= slow.opened[b"b"]
        assert failed <= asked / 1000
        assert slowest <= max(2 * calm, 200)
        assert used < 0.8
        assert served.workers() == workers, "a worker was started anew"
