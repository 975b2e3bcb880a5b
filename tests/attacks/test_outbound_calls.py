"""Calls to addresses that clients registered: where they may lead, and what the other side can do to us."""

import gzip
import logging
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clients_registry.policy import RegistrationPolicy
from idp.outbound.addresses import internal_network, may_be_called
from idp.outbound.errors import FetchFailed, FetchRefused, OutboundError, Reason
from idp.outbound.fetcher import MAX_BYTES, Fetcher, FetchPolicy
from tests.support.clock import FrozenClock
from tests.support.foreign_servers import (
    Behaviour,
    Conversation,
    ForeignServer,
    certificate_for,
    running_server,
)

ISSUER = "https://login.adgang.example"
JSON = ("application/json",)
SHORT = timedelta(seconds=0.4)
"""In place of five seconds."""


def nothing(_event: str, _labels: dict[str, str]) -> None:
    """A count that nobody reads."""


def demo_fetcher(clock: FrozenClock, deadline: timedelta = timedelta(seconds=5)) -> Fetcher:
    """As in the demo: plain http on loopback is a named exception."""
    policy = FetchPolicy(urls=RegistrationPolicy(issuer=ISSUER, insecure_allow_loopback_http=True))
    return Fetcher(policy, clock, nothing, deadline=deadline)


def production_fetcher(*addresses: str, internal: tuple[str, ...] = ()) -> Fetcher:
    """In which every name has these addresses."""
    networks = tuple(map(internal_network, internal))
    policy = FetchPolicy(urls=RegistrationPolicy(issuer=ISSUER), internal_networks=networks)
    return Fetcher(policy, FrozenClock(), nothing, resolve=lambda _host, _port: list(addresses))


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def server() -> Iterator[ForeignServer]:
    with running_server(lambda conversation: conversation.answer(b"{}")) as running:
        yield running


def at(server: ForeignServer, path: str = "/jwks") -> str:
    return f"http://127.0.0.1:{server.port}{path}"


def reason(fetcher: Fetcher, url: str) -> str:
    with pytest.raises(OutboundError) as fault:
        fetcher.get(url, accept=JSON)
    return fault.value.reason


# --- where they lead -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://nordhavn.example/jwks", "https://127.0.0.1:{port}/", "https://[::1]:{port}/", "https://0.0.0.0:{port}/",
        "https://169.254.169.254/", "https://10.0.0.1/", "https://192.168.0.1/", "https://172.16.0.1/", "https://[fc00::1]/",
        "https://100.64.0.1/", "https://2130706433:{port}/", "https://017700000001:{port}/", "https://0x7f000001:{port}/",
        "https://127.1:{port}/", "https://[::ffff:127.0.0.1]:{port}/", "https://localhost:{port}/",
        "https://localhost.:{port}/", "http://localhost:{port}/", "http://127.0.0.1:{port}/", "https://metadata.internal/",
        f"{ISSUER}/jwks", "https://u:p@nordhavn.example/", "file:///etc/passwd", "gopher://nordhavn.example/", "ftp://a.example/",
    ],
)  # fmt: skip
def test_what_may_not_be_registered_is_not_called_either(server: ForeignServer, url: str) -> None:
    """S-178, S-064: a row that came into the database some other way leads nowhere; not one packet is sent."""
    assert reason(production_fetcher("127.0.0.1"), url.format(port=server.port)) == "url"
    assert server.connections == 0


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "::1", "0.0.0.0", "::", "169.254.169.254", "fe80::1", "10.1.2.3", "192.168.1.1",
        "172.31.255.255", "fc00::1", "fd12::1", "100.127.255.255", "::ffff:127.0.0.1", "::ffff:93.184.215.14",
        "64:ff9b::7f00:1", "2002:7f00:1::", "2001::1", "192.0.0.1", "198.18.0.1", "203.0.113.7", "2001:db8::1", "224.0.0.1",
        "255.255.255.255", "ff02::1", "fec0::1", "240.0.0.1", "5f00::1", "fe80::1%lo", "nonsense", "",
    ],
)  # fmt: skip
def test_a_name_that_leads_inside_is_not_called(server: ForeignServer, address: str) -> None:
    """S-178, S-210: whatever its other addresses are, so that no order of them helps; not one packet is sent."""
    for addresses in ((address,), ("93.184.215.14", address), (address, "93.184.215.14")):
        url = f"https://service.example:{server.port}/jwks"
        with pytest.raises(FetchRefused) as fault:
            production_fetcher(*addresses).get(url, accept=JSON)
        assert fault.value.reason == "address"
    assert server.connections == 0


