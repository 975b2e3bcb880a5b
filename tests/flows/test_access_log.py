"""Each answer is a line of the access log, with the reference number that an error would be told with, and no more."""

import json
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.clock import FrozenClock
from tests.support.deployment import Deployment, running_deployment
from tests.support.journey import begin
from tests.support.logged import logged_as_in_service

SECRET = "korrekt-hest-8802701234"


def lines(text: str) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, text.splitlines()) if line["event"] == "answered"]


def ask(
    deployment: Deployment, method: str, path: str, **more: Any
) -> tuple[requests.Response, dict[str, Any]]:
    """The answer and its line."""
    with logged_as_in_service("INFO") as log:
        response = requests.request(
            method, deployment.issuer + path, timeout=10, allow_redirects=False, **more
        )
    (line,) = lines(log.getvalue())
    assert SECRET not in log.getvalue()
    return response, line


def test_an_error_is_found_by_the_reference_that_was_told(deployment: Deployment) -> None:
    response, line = ask(deployment, "POST", "/token", data={"grant_type": "x"})
    assert line["status"] == response.status_code >= 400
    assert (line["method"], line["route"]) == ("POST", "/token")
    assert line["reference"] in response.text
    assert line["milliseconds"] >= 0


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/jwks", "/jwks"),
        ("/help", "/help"),
        (f"/help?x={SECRET}", "/help"),
        (f"/login/{SECRET}", "/login"),
        (f"/{SECRET}", "other"),
        (f"/{SECRET}/jwks", "other"),
        (f"/jwks/{SECRET}", "/jwks/"),
        ("/", "/"),
    ],
)
def test_the_route_is_told_and_not_what_was_typed(deployment: Deployment, path: str, route: str) -> None:
    """S-366: an address can hold whatever somebody pastes into it."""
    _, line = ask(deployment, "GET", path)
    assert line["route"] == route


def test_a_method_that_nobody_has_is_not_told(deployment: Deployment) -> None:
    _, line = ask(deployment, SECRET.upper(), "/jwks")
    assert line["method"] == "other"


def test_a_sign_in_is_told_without_a_secret_of_it(deployment: Deployment) -> None:
    with logged_as_in_service("INFO") as log:
        journey = begin(deployment)
        journey.sign_in()
        answer = journey.answer().answer
    assert answer is not None
    told = log.getvalue()
    assert {line["route"] for line in lines(told)} == {"/par", "/authorize", "/login"}
    for secret in (answer["code"], *(cookie.value for cookie in journey.browser.session.cookies)):
        assert secret is None or secret not in told


def test_the_log_can_be_left_to_the_proxy(
    tmp_path: Path, sqlite_url: str, valkey_url: str, clock: FrozenClock
) -> None:
    with (
        running_deployment(tmp_path, sqlite_url, valkey_url, clock, ADGANG_ACCESS_LOG="false") as deployment,
        logged_as_in_service("INFO") as log,
    ):
        assert requests.get(f"{deployment.issuer}/jwks", timeout=10).ok
    assert lines(log.getvalue()) == []
