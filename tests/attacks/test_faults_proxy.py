"""The TLS proxy of the compose set-up before a server that remembers what reaches it: nothing ambiguous does."""

import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.attacks.test_faults_wire import AMBIGUOUS, statuses
from tests.support.http2 import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    RST_STREAM,
    Fields,
    Http2,
    frame,
    header_block,
)
from tests.support.tls_proxy import CONFIGURATION, running_proxy


@dataclass
class Behind:
    """The server behind the proxy."""

    port: int = 0
    seen: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    """Method, path, headers and body of each request."""


@dataclass
class Proxied:
    port: int
    behind: Behind
    log: Path


@pytest.fixture(scope="module")
def behind() -> Iterator[Behind]:
    found = Behind()

    class Remembering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            found.seen.append((self.command, self.path, dict(self.headers.items()), body))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Tests read what was seen."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Remembering) as server:
        found.port = server.server_port
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()


@pytest.fixture(scope="module")
def running(behind: Behind, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    with running_proxy(tmp_path_factory.mktemp("proxy"), behind.port) as proxy:
        yield Proxied(proxy.port, behind, proxy.log)


@pytest.fixture
def proxied(running: Proxied) -> Proxied:
    running.behind.seen.clear()
    return running


def fields(path: bytes = b"/token", method: bytes = b"POST", **more: bytes) -> list[tuple[bytes, bytes]]:
    return [
        (b":method", method),
        (b":scheme", b"https"),
        (b":path", path),
        (b":authority", b"adgang.localhost"),
        *((name.replace("_", "-").encode(), value) for name, value in more.items()),
    ]


def ask(proxied: Proxied, asked: Fields, body: bytes = b"") -> int | None:
    """The status of one request; None where its stream was reset or the connection closed."""
    flags = END_HEADERS if body else END_HEADERS | END_STREAM
    with Http2(proxied.port) as connection:
        connection.send(frame(HEADERS, flags, 1, header_block(asked)))
        if body:
            connection.send(frame(DATA, END_STREAM, 1, body))
        connection.read(until_stream=1)
        return connection.status(1)


def check_serves(proxied: Proxied) -> None:
    before = len(proxied.behind.seen)
    assert ask(proxied, fields(b"/jwks", b"GET")) == 200
    assert len(proxied.behind.seen) == before + 1


def test_an_ordinary_request_arrives_with_what_the_proxy_says_of_the_client(proxied: Proxied) -> None:
    """S-244, S-108: what the client says of itself does not, in either spelling that a server may take for the same."""
    forged = {"x_forwarded_for": b"203.0.113.9", "client_cert": b":Zm9v:", "x_forwarded_host": b"evil.test"}
    twins = [(name.encode(), value) for name, value in forged.items()]
    assert ask(proxied, [*fields(content_length=b"3", **forged), *twins], b"a=b") == 200
    ((method, path, headers, body),) = proxied.behind.seen
    assert (method, path, body) == ("POST", "/token", b"a=b")
    told = {name.lower().replace("_", "-"): value for name, value in headers.items()}
    assert told["x-forwarded-for"] == "127.0.0.1" and told["x-forwarded-proto"] == "https"
    assert "client-cert" not in told and "x-forwarded-host" not in told


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: adgang.localhost\r\n\r\n"
MALFORMED: dict[str, tuple[list[tuple[bytes, bytes]], bytes]] = {
    "a length that is too small": (fields(content_length=b"3"), b"a=b" + SMUGGLED),
    "a length that is too large": (fields(content_length=b"300"), b"a=b"),
    "two lengths": ([*fields(content_length=b"3"), (b"content-length", b"50")], b"a=b" + SMUGGLED),
    "two content types": ([*fields(content_type=b"a/b"), (b"content-type", b"c/d")], b"a=b"),
    "chunks": (fields(transfer_encoding=b"chunked"), b"0\r\n\r\n" + SMUGGLED),
    "an upgrade": (fields(connection=b"upgrade", upgrade=b"h2c"), b""),
    "a line break in a value": (fields(x_a=b"b\r\nX-C: d"), b""),
    "a line break in a name": ([*fields(), (b"x-a\r\nx-b", b"c")], b""),
    "a line break in the path": (fields(b"/token HTTP/1.1\r\nX: y"), b""),
    "a space in the method": (fields(method=b"GET /smuggled HTTP/1.1\r\nX:"), b""),
    "an upper-case name": ([*fields(), (b"X-Upper", b"c")], b""),
    "a pseudo-header at the end": ([*fields(), (b"x-a", b"b"), (b":path", b"/smuggled")], b""),
    "no path": ([(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"adgang.localhost")], b""),
}


@pytest.mark.parametrize(("asked", "body"), MALFORMED.values(), ids=MALFORMED)
def test_a_request_that_could_be_read_in_two_ways_never_arrives(
    proxied: Proxied, asked: list[tuple[bytes, bytes]], body: bytes
) -> None:
    """S-354, S-344: refused by the proxy; what arrives, if anything does, is what was meant."""
    status = ask(proxied, asked, body)
    assert status is None or 400 <= status < 500
    for _, path, headers, arrived in proxied.behind.seen:
        assert "smuggled" not in path and b"smuggled" not in arrived and "X-C" not in headers
    assert proxied.behind.seen == []
    check_serves(proxied)


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: adgang.localhost\r\n\r\n"
READ_IN_ONE_WAY = {
    "a folded header": AMBIGUOUS["a folded header"],
    "a NUL": AMBIGUOUS["a NUL"],
    "a bare LF": b"X-A: a\nContent-Length: 3",
    "a bare LF that ends it all": b"X-A: a\n\nGET /smuggled HTTP/1.1\nHost: adgang.localhost",
    "a bare LF in a chunk": b"Transfer-Encoding: chunked\r\n\r\n3\na=b\n0\n",
    "junk after a chunk's length": b"Transfer-Encoding: chunked\r\n\r\n3;x=\x00\r\na=b\r\n0\r\n",
}
"""RFC 9112 §2.2 and §5.2 let a recipient take a bare LF for the end of a line, and unfold."""
REFUSED = {name: header for name, header in AMBIGUOUS.items() if name not in READ_IN_ONE_WAY}


@pytest.mark.parametrize("header", REFUSED.values(), ids=REFUSED)
def test_in_http_1_too_a_request_that_could_be_read_in_two_ways_smuggles_nothing(
    proxied: Proxied, header: bytes
) -> None:
    """S-344: over TLS, as anybody can send it."""
    raw = b"POST /token HTTP/1.1\r\nHost: adgang.localhost\r\n" + header + b"\r\n\r\na=b" + SMUGGLED
    assert sent_raw(proxied.port, raw) in ([], [400], [501])
    assert proxied.behind.seen == []
    check_serves(proxied)


@pytest.mark.parametrize("header", READ_IN_ONE_WAY.values(), ids=READ_IN_ONE_WAY)
def test_what_the_proxy_lets_pass_the_server_reads_as_the_proxy_does(proxied: Proxied, header: bytes) -> None:
    """S-344: one request behind it for each answer before it, each written anew; so none is hidden in another."""
    raw = b"POST /token HTTP/1.1\r\nHost: adgang.localhost\r\n" + header + b"\r\n\r\na=b" + SMUGGLED
    told, seen = sent_raw(proxied.port, raw), list(proxied.behind.seen)
    assert told.count(200) == len(seen) >= 1 and set(told) <= {200, 400}
    written = [text for _, path, headers, _ in seen for text in (path, *headers, *headers.values())]
    assert not any("\r" in text or "\n" in text for text in written)
    check_serves(proxied)


def sent_raw(port: int, raw: bytes) -> list[int]:
    """The statuses that come back until the proxy closes, or is silent for two seconds."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("localhost", port), timeout=2) as plain, context.wrap_socket(plain) as tls:
        tls.sendall(raw)
        answer = b""
        with suppress(OSError):
            while more := tls.recv(65_536):
                answer += more
    return statuses(answer)


def test_streams_that_are_reset_at_once_cost_the_server_behind_little(proxied: Proxied) -> None:
    """S-354: a thousand requests, each taken back before it can be answered."""
    with Http2(proxied.port) as connection:
        for n in range(1_000):
            stream = 2 * n + 1
            block = header_block(fields(content_length=b"10"))
            if not connection.send(
                frame(HEADERS, END_HEADERS, stream, block), frame(RST_STREAM, 0, stream, b"\0\0\0\x08")
            ):
                break
        check_serves(proxied)
    assert len(proxied.behind.seen) < 50, "bodies are awaited by the proxy, so nothing was passed on"


@pytest.mark.parametrize("ends", [True, False])
def test_headers_without_end_are_cut_off(proxied: Proxied, ends: bool) -> None:
    """S-354: ten megabytes of CONTINUATION frames."""
    with Http2(proxied.port) as connection:
        connection.send(frame(HEADERS, END_STREAM, 1, header_block(fields())))
        filler = header_block([(b"x-filler", b"a" * 8_000)])
        still_open = all(connection.send(frame(CONTINUATION, 0, 1, filler)) for _ in range(1_250))
        if ends:
            connection.send(frame(CONTINUATION, END_HEADERS, 1, filler))
        connection.read(until_stream=1)
        assert connection.ended(1) or not still_open
        assert connection.status(1) in (None, 400, 413, 431)
    assert proxied.behind.seen == []
    check_serves(proxied)


def test_a_body_beyond_its_limit_ends_at_the_proxy(proxied: Proxied) -> None:
    """S-348, S-354."""
    with Http2(proxied.port) as connection:
        connection.send(frame(HEADERS, END_HEADERS, 1, header_block(fields())))
        for _ in range(5):
            connection.send(frame(DATA, 0, 1, b"x" * 16_000))
        connection.send(frame(DATA, END_STREAM, 1, b"x"))
        connection.read(until_stream=1)
        assert connection.status(1) == 413
    assert proxied.behind.seen == []
    check_serves(proxied)


def test_no_rule_of_the_proxy_looks_at_a_path(proxied: Proxied) -> None:
    """S-346: a path can be spelt in many ways, and both of them arrive as they came."""
    rules = [
        line.split("#")[0]
        for line in CONFIGURATION.read_text().splitlines()
        if " if " in line or "acl " in line
    ]
    assert rules and not [rule for rule in rules if re.search(r"\b(pathq?|url(_\w+)?|base|uri)\b", rule)]
    for path in (b"/%6awks", b"/jwks"):
        assert ask(proxied, fields(path, b"GET")) == 200
        assert proxied.behind.seen[-1][1] == path.decode()


def test_the_log_has_no_query(proxied: Proxied) -> None:
    """S-366: codes and states stand there."""
    ask(proxied, fields(b"/authorize?code=canary-code&state=canary-state", b"GET"))
    check_serves(proxied)
    text = proxied.log.read_text()
    assert "/authorize" in text and "canary" not in text
