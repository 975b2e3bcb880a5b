"""Every parameter of every way in × text that breaks parsers and stores: refused or taken, never an error of ours."""

from collections.abc import Iterator
from urllib.parse import quote_from_bytes, urlencode

import pytest
import requests

from tests.support.deployment import Deployment
from tests.support.journey import Journey, begin, party

HOSTILE: dict[str, bytes] = {
    "SQL": b"'; DROP TABLE citizens; -- \"",
    "NUL": b"a\x00b",
    "no UTF-8": b"\xff\xfe",
    "a lone surrogate": b"\xed\xa0\x80",
    "overlong": b"\xc0\xaf",
    "line ends": b"a\r\nSet-Cookie: x=y",
    "formats": b"%s%n%(x)s{0}${x}{{7*7}}",
    "beyond the BMP": "\U0001f600\u202e\u0000".replace("\0", "").encode(),
    "long": b"x" * 60_000,
    "digits": b"9" * 400,
    "nested": b"[" * 3_000,
    "JSON": b'{"a":{"a":{"a":NaN}},"a":1}',
    "empty": b"",
}

AUTHORIZE = (
    "client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "code_challenge",
    "code_challenge_method", "prompt", "max_age", "acr_values", "login_hint", "ui_locales", "display", "claims",
    "purpose", "id_token_hint", "response_mode", "request_uri", "request", "claims_locales",
)  # fmt: skip
TOKEN = (
    "grant_type", "code", "redirect_uri", "code_verifier", "client_id", "client_secret", "client_assertion",
    "client_assertion_type", "scope", "resource",
)  # fmt: skip
END_SESSION = (
    "id_token_hint", "logout_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales"
)  # fmt: skip
STEPS = {
    "password": ("user_id", "password", "csrf_token"),
    "totp": ("code", "csrf_token"),
    "consent": ("decision", "csrf_token"),
    "cancel": ("csrf_token",),
}


def bodies(good: dict[str, str], name: str) -> Iterator[tuple[str, str]]:
    """A form in which one parameter is hostile, by what it is."""
    rest = urlencode({key: value for key, value in good.items() if key != name})
    for kind, raw in HOSTILE.items():
        yield kind, f"{rest}&{name}={quote_from_bytes(raw)}"


def check(answer: requests.Response, what: str) -> None:
    assert answer.status_code < 500, (what, answer.status_code)
    assert "x=y" not in answer.headers.get("Set-Cookie", "") and "Traceback" not in answer.text


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("name", AUTHORIZE)
def test_no_parameter_of_a_request_is_an_error_of_ours(deployment: Deployment, name: str) -> None:
    """S-334, S-018, S-020, S-025: plain and pushed."""
    service = party(deployment, "Sundhedstider")
    good = service.parameters("v" * 43, "s", "n")
    basic = service.authentication()["auth"]
    for kind, form in bodies(good, name):
        url = f"{deployment.issuer}/authorize"
        check(requests.post(url, data=form, headers=FORM, allow_redirects=False, timeout=20), kind)
        if len(form) < 8_000:
            check(requests.get(f"{url}?{form}", allow_redirects=False, timeout=20), kind)
        check(
            requests.post(deployment.issuer + "/par", data=form, headers=FORM, auth=basic, timeout=20), kind
        )


@pytest.mark.parametrize("name", END_SESSION)
def test_no_parameter_of_a_sign_out_is_an_error_of_ours(deployment: Deployment, name: str) -> None:
    """S-205, S-334: by GET and by POST, and what is kept of it until the citizen answers."""
    url, good = f"{deployment.issuer}/end-session", {"state": "s"}
    for kind, form in bodies(good, name):
        check(requests.post(url, data=form, headers=FORM, timeout=20), kind)
        if len(form) < 8_000:
            check(requests.get(f"{url}?{form}", timeout=20), kind)


@pytest.mark.parametrize("name", TOKEN)
def test_no_parameter_at_the_token_endpoint_is_an_error_of_ours(deployment: Deployment, name: str) -> None:
    """S-334."""
    service = party(deployment, "Sundhedstider")
    good = {
        "grant_type": "authorization_code",
        "code": "A" * 43,
        "code_verifier": "v" * 43,
        "redirect_uri": service.client.redirect_uri,
    }
    for kind, form in bodies(good, name):
        for auth in (service.authentication()["auth"], None):
            answer = requests.post(
                deployment.issuer + "/token", data=form, headers=FORM, auth=auth, timeout=20
            )
            check(answer, kind)
            assert answer.status_code in (400, 401, 429), kind


@pytest.mark.parametrize("step", STEPS)
def test_no_field_of_a_page_is_an_error_of_ours(deployment_each: Deployment, step: str) -> None:
    """S-334: on both pairs of stores, since PostgreSQL takes no NUL and SQLite does."""
    journey = begin(deployment_each)
    if step != "password":
        journey.password()
    if step == "consent":
        journey.code()
    token = journey.token
    for name in STEPS[step]:
        for kind, form in bodies({"csrf_token": token}, name):
            check(send(journey, step, form), f"{name}: {kind}")


def send(journey: Journey, step: str, form: str) -> requests.Response:
    return journey.browser.session.post(
        f"{journey.deployment.issuer}{journey.address}/{step}",
        data=form,
        headers={**FORM, "Sec-Fetch-Site": "same-origin", "Origin": journey.deployment.issuer},
        allow_redirects=False,
        timeout=20,
    )