def test_public_addresses_may_be_called() -> None:
    """The rule lets through what it is for."""
    assert may_be_called(["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"], (), loopback=False)
    assert not may_be_called([], (), loopback=False)


def test_an_operator_may_open_a_private_network_and_nothing_else() -> None:
    """S-178: in a closed network of the state services have such addresses; loopback and metadata stay closed."""
    opened = (internal_network("10.20.0.0/16"), internal_network("fd12::/48"))
    assert may_be_called(["10.20.3.4", "fd12::7"], opened, loopback=False)
    assert not may_be_called(["10.21.3.4"], opened, loopback=False)
    for network in (
        "127.0.0.0/8",
        "169.254.0.0/16",
        "0.0.0.0/0",
        "8.0.0.0/8",
        "::/0",
        "::1/128",
        "fe80::/10",
        "10.0.0.0/7",
    ):
        with pytest.raises(ValueError, match="private"):
            internal_network(network)


def test_plain_http_does_not_leave_the_machine(server: ForeignServer) -> None:
    """S-178: in the demo too; `localhost` is a name like others, and may lead elsewhere."""
    policy = FetchPolicy(urls=RegistrationPolicy(issuer=ISSUER, insecure_allow_loopback_http=True))
    elsewhere = Fetcher(policy, FrozenClock(), nothing, resolve=lambda _host, _port: ["93.184.215.14"])
    assert reason(elsewhere, f"http://localhost:{server.port}/") == "address"


def test_the_demo_does_not_call_itself(clock: FrozenClock, server: ForeignServer) -> None:
    """S-178: our own issuer is refused, by whichever of the machine's own names."""
    own = RegistrationPolicy(issuer=f"http://localhost:{server.port}", insecure_allow_loopback_http=True)
    fetcher = Fetcher(FetchPolicy(urls=own), clock, nothing)
    for host in ("localhost", "127.0.0.1", "[::1]"):
        assert reason(fetcher, f"http://{host}:{server.port}/jwks") == "url"
    assert server.connections == 0


def test_a_name_is_looked_up_once_and_that_address_is_called(server: ForeignServer) -> None:
    """S-178: DNS that answers differently a moment later (rebinding) is not asked a second time."""
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.9"]

    policy = FetchPolicy(urls=RegistrationPolicy(issuer=ISSUER, insecure_allow_loopback_http=True))
    fetcher = Fetcher(policy, FrozenClock(), nothing, resolve=rebinding)
    assert fetcher.get(f"http://localhost:{server.port}/", accept=JSON) == b"{}"
    assert asked == ["localhost"]
    assert server.connections == 1


@pytest.mark.parametrize(
    "location",
    ["http://127.0.0.1:{port}/inside", "file:///etc/passwd", "https://elsewhere.example/", "/jwks", ""],
)
def test_a_redirect_is_not_followed(clock: FrozenClock, server: ForeignServer, location: str) -> None:
    """S-180: neither by GET nor by POST; the sender of a form sees the status."""
    target = location.format(port=server.port)
    server.behave = lambda conversation: conversation.send(
        f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode()
    )
    assert reason(demo_fetcher(clock), at(server)) == "redirect"
    assert demo_fetcher(clock).post_form(at(server), {"a": "b"}) == 302
    assert server.connections == 2


