"""The wire, byte by byte, against the server that operators start: `adgang serve` with granian."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from idp.storage import embedded_valkey
from tests.support.ports import free_ports
from tests.support.processes import start_server, stop_server, wait_until

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Served:
    """A provider process of its own."""

    port: int
    admin_port: int
    log: Path

    @property
    def issuer(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def host(self) -> bytes:
        return f"localhost:{self.port}".encode()

    def send(self, raw: bytes) -> bytes:
        """All that comes back until the server closes or says nothing for a while."""
        return self.exchange(raw)[0]

    def exchange(self, raw: bytes) -> tuple[bytes, bool]:
        """The same, and whether the server closed the connection."""
        received = b""
        with socket.create_connection(("localhost", self.port), timeout=15) as connection:
            try:
                connection.sendall(raw)
                connection.settimeout(1.5)
                while chunk := connection.recv(65536):
                    received += chunk
            except TimeoutError:
                return received, False
            except (ConnectionResetError, BrokenPipeError):
                pass
            return received, True

    def request(self, line: bytes, *headers: bytes, body: bytes = b"") -> bytes:
        head = b"\r\n".join((line, b"Host: " + self.host, b"Connection: close", *headers))
        return self.send(head + b"\r\n\r\n" + body)

    def alive(self) -> bool:
        try:
            return requests.get(self.issuer + "/healthz", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    port, admin_port = free_ports(2)
    store = embedded_valkey.start(folder / "valkey")
    environment = {
        "PATH": os.environ["PATH"],
        "ADGANG_ISSUER": f"http://localhost:{port}",
        "ADGANG_ENVIRONMENT": "demo",
        "ADGANG_INSECURE_ALLOW_HTTP_LOOPBACK": "true",
        "ADGANG_SECRETS_DIRECTORY": str(folder / "secrets"),
        "ADGANG_STATE_DIRECTORY": str(folder),
        "ADGANG_REDIS_URL": store.url,
        "ADGANG_LISTEN_PORT": str(port),
        "ADGANG_ADMIN_PORT": str(admin_port),
        "ADGANG_WORKERS": "1",
        "ADGANG_KEY_ALGORITHMS": "ES256",
    }
    adgang = [sys.executable, "-m", "idp"]
    for words in (["secrets", "create", str(folder / "secrets")], ["migrate"]):
        subprocess.run([*adgang, *words], env=environment, cwd=_ROOT, check=True, capture_output=True)
    log = folder / "serve.log"
    process = start_server([*adgang, "serve"], log, env=environment, cwd=_ROOT)
    running = Served(port, admin_port, log)
    try:
        wait_until(running.alive, process, log)
        yield running
    finally:
        stop_server(process)
        store.stop()


def statuses(answer: bytes) -> list[int]:
    """The status of every response that came back."""
    return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]


FORM = b"Content-Type: application/x-www-form-urlencoded"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
AMBIGUOUS = {
    "two lengths": b"Content-Length: 3\r\nContent-Length: 40",
    "length and chunks": b"Content-Length: 3\r\nTransfer-Encoding: chunked",
    "chunks, spelled oddly": b"Transfer-Encoding: xchunked",
    "chunks twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    "a space before the colon": b"Content-Length : 3",
    "a folded header": b"X-A: b\r\n Content-Length: 3",
    "a signed length": b"Content-Length: +3",
    "a length in hex": b"Content-Length: 0x3",
    "a NUL": b"X-A: a\x00b",
    "a bare CR": b"X-A: a\rContent-Length: 3",
    "no name": b": value",
}


@pytest.mark.parametrize("header", AMBIGUOUS.values(), ids=AMBIGUOUS)
@pytest.mark.parametrize("path", [b"/login/x/password", b"/token"])
def test_a_request_that_can_be_read_in_two_ways_leads_to_no_second_one(
    served: Served, path: bytes, header: bytes
) -> None:
    """S-344: one refusal in words, and the connection is closed: what follows is not looked at as a request."""
    raw = (
        b"POST " + path + b" HTTP/1.1\r\nHost: " + served.host + b"\r\n" + header + b"\r\n\r\na=b" + SMUGGLED
    )
    answer, closed = served.exchange(raw)
    assert statuses(answer) in ([400], [411]) and closed
    assert served.alive()


@pytest.mark.parametrize("path", [b"/login/x/password", b"/token"])
def test_a_line_that_ends_without_a_cr_is_read_as_the_proxy_reads_it(served: Served, path: bytes) -> None:
    """S-344: neither refuses it (RFC 9112 §2.2 allows that), and both take the length behind it for a length. So the next
    request begins where the proxy says, and there is no third one."""
    for head in (
        b"POST %b HTTP/1.1\nHost: %b\nContent-Length: 3\n\n",
        b"POST %b HTTP/1.1\r\nHost: %b\r\nX-A: a\nContent-Length: 3\r\n\r\n",
    ):
        answers = statuses(served.send(head % (path, served.host) + b"a=b" + SMUGGLED))
        assert answers == [400, 400], "the form without a type, and a host that is not ours"


@pytest.mark.parametrize(
    "chunks",
    [
        b"zz\r\na=b\r\n",
        b"3\r\na=bXX0\r\n\r\n",
        b"ffffffffffffffff1\r\na",
        b"3\na=b\n0\n\n",
        b"-3\r\na=b\r\n0\r\n\r\n",
    ],
)
@pytest.mark.parametrize(("path", "status"), [(b"/token", 401), (b"/login/x/password", 411)])
def test_chunks_with_junk_are_refused(served: Served, path: bytes, status: int, chunks: bytes) -> None:
    """S-344: what could be read of the form proves nothing, pages take no chunks at all, and nothing behind is read."""
    head = (
        b"POST " + path + b" HTTP/1.1\r\nHost: " + served.host + b"\r\nTransfer-Encoding: chunked\r\n" + FORM
    )
    answer, closed = served.exchange(head + b"\r\n\r\n" + chunks + SMUGGLED)
    assert statuses(answer) == [status] and closed
    assert served.alive()


@pytest.mark.parametrize("path", [b"/login/x/password", b"/sign-out", b"/end-session", b"/authorize"])
def test_a_body_beyond_its_limit_is_refused_unread(served: Served, path: bytes) -> None:
    """S-348, S-362: announced, chunked and compressed."""
    line = b"POST " + path + b" HTTP/1.1"
    assert statuses(
        served.request(line, FORM, b"Content-Length: 1073741824", body=b"a=" + b"x" * 70_000)
    ) == [400]
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    endless = served.request(line, FORM, b"Transfer-Encoding: chunked", body=chunk * 40 + b"0\r\n\r\n")
    assert statuses(endless) in ([400], [411])
    packed = b"\x1f\x8b\x08\x00" + bytes(20)
    length = b"Content-Length: %d" % len(packed)
    assert statuses(served.request(line, FORM, length, b"Content-Encoding: gzip", body=packed))[0] in (
        400,
        403,
    )
    assert served.alive()


@pytest.mark.parametrize(
    "header",
    [
        b"X-A: " + b"a" * 9_000,
        b"X-A: " + b"a" * 70_000,
        b"Authorization: Basic " + b"QUJD" * 262_144,
        b"Cookie: " + b"a=" + b"b" * 65_536,
        b"Cookie: " + b"; ".join(b"c%d=%s" % (n, b"v" * 60) for n in range(200)),
        b"\r\n".join(b"X-%d: a" % n for n in range(1000)),
    ],
    ids=["9 kB", "70 kB", "1 MB of credentials", "64 kB cookie", "200 long cookies", "1000 headers"],
)
def test_headers_beyond_their_limit_are_refused(served: Served, header: bytes) -> None:
    """S-219, S-350, S-103: never a 500."""
    for path in (b"/", b"/authorize", b"/jwks"):
        answers = statuses(served.request(b"GET " + path + b" HTTP/1.1", header))
        assert answers in ([400], [431]), answers
    assert served.alive()


@pytest.mark.parametrize("path", [b"/token", b"/par", b"/introspect", b"/revoke"])
def test_a_content_type_has_one_name_and_one_value(served: Served, path: bytes) -> None:
    """S-361: of several the server tells us the first; the proxy of deploy/ lets none of them through."""
    line, length, body = b"POST " + path + b" HTTP/1.1", b"Content-Length: 11", b"client_id=x"
    other = b"Content-Type: application/json"
    (judged,) = statuses(served.request(line, FORM, length, body=body))
    assert judged != 400
    assert statuses(served.request(line, FORM, other, length, body=body)) == [judged]
    for headers in (
        (other, FORM),
        (FORM.replace(b"-", b"_", 1),),
        (FORM, FORM.replace(b"-", b"_", 1)),
        (FORM, b"Content_Length: 3"),
        (FORM.replace(b"Type: ", b"Type: \xc3\xa6"),),
    ):
        assert statuses(served.request(line, *headers, length, body=body)) == [400], headers
    assert served.alive()


@pytest.mark.parametrize("value", [b"\xff", b"Bearer \xc3\xa6", b"DPoP \x80", b"Basic \xa0"])
def test_a_header_that_is_no_ascii_says_nothing_and_is_not_left_out(served: Served, value: bytes) -> None:
    """S-350: the server hands it over as an empty one, which is refused like any other that proves nothing."""
    assert statuses(served.request(b"GET /userinfo HTTP/1.1", b"Authorization: " + value)) == [401]
    secret = b"grant_type=client_credentials&client_id=x&client_secret=y"
    length = b"Content-Length: %d" % len(secret)
    for header in (b"Authorization: ", b"DPoP: "):
        answer = served.request(b"POST /token HTTP/1.1", header + value, FORM, length, body=secret)
        assert statuses(answer) == [400], header
    assert statuses(served.request(b"POST /token HTTP/1.1", FORM, length, body=secret)) == [401]
    assert served.alive()


@pytest.mark.parametrize(
    "cookie", [b"=adgang-session=bad", b"\xff\xfe=\xe6", b'a="\\000"', b";;;=;", b"a" * 4000]
)
def test_odd_cookies_do_no_harm(served: Served, cookie: bytes) -> None:
    """S-219."""
    assert statuses(served.request(b"GET / HTTP/1.1", b"Cookie: " + cookie))[0] in (200, 400)


def test_a_cookie_of_ours_that_comes_twice_is_refused(served: Served) -> None:
    """S-364: in one header, or in two."""
    name = b"adgang-%d-session" % served.port
    both = b"Cookie: " + name + b"=good; " + name + b"=bad"
    assert statuses(served.request(b"GET / HTTP/1.1", both)) == [400]
    one, two = b"Cookie: " + name + b"=good", b"Cookie: " + name + b"=bad"
    assert statuses(served.request(b"GET / HTTP/1.1", one, two)) == [400]


@pytest.mark.parametrize("verb", [b"TRACE", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"get", b"post", b"FOO"])
@pytest.mark.parametrize(
    "path", [b"/", b"/authorize", b"/login/x", b"/login/x/totp", b"/sign-out", b"/end-session", b"/help"]
)
def test_other_verbs_are_405_with_allow(served: Served, verb: bytes, path: bytes) -> None:
    """S-351: an override header changes none."""
    answer = served.request(verb + b" " + path + b" HTTP/1.1", b"X-HTTP-Method-Override: POST")
    assert statuses(answer) == [405] and b"\r\nallow:" in answer.lower()


@pytest.mark.parametrize(
    "path",
    [
        "//authorize", "/authorize/", "/authorize;x", "/authorize/../metrics", "/help/../metrics", "/%2e%2e/metrics",
        "/metrics", "/readyz", "/healthz/", "/HEALTHZ", "/debug", "/console", "/.env", "/static/../settings.py",
        "/static/x/..%2f..%2fsettings.py", "/login/%00", "/login/x%2ftotp/", "/authorize.", "/login//x", "/admin",
    ],
)  # fmt: skip
def test_a_path_has_one_spelling_and_nothing_for_operators(served: Served, path: str) -> None:
    """S-346, S-357."""
    answer = served.request(b"GET " + path.encode() + b" HTTP/1.1")
    assert statuses(answer)[0] in (400, 404, 405, 410), path
    assert b"# HELP" not in answer and b"import " not in answer


SPELT_ODDLY = {
    b"/jwks": (b"/%6awks", b"/%6Aw%6bs"),
    b"/.well-known/openid-configuration": (
        b"/%2ewell%2Dknown/openid-configuration",
        b"/.well-known%2Fopenid-configuration",
    ),
    b"/token": (b"/%74oken",),
}


@pytest.mark.parametrize("plain", SPELT_ODDLY, ids=lambda path: path.decode())
def test_an_escape_in_a_path_is_the_character_and_opens_nothing_else(served: Served, plain: bytes) -> None:
    """S-346, RFC 3986 §6.2.2.2: the same endpoint, with its limits, and by its one name where it is counted."""
    for odd in SPELT_ODDLY[plain]:
        for verb, headers, body in (
            (b"GET", (), b""),
            (b"PUT", (), b""),
            (b"GET", (b"X-A: " + b"a" * 9_000,), b""),
            (b"POST", (FORM, b"Content-Length: 70000"), b"a=" + b"x" * 69_998),
            (b"POST", (FORM, b"Content-Length: 3"), b"a=b"),
        ):
            expected = statuses(served.request(verb + b" " + plain + b" HTTP/1.1", *headers, body=body))
            found = statuses(served.request(verb + b" " + odd + b" HTTP/1.1", *headers, body=body))
            assert found == expected != [], (odd, verb)
    counted = requests.get(f"http://127.0.0.1:{served.admin_port}/metrics", timeout=10).text
    assert f'path="{plain.decode()}"' in counted and "%" not in counted
    for hidden in (
        b"/%6detrics",
        b"/%72eadyz",
        b"/jwks/%2e%2e/metrics",
        b"/%2e%2e/readyz",
        b"/jwks%00",
        b"/jwks%3Fx",
    ):
        assert statuses(served.request(b"GET " + hidden + b" HTTP/1.1"))[0] in (400, 404), hidden


def test_metrics_are_on_the_operators_listener_only(served: Served) -> None:
    """S-357."""
    assert b"# HELP" in requests.get(f"http://127.0.0.1:{served.admin_port}/metrics", timeout=10).content
    assert requests.get(f"http://127.0.0.1:{served.admin_port}/readyz", timeout=10).text == "ready\n"


def test_a_forged_host_names_nobody(served: Served) -> None:
    """S-352, S-363: in the header, in an absolute address, and in the headers that some servers believe."""
    lines = (b"GET /authorize HTTP/1.1\r\nHost: evil.test", b"GET / HTTP/1.1\r\nHost: evil.test/@x")
    for line in lines:
        answer = served.send(line + b"\r\nConnection: close\r\n\r\n")
        assert statuses(answer) == [400] and b"evil.test" not in answer
    answer = served.request(b"GET http://evil.test/ HTTP/1.1")
    assert b"evil.test" not in answer
    believed = (
        b"X-Forwarded-Host: evil.test",
        b"Forwarded: host=evil.test",
        b"X-Original-URL: /metrics",
        b"X-Rewrite-URL: /metrics",
    )
    answer = served.request(b"GET /.well-known/openid-configuration HTTP/1.1", *believed)
    assert b"evil.test" not in answer and served.issuer.encode() in answer
    assert b"# HELP" not in served.request(b"GET / HTTP/1.1", *believed)


@pytest.mark.parametrize(
    "path",
    [
        b"/login/%ff",
        b"/login/\xff",
        b"/%c0%af",
        b"/login/%f0%9f%98%80",
        b"/?lang=%ff&a=%zz",
        b"/?" + b"a=b&" * 9000,
    ],
)
def test_octets_that_are_no_text_are_no_500(served: Served, path: bytes) -> None:
    """S-334, S-360."""
    answers = statuses(served.request(b"GET " + path + b" HTTP/1.1"))
    assert len(answers) <= 1 and all(status < 500 for status in answers)
    assert served.alive()


@pytest.mark.parametrize("name", ["redirect_uri", "state", "client_id", "ui_locales", "request_uri", "lang"])
def test_a_line_break_in_a_value_writes_no_header(served: Served, name: str) -> None:
    """S-345."""
    for end in ("%0d%0a", "%0a", "%0d", "%E2%80%A8"):
        query = f"{name}=x{end}Set-Cookie:%20evil=1".encode()
        for path in (b"/authorize?", b"/?", b"/login/x?"):
            head = served.request(b"GET " + path + query + b" HTTP/1.1").partition(b"\r\n\r\n")[0]
            assert b"evil=1" not in head


def test_nothing_of_all_this_was_unforeseen(served: Served) -> None:
    """S-355, S-356: the log of the process has no error in it; this is the last test of the file."""
    assert served.alive()
    assert '"level":"error"' not in served.log.read_text() and "panicked" not in served.log.read_text()
