"""Clients that send or read a byte now and then, and many that say nothing: honest citizens are served all the same."""

import socket
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import pytest
import requests

from tests.attacks.test_faults_proxy import Proxied, behind, proxied, running
from tests.attacks.test_faults_wire import Served, served

__all__ = ["behind", "proxied", "running", "served"]

_HEAD = b"POST /token HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\n"


@dataclass
class Slow:
    """Connections that are kept busy, a byte at a time, by one thread."""

    host: bytes
    port: int
    open: list[tuple[socket.socket, bytes]] = field(default_factory=list)
    closed: int = 0

    def add(self, begin: bytes, drip: bytes, *, window: int = 0) -> None:
        connection = socket.socket()
        if window:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        connection.connect(("localhost", self.port))
        connection.sendall(begin % self.host if b"%s" in begin else begin)
        connection.setblocking(False)
        self.open.append((connection, drip))

    def headers(self) -> None:
        self.add(_HEAD + b"X-Slow: ", b"a")

    def body(self) -> None:
        self.add(_HEAD + b"Content-Length: 60000\r\n\r\n", b"a")

    def reading(self) -> None:
        """Asks for many pages at once and reads none of them."""
        request = b"GET /help HTTP/1.1\r\nHost: " + self.host + b"\r\n\r\n"
        self.add(request * 20, b"", window=1024)

    def idle(self) -> None:
        self.add(b"", b"")

    def drip(self) -> None:
        """One byte on each connection; those that the server has closed are given up."""
        for entry in list(self.open):
            connection, byte = entry
            try:
                if byte:
                    connection.send(byte)
            except (BlockingIOError, InterruptedError):
                continue
            except OSError:
                self.closed += 1
                self.open.remove(entry)
                connection.close()


@contextmanager
def besieged(port: int, host: bytes, each: int, idle: int, *, bodies: bool = True) -> Iterator[Slow]:
    """`each` slow headers, slow readers and slow bodies, and `idle` silent connections, until the end of the block."""
    slow, over = Slow(host, port), threading.Event()
    with ExitStack() as stack:
        stack.callback(lambda: [connection.close() for connection, _ in slow.open])
        for _ in range(each):
            slow.headers()
            slow.reading()
            if bodies:
                slow.body()
        for _ in range(idle):
            slow.idle()

        def run() -> None:
            while not over.wait(0.5):
                slow.drip()

        dripping = threading.Thread(target=run, daemon=True)
        dripping.start()
        try:
            yield slow
        finally:
            over.set()
            dripping.join()


def honest(url: str, seconds: float, **options: object) -> tuple[int, int, float, float]:
    """Requests one after the other: how many, how many failed, median and 99th percentile in milliseconds."""
    times, failed, end = [], 0, time.monotonic() + seconds
    while time.monotonic() < end:
        begun = time.perf_counter()
        try:
            failed += requests.get(url, timeout=10, **options).status_code != 200  # type: ignore[arg-type]
        except requests.RequestException:
            failed += 1
        times.append((time.perf_counter() - begun) * 1000)
    times.sort()
    return len(times), failed, statistics.median(times), times[int(len(times) * 0.99)]


def behind_the_proxy(proxied: Proxied, seconds: float, each: int, idle: int) -> tuple[int, int, float, float]:
    """As a deployment is: the proxy waits for whole requests, the server behind it sees none of the slow ones."""
    told = {"headers": {"Host": "adgang.localhost"}, "verify": False}
    with besieged(proxied.port, b"adgang.localhost", each, idle):
        return honest(f"https://localhost:{proxied.port}/jwks", seconds, **told)


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_the_proxy_keeps_slow_clients_to_itself(proxied: Proxied) -> None:
    """S-349: the short form, four seconds; make soak has the ten minutes."""
    asked, failed, median, slowest = behind_the_proxy(proxied, 4, 30, 100)
    assert asked > 20 and failed == 0, (asked, failed)
    assert slowest < 1_000, (median, slowest)
    assert {path for _, path, _, _ in proxied.behind.seen} == {"/jwks"}


def test_the_server_alone_serves_on_between_slow_clients(served: Served) -> None:
    """S-349: machine endpoints and pages. Slow bodies hold its threads: the proxy, which a deployment needs, waits for
    those (deploy/haproxy.cfg, http-buffer-request)."""
    with besieged(served.port, served.host, 20, 100, bodies=False):
        for path in ("/jwks", "/help"):
            asked, failed, median, slowest = honest(served.issuer + path, 2)
            assert asked > 20 and failed == 0, (path, asked, failed)
            assert slowest < 2_000, (path, median, slowest)
    assert served.alive()