def test_no_proxy_of_the_environment_is_used(
    clock: FrozenClock, server: ForeignServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """S-178: nor a netrc, whose passwords would go to whoever has the name."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login us password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert demo_fetcher(clock).get(at(server), accept=JSON) == b"{}"
    assert b"Authorization" not in server.requests[0]


# --- TLS -------------------------------------------------------------------------------------------------------


def test_the_certificate_must_be_for_the_name_that_was_registered(tmp_path: Path) -> None:
    """S-181: an address proves nothing; a certificate of another name, or of an unknown authority, ends the call."""
    authority, context = certificate_for(tmp_path, "service.example")
    urls = RegistrationPolicy(issuer=ISSUER, insecure_allow_loopback_http=True)
    known = FetchPolicy(urls=urls, authority_file=authority)

    def fetcher(policy: FetchPolicy) -> Fetcher:
        return Fetcher(policy, FrozenClock(), nothing, resolve=lambda _host, _port: ["127.0.0.1"])

    with running_server(lambda conversation: conversation.answer(b"{}"), context) as server:
        url = f"https://service.example:{server.port}/jwks?set=1"
        assert fetcher(known).get(url, accept=JSON) == b"{}"
        head = server.requests[0].decode()
        assert head.startswith("GET /jwks?set=1 HTTP/1.1\r\n")
        assert f"Host: service.example:{server.port}\r\n" in head
        assert reason(fetcher(known), f"https://other.example:{server.port}/jwks") == "tls"
        assert reason(fetcher(FetchPolicy(urls=urls)), url) == "tls"
        assert len(server.requests) == 1


# --- what the other side sends ---------------------------------------------------------------------------------


def stream(head: bytes, piece: bytes) -> Behaviour:
    """A behaviour: the head, then the piece until nobody takes it."""

    def behave(conversation: Conversation) -> None:
        conversation.send(head)
        while not conversation.over.is_set():
            conversation.connection.sendall(piece)

    return behave


def drip(head: bytes, piece: bytes) -> Behaviour:
    """A behaviour: the head, then the piece again and again, slowly."""

    def behave(conversation: Conversation) -> None:
        conversation.send(head)
        while not conversation.over.wait(0.1):
            conversation.connection.sendall(piece)

    return behave


OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("behave", "told"),
    [
        pytest.param(stream(OK + b"\r\n", b" " * 65536), "too_large", id="a gigabyte"),
        pytest.param(
            stream(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b" " * 65536 + b"\r\n"),
            "too_large",
            id="a gigabyte in chunks",
        ),
        pytest.param(stream(OK + b"Content-Length: 1000000000\r\n\r\n", b" "), "too_large", id="a declared gigabyte"),
        pytest.param(stream(OK, b"X-Filler: " + b"a" * 4000 + b"\r\n"), "too_large", id="10 MB of headers"),
        pytest.param(stream(OK + b"X: ", b"a" * 65536), "too_large", id="an endless header"),
        pytest.param(
            lambda c: c.send(OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b" " * 10_000_000)),
            "encoding",
            id="a gzip bomb",
        ),
        pytest.param(drip(b"", b"H"), "timeout", id="a byte at a time from the start"),
        pytest.param(drip(OK, b"X"), "timeout", id="a byte at a time in the headers"),
        pytest.param(drip(OK + b"Content-Length: 50\r\n\r\n", b" "), "timeout", id="a byte at a time in the body"),
        pytest.param(lambda c: c.over.wait(), "timeout", id="silence"),
        pytest.param(stream(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"), "too_large", id="100s"),
        pytest.param(lambda c: (c.send(OK + b"\r\n{}"), c.over.wait()), "timeout", id="never closes"),
        pytest.param(lambda c: c.send(OK + b"Content-Length: 9\r\n\r\n{}"), "broken", id="cut short"),
        pytest.param(lambda c: None, "broken", id="closes"),
        pytest.param(lambda c: c.send(b"SSH-2.0-OpenSSH\r\n"), "broken", id="another protocol"),
        pytest.param(lambda c: c.answer(b"{}", content_type="text/html"), "content_type", id="text/html"),
        pytest.param(lambda c: c.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), "content_type", id="no type"),
        pytest.param(lambda c: c.answer(b"{}", status="500 Oh"), "status", id="500"),
        pytest.param(lambda c: c.answer(b"hemmelig", status="404 hemmelig"), "status", id="404"),
        pytest.param(lambda c: c.answer(b"{}", status="204 No Content"), "status", id="204"),
        pytest.param(lambda c: c.answer(b" " * (MAX_BYTES + 1)), "too_large", id="one byte too many"),
    ],
)  # fmt: skip
def test_what_is_not_a_small_timely_document_is_no_document(
    clock: FrozenClock, server: ForeignServer, behave: Behaviour, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    """S-181: it fails closed, in time, and nothing of what came is told to the log."""
    server.behave = behave
    begun = time.monotonic()
    with caplog.at_level(logging.DEBUG):
        assert reason(demo_fetcher(clock, SHORT), at(server, "/jwks?hemmelig=1")) == told
    assert time.monotonic() - begun < 3
    assert [vars(record)["reason"] for record in caplog.records] == [told]
    assert "hemmelig" not in str([vars(record) for record in caplog.records])


@pytest.mark.parametrize(
    "raw",
    [
        OK + b"Content-Length: 2\r\n\r\n{}",
        OK + b"\r\n{}",
        OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: Application/JSON; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: identity\r\n\r\n{}",
    ],
)
def test_a_document_comes_in_each_form_that_http_knows(
    clock: FrozenClock, server: ForeignServer, raw: bytes
) -> None:
    """With a length, to the end of the connection, and in chunks."""
    server.behave = lambda conversation: conversation.send(raw)
    assert demo_fetcher(clock).get(at(server), accept=JSON) == b"{}"


def test_a_document_of_the_full_size_is_taken(clock: FrozenClock, server: ForeignServer) -> None:
    """S-181: 64 KiB are allowed, and fewer where the caller says so."""
    server.behave = lambda conversation: conversation.answer(b" " * MAX_BYTES)
    assert demo_fetcher(clock).get(at(server), accept=JSON) == b" " * MAX_BYTES
    with pytest.raises(FetchFailed):
        demo_fetcher(clock).get(at(server), accept=JSON, max_bytes=100)


def test_a_form_is_sent_and_the_status_is_all_that_comes_back(
    clock: FrozenClock, server: ForeignServer
) -> None:
    """S-181: whatever a service says to a form, no more of it than the status is read."""
    server.behave = stream(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n", b"a" * 65536)
    assert demo_fetcher(clock).post_form(at(server, "/logout"), {"logout_token": "a.b&c", "æ": "ø"}) == 400
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /logout HTTP/1.1\r\n")
    assert b"Content-Type: application/x-www-form-urlencoded" in head
    assert body == b"logout_token=a.b%26c&%C3%A6=%C3%B8"


# --- one host and the others -----------------------------------------------------------------------------------


def test_a_host_that_does_not_answer_is_left_alone_for_a_while(
    clock: FrozenClock, server: ForeignServer
) -> None:
    """S-181: after five failures in a row it is not called for 30 s; others are; then one trial decides."""
    fetcher, calm = demo_fetcher(clock), lambda conversation: conversation.answer(b"{}")
    server.behave = lambda conversation: None
    with running_server(calm) as other:
        assert [reason(fetcher, at(server)) for _ in range(6)] == ["broken"] * 5 + ["paused"]
        assert server.connections == 5
        assert fetcher.get(at(other), accept=JSON) == b"{}"
    clock.forward(seconds=30)
    assert [reason(fetcher, at(server)) for _ in range(2)] == ["broken", "paused"]
    clock.forward(seconds=30)
    server.behave = calm
    assert [fetcher.get(at(server), accept=JSON) for _ in range(3)] == [b"{}"] * 3


def test_errors_of_one_document_do_not_stop_its_host(clock: FrozenClock, server: ForeignServer) -> None:
    """S-181: several services share a host; one that is broken pauses none of the others."""
    server.behave = lambda c: c.answer(b"{}", status="200 OK" if b"/good" in c.request else "500 Oh")
    fetcher = demo_fetcher(clock)
    assert {reason(fetcher, at(server, "/bad")) for _ in range(8)} == {"status"}
    assert fetcher.get(at(server, "/good"), accept=JSON) == b"{}"


def test_a_host_that_hangs_takes_four_places_and_leaves_the_rest(
    clock: FrozenClock, server: ForeignServer
) -> None:
    """S-181, S-210: while it hangs, others are called at once; more calls to it wait no longer than any call may."""
    server.behave = lambda conversation: conversation.over.wait()
    fetcher, told = demo_fetcher(clock, timedelta(seconds=1)), []
    callers = [threading.Thread(target=lambda: told.append(reason(fetcher, at(server)))) for _ in range(7)]
    with running_server(lambda conversation: conversation.answer(b"{}")) as other:
        for caller in callers:
            caller.start()
        begun = time.monotonic()
        assert fetcher.get(at(other), accept=JSON) == b"{}"
        assert time.monotonic() - begun < 0.9
        assert server.connections <= 4
    for caller in callers:
        caller.join()
    assert len(told) == 7 and set(told) <= {"busy", "timeout", "paused"}  # one that came late found it paused
    assert time.monotonic() - begun < 3


def test_a_look_up_of_a_name_that_hangs_ends_in_time() -> None:
    """S-181: DNS of the attacker's own may be silent too."""
    over = threading.Event()

    def hanging(_host: str, _port: int) -> list[str]:
        over.wait(10)
        raise OSError

    fetcher = Fetcher(FetchPolicy(), FrozenClock(), nothing, resolve=hanging, deadline=SHORT)
    assert reason(fetcher, "https://service.example/jwks") == "timeout"
    over.set()


def test_look_ups_that_hang_hold_no_places_beyond_the_deadline() -> None:
    """S-181, S-419: eight services whose names are looked up for ever leave no place to a ninth, and that only so long."""
    over = threading.Event()

    def hanging(host: str, _port: int) -> list[str]:
        if host.startswith("silent"):
            over.wait(60)
        raise OSError

    fetcher, told = Fetcher(FetchPolicy(), FrozenClock(), nothing, resolve=hanging, deadline=SHORT), []
    urls = [f"https://silent{number}.example/jwks" for number in range(8) for _ in range(4)]
    callers = [threading.Thread(target=lambda u=url: told.append(reason(fetcher, u))) for url in urls]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert told == ["timeout"] * 32
    assert reason(fetcher, "https://service.example/jwks") == "name"
    over.set()


@given(st.ip_addresses())
def test_no_address_that_the_standard_library_calls_special_is_called(address: Any) -> None:
    """S-178: our list of what is public, against another's list of what is not."""
    special = (
        address.is_private, address.is_loopback, address.is_link_local, address.is_multicast, address.is_reserved,
        address.is_unspecified, not address.is_global,
    )  # fmt: skip
    if any(special):
        assert not may_be_called([str(address)], (), loopback=False)


def test_any_bytes_are_a_document_or_one_of_our_own_errors(clock: FrozenClock, server: ForeignServer) -> None:
    """S-181: whatever a server says, nothing else is raised, and what it was is told by a word of ours."""
    pieces = st.sampled_from(
        [b"HTTP/1.1 200 OK\r\n", b"Content-Type: application/json\r\n", b"Content-Length: ", b"2\r\n", b"-1\r\n", b"\r\n", b"{}",
         b"Transfer-Encoding: chunked\r\n", b"2\r\n{}\r\n", b"0\r\n\r\n", b"ffffffffff\r\n", b"\0", b"\xff", b": ", b"HTTP/9"]
    )  # fmt: skip
    answers = st.one_of(st.binary(max_size=200), st.lists(pieces, max_size=9).map(b"".join))

    @settings(max_examples=150, deadline=None)
    @given(answers)
    def hold(raw: bytes) -> None:
        server.behave = lambda conversation: conversation.send(raw)
        fetcher = demo_fetcher(clock, SHORT)
        try:
            body = fetcher.get(at(server), accept=JSON)
        except OutboundError as fault:
            assert fault.reason in get_args(Reason)
        else:
            assert len(body) <= MAX_BYTES

    hold()
