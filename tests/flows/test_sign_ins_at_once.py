"""Two hundred citizens send their password in one moment, to `adgang serve`: some wait, some are told to come back."""

import http.client
import re
import selectors
import socket
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from tests.support.citizen_browser import CitizenBrowser
from tests.support.meanwhile import meanwhile
from tests.support.served import Served, prepare, serving, serving_environment

_AT_ONCE = 200
_TURNS = 2 * 2
"""Hashes at once, of two workers. Each is waited for, and whoever waits longer than a second is sent away, too."""


def typed(issuer: str, number: int) -> bytes:
    """A request with a password, as a browser would send it after it had the page."""
    browser = CitizenBrowser(issuer)
    browser.session.headers["X-Forwarded-For"] = f"198.51.{number}.7"  # a network each: nobody is slowed
    page = browser.get("/me/security", headers={"Connection": "close"})
    form = page.form("/password")
    body = urlencode({**form.fields, "user_id": f"nobody.{number}", "password": "hest-sol-regn-kat"})
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.session.cookies)
    browser.session.close()
    return "\r\n".join(
        (
            f"POST {form.action} HTTP/1.1",
            f"Host: {urlsplit(issuer).netloc}",
            f"Origin: {issuer}",
            "Sec-Fetch-Site: same-origin",
            f"X-Forwarded-For: 198.51.{number}.7",
            f"Cookie: {cookies}",
            "Accept-Language: nb",
            "Connection: close",
            "Content-Type: application/x-www-form-urlencoded",
            f"Content-Length: {len(body)}",
            "",
            body,
        )
    ).encode()


def sent_at_once(port: int, requests: list[bytes]) -> list[bytes]:
    """The answers, from a connection each. One thread sends and reads: the cores are for whoever is asked."""
    answers: dict[socket.socket, bytes] = {}
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        for _ in requests:
            answers[stack.enter_context(socket.create_connection(("localhost", port), 60))] = b""
        for connection, request in zip(answers, requests, strict=True):
            connection.sendall(request)
            selector.register(connection, selectors.EVENT_READ)
        while selector.get_map():
            found = selector.select(60)
            assert found, "no answer in a minute"
            for key, _ in found:
                connection = key.fileobj
                assert isinstance(connection, socket.socket)
                if more := connection.recv(65_536):
                    answers[connection] += more
                else:
                    selector.unregister(connection)
    return list(answers.values())


@contextmanager
def asking(served: Served, *paths: str) -> Iterator[dict[str, list[float]]]:
    """Seconds that each answer took, asked for one after another until the end of the block."""
    took: dict[str, list[float]] = {path: [] for path in paths}
    connection = http.client.HTTPConnection(urlsplit(served.issuer).netloc, timeout=60)

    def ask() -> None:
        for path, times in took.items():
            began = time.perf_counter()
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200
            times.append(time.perf_counter() - began)

    with closing(connection), meanwhile(ask):
        yield took


def test_many_passwords_at_once_keep_nothing_else_waiting(tmp_path: Path) -> None:
    """S-235: so many wait as are hashed in half a second, the others are told to come back; keys and health are told meanwhile."""
    environment = serving_environment(tmp_path, ADGANG_TRUSTED_PROXIES="127.0.0.0/8,::1/128")
    prepare(environment)
    with serving(environment, tmp_path / "serve.log") as served:
        requests = [typed(served.issuer, number) for number in range(_AT_ONCE)]
        with asking(served, "/jwks", "/healthz") as took:
            answers = sent_at_once(int(environment["ADGANG_LISTEN_PORT"]), requests)
    assert not [event for event in served.events() if event["level"] == "warning"], (
        "nothing to read at a start"
    )
    counted = Counter(answer.split(b" ", 2)[1] for answer in answers)
    assert set(counted) == {b"400", b"503"} and counted[b"400"] >= _TURNS, counted
    for path, times in took.items():
        assert len(times) > 10 and statistics.median(times) < 0.1, (path, times)
    sent_away = [answer for answer in answers if answer.split(b" ", 2)[1] == b"503"]
    assert all(b"\r\nretry-after: 5\r\n" in answer.lower() for answer in sent_away)
    at_the_door = [
        answer for answer in sent_away if "Det er mange som logger inn akkurat nå".encode() in answer
    ]
    assert len(at_the_door) > _AT_ONCE // 2, "the rest lost patience, with a turn or with a store"
    refused = {event.get("reference") for event in served.events() if "too many passwords" in event["event"]}
    assert len(refused) > _AT_ONCE // 2, "each with a number of its own"
    told = {
        re.findall(rb'id="reference">([0-9A-Z-]{9})<', answer)[0].decode()
        for answer in at_the_door
        if b'id="reference"' in answer
    }
    assert refused <= told
