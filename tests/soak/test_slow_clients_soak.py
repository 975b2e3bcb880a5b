"""Ten minutes of slow clients before the proxy and the provider behind it. `make soak` prints what it measured."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.attacks.test_faults_slow_clients import ask_proxy, besieged
from tests.support.processes import start_server, stop_server, wait_until
from tests.support.served import ADGANG, ROOT, Served, prepare, serving_environment
from tests.support.tls_proxy import TlsProxy, running_proxy

pytestmark = pytest.mark.soak

_EACH, _SILENT, _SECONDS = 500, 500, 600


@contextmanager
def deployed(folder: Path) -> Iterator[tuple[TlsProxy, Served]]:
    """The proxy as it is delivered, with the provider behind it."""
    environment = serving_environment(
        folder, ADGANG_ISSUER="https://adgang.localhost", ADGANG_TRUSTED_PROXIES="127.0.0.0/8"
    )
    prepare(environment)
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
            yield proxy, served
    finally:
        stop_server(process, signal.SIGTERM)


def descriptors(pid: int) -> float:
    """The share of its file descriptors that a process has open."""
    limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
    (most,) = (int(line.split()[3]) for line in limits if line.startswith("Max open files"))
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()) / most


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_ten_minutes_of_slow_clients_cost_honest_ones_next_to_nothing(tmp_path: Path) -> None:
    """S-349, S-416: 500 slow headers, bodies and readers each, and 500 silent connections; a closed one comes again.

    At least 99.9 % of the honest requests are answered. The proxy alone protects: it waits for whole requests.
    """
    with deployed(tmp_path) as (proxy, served):
        _, _, _, calm = ask_proxy(proxy.port, 20)
        workers = served.workers()
        with besieged(proxy.port, b"adgang.localhost", _EACH, _SILENT, tls=True) as slow:
            asked, failed, median, slowest = ask_proxy(proxy.port, _SECONDS)
            standing, used = len(slow.open), max(map(descriptors, (proxy.pid, *workers)))
            print(
                f"\nS-416: {asked} asked in {_SECONDS} s, {failed} failed, median {median:.0f} ms, p99 {slowest:.0f} ms "
                f"(calm {calm:.0f} ms); {standing} slow connections stood, {slow.closed} had been closed and came again; "
                f"file descriptors {used:.0%}"
            )
        assert standing > 1_900 and slow.opened[b"a"] >= _EACH <= slow.opened[b"b"]
        assert failed <= asked / 1000
        assert slowest <= max(2 * calm, 200)
        assert used < 0.8
        assert served.workers() == workers, "a worker was started anew"
