"""Clients that send or read a byte now and then, and many that say nothing: honest citizens are served all the same."""

import socket
import ssl
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

import pytest
import requests

from tests.attacks.test_faults_proxy import Proxied, behind, proxied, running
from tests.attacks.test_faults_wire import Served, served
from tests.attacks.test_malformed_flood import Honest, Siege, siege
from tests.support.meanwhile import meanwhile

__all__ = ["behind", "proxied", "running", "served", "siege"]

_HEAD = b"POST /token HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\n"


_FORM = {"grant_type": "client_credentials"}


def _trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@dataclass
class Line:
    """One connection: how it begins, and what it sends now and then."""

    begin: bytes
    drip: bytes
    window: int = 0


@dataclass
class Slow:
    """Connections that are kept busy, a byte at a time, by one thread; over TLS where a proxy listens."""

    host: bytes
    port: int
    tls: bool = False
    open: list[tuple[socket.socket, Line]] = field(default_factory=list)
    opened: Counter[bytes] = field(default_factory=Counter)
    """How many, with those that took a closed one's place, by what they send."""
    closed: int = 0
    trusting: ssl.SSLContext = field(default_factory=_trusting)

    def add(self, line: Line) -> None:
        plain = socket.socket()
        if line.window:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, line.window)
        plain.settimeout(10)
        plain.connect(("localhost", self.port))
        connection = self.trusting.wrap_socket(plain) if self.tls else plain
        connection.sendall(line.begin.replace(b"%s", self.host))
        connection.setblocking(False)
        self.open.append((connection, line))
        self.opened[line.drip] += 1

    def headers(self) -> None:
        self.add(Line(_HEAD + b"X-Slow: ", b"a"))

    def body(self) -> None:
        self.add(Line(_HEAD + b"Content-Length: 60000\r\n\r\n", b"b"))

    def reading(self) -> None:
        """Asks for many pages at once and reads none of them."""
        self.add(Line(b"GET /help HTTP/1.1\r\nHost: %s\r\n\r\n" * 20, b"", window=1024))

    def idle(self, number: int) -> None:
        """Every second has had an answer and keeps its connection; the others never say a word."""
        self.add(Line(b"GET /jwks HTTP/1.1\r\nHost: %s\r\n\r\n" if number % 2 else b"", b""))

    def drip(self) -> None:
        """One byte on each connection; another takes the place of one that the server has closed."""
        for entry in list(self.open):
            connection, line = entry
            try:
                if line.drip:
                    connection.send(line.drip)
            except (BlockingIOError, InterruptedError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                continue
            except OSError:
                self.closed += 1
                self.open.remove(entry)
                connection.close()
                with suppress(OSError):
                    self.add(line)


@contextmanager
def besieged(
    port: int, host: bytes, each: int, idle: int, *, bodies: bool = True, tls: bool = False
) -> Iterator[Slow]:
    """`each` slow headers, slow readers and slow bodies, and `idle` connections that rest, until the end of the block."""
    slow = Slow(host, port, tls)
    with ExitStack() as stack:
        stack.callback(lambda: [connection.close() for connection, _ in slow.open])
        for _ in range(each):
            slow.headers()
            slow.reading()
            if bodies:
                slow.body()
        for number in range(idle):
            slow.idle(number)

        stack.enter_context(meanwhile(slow.drip, every=0.5))
        yield slow


def honest(url: str, seconds: float, method: str = "GET", **options: object) -> tuple[int, int, float, float]:
    """Requests one after the other: how many, how many failed, median and 99th percentile in milliseconds."""
    times, failed, end = [], 0, time.monotonic() + seconds
    while time.monotonic() < end:
        begun = time.perf_counter()
        try:
            failed += requests.request(method, url, timeout=10, **options).status_code != 200  # type: ignore[arg-type]
        except requests.RequestException:
            failed += 1
        times.append((time.perf_counter() - begun) * 1000)
    times.sort()
    return len(times), failed, statistics.median(times), times[int(len(times) * 0.99)]


def ask_proxy(
    port: int, seconds: float, path: str = "/jwks", **options: object
) -> tuple[int, int, float, float]:
    """Honest requests by way of the proxy."""
    told = {"headers": {"Host": "adgang.localhost"}, "verify": False}
    return honest(f"https://localhost:{port}{path}", seconds, **told, **options)  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_the_proxy_keeps_slow_clients_to_itself(proxied: Proxied) -> None:
    """S-349, S-416: the short form, four seconds; make soak has the ten minutes. No slow request reaches the server."""
    with besieged(proxied.port, b"adgang.localhost", 30, 100, tls=True) as slow:
        turns = [
            ask_proxy(proxied.port, 2),
            ask_proxy(proxied.port, 2, "/token", method="POST", data=_FORM),
        ]
        assert len(slow.open) == 190 and slow.closed == 0, "they were not there"
    for asked, failed, median, slowest in turns:
        assert asked > 10 and failed == 0, (asked, failed)
        assert slowest < 1_000, (median, slowest)
    assert {(method, path, body) for method, path, _, body in proxied.behind.seen} == {
        ("GET", "/jwks", b""),
        ("GET", "/help", b""),
        ("POST", "/token", b"grant_type=client_credentials"),
    }


def test_the_server_alone_serves_on_between_slow_clients(served: Served) -> None:
    """S-349: machine endpoints and pages. Slow bodies hold its threads: the proxy, which a deployment needs, waits for
    those (deploy/haproxy.cfg, http-buffer-request)."""
    with besieged(served.port, served.host, 20, 100, bodies=False):
        for path in ("/jwks", "/help"):
            asked, failed, median, slowest = honest(served.issuer + path, 2)
            assert asked > 20 and failed == 0, (path, asked, failed)
            assert slowest < 2_000, (path, median, slowest)
    assert served.alive()


def test_machines_get_their_tokens_between_slow_clients(siege: Siege) -> None:
    """S-349: a token by client credentials, shown and introspected; JWKS and a page, again and again."""
    port, asker = int(siege.served.environment["ADGANG_LISTEN_PORT"]), Honest(siege)
    with besieged(port, siege.host, 20, 100, bodies=False) as slow:
        for _ in range(40):
            asker.ask()
        assert len(slow.open) == 140
    assert asker.failed == [] and asker.p99() < 2_000
