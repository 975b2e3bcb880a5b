"""An exception that carries a secret is logged by where and what it is, never by what it says."""

import io
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from idp.endpoints.entry import MachineEntry
from idp.endpoints.machine import MachineRequest, MachineResponse, Route
from idp.web import WebConfig, make_flask
from tests.support.deployment import Deployment
from tests.support.journey import begin
from tests.support.logged import logged_as_in_service

CANARY = "korrekt-hest-8802701234"


class _Telling(Exception):
    """A library's exception whose text is made of what it holds."""

    def __init__(self) -> None:
        self.token = CANARY

    def __str__(self) -> str:
        return f"refused {self.token}"

    __repr__ = __str__


def in_its_message() -> None:
    raise ValueError(f"invalid literal: {CANARY}")


def in_its_arguments() -> None:
    raise KeyError(CANARY, {"code": CANARY})


def in_its_cause() -> None:
    try:
        in_its_message()
    except ValueError as fault:
        raise RuntimeError("unforeseen") from fault


def in_its_context() -> None:
    try:
        in_its_message()
    except ValueError:
        {}["x"]


def in_a_note() -> None:
    fault = ValueError("x")
    fault.add_note(f"while looking at {CANARY}")
    raise fault


def in_a_group() -> None:
    raise ExceptionGroup(CANARY, [ValueError(CANARY), TypeError(CANARY)])


def in_a_local_variable() -> None:
    password, values = CANARY, {"token": CANARY}
    if password and values:
        1 / 0  # noqa: B018


def in_its_representation() -> None:
    raise _Telling


def in_text_that_cannot_be_encoded() -> None:
    (CANARY + "\ud800").encode()


PLACES: list[Callable[[], None]] = [
    in_its_message, in_its_arguments, in_its_cause, in_its_context, in_a_note, in_a_group, in_a_local_variable,
    in_its_representation, in_text_that_cannot_be_encoded,
]  # fmt: skip


def told(log: io.StringIO) -> list[dict[str, Any]]:
    """The log's records; every line is one, and none holds the secret."""
    text = log.getvalue()
    assert text, "an empty log proves nothing"
    assert CANARY not in text and CANARY.encode().hex() not in text
    return [json.loads(line) for line in text.splitlines()]


def call(entry: MachineEntry) -> bytes:
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/x", "QUERY_STRING": "", "wsgi.input": io.BytesIO()}
    return b"".join(entry(environ, lambda status, headers: None))


@pytest.mark.parametrize("fails", PLACES)
def test_a_machine_endpoint_that_fails_tells_no_value(
    deployment: Deployment, fails: Callable[[], None]
) -> None:
    """S-366: at the loudest level; the place and the kind are told, so that operators can find it."""

    def endpoint(request: MachineRequest) -> MachineResponse:
        secret = CANARY
        fails()
        raise AssertionError(secret, request)

    entry = MachineEntry({"/x": Route({"GET": endpoint})}, deployment.wiring.services)
    with logged_as_in_service("DEBUG") as log:
        body = call(entry)
    (record,) = told(log)
    assert CANARY.encode() not in body
    assert record["event"] == "unforeseen" and record["reference"].encode() in body
    assert any(fails.__name__ in place for place in record["fault"])


@pytest.mark.parametrize("fails", PLACES)
def test_a_page_that_fails_tells_no_value(fails: Callable[[], None]) -> None:
    """S-366: neither the log nor the page."""
    app: Flask = make_flask(WebConfig(issuer="https://adgang.example"))
    app.add_url_rule("/fails", view_func=lambda: fails() or "")
    with logged_as_in_service("DEBUG") as log:
        page = app.test_client().get("/fails", base_url="https://adgang.example")
    records = told(log)
    assert page.status_code == 500 and CANARY not in page.text
    assert [record["event"] for record in records] == ["page failed"]


@pytest.mark.parametrize("fails", PLACES)
def test_what_nobody_caught_tells_no_value(fails: Callable[[], None]) -> None:
    """S-366: in a thread, where Python itself would print a traceback with the message."""
    with logged_as_in_service("INFO") as log:
        thread = threading.Thread(target=fails)
        thread.start()
        thread.join()
    (record,) = told(log)
    assert (record["level"], record["event"]) == ("critical", "uncaught")


_DYING = f"""
from idp.log import start_logging
start_logging("DEBUG")
class Closing:
    def __del__(self):
        raise ValueError("{CANARY}")
Closing()
password = "{CANARY}"
raise RuntimeError("no " + password)
"""


def test_a_process_that_dies_tells_no_value() -> None:
    """S-366: the last words of a process, and what happens while objects are closed."""
    died = subprocess.run(
        [sys.executable, "-c", _DYING],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )
    assert died.returncode == 1 and CANARY not in died.stdout + died.stderr
    assert [json.loads(line)["fault"][0] for line in died.stderr.splitlines()] == [
        "ValueError",
        "RuntimeError",
    ]


def test_a_record_that_cannot_be_written_is_told_without_its_words() -> None:
    """S-366: logging would print the message and its arguments."""
    with logged_as_in_service("INFO") as log:
        logging.getLogger("idp.test").info("%d of %s", CANARY, CANARY)
    (record,) = told(log)
    assert record["event"] == "a record was not logged"


def test_a_background_turn_that_fails_tells_no_value(deployment: Deployment) -> None:
    """S-366: the schedule of keys meets a fault that nobody foresaw, and goes on."""
    schedule = deployment.wiring.key_schedule
    schedule._services = in_its_message  # type: ignore[assignment]
    with logged_as_in_service("DEBUG") as log:
        assert schedule.run_once() == []
    assert [record["event"] for record in told(log)] == ["key schedule failed"]


@pytest.mark.parametrize("where", ["query", "path", "header", "cookie"])
def test_a_secret_in_the_wrong_place_is_not_logged(deployment: Deployment, where: str) -> None:
    """S-090, S-366: a client that sends its secret in the address is refused, and the log does not keep it."""
    with logged_as_in_service("DEBUG") as log:
        journey = begin(deployment)
        session, issuer = journey.browser.session, deployment.issuer
        query = f"?client_secret={CANARY}&code={CANARY}" if where == "query" else ""
        headers = {"Authorization": f"Basic {CANARY}", "X-Odd": CANARY} if where == "header" else {}
        cookies = {"odd": CANARY} if where == "cookie" else {}
        for path in ("/token", "/par", "/userinfo", "/authorize", "/jwks", "/", journey.address):
            below = f"/{CANARY}" if where == "path" else ""
            for verb in ("GET", "POST"):
                session.request(
                    verb, issuer + path + below + query, headers=headers, cookies=cookies, timeout=20
                )
    told(log)
