"""Every route that takes something × every state that a sign-in can be in: no step is ever skipped.

A route that stands in no row here fails the first test, so that nobody adds one without saying what it may do.
"""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from clients_registry.documents import metadata_of
from idp.login.views import POSTS
from idp.portal.activation.views import POSTS as ACTIVATION_POSTS
from idp.portal.recovery.views import OPEN_POSTS as RECOVERY_OPEN_POSTS
from idp.portal.recovery.views import POSTS as RECOVERY_POSTS
from idp.portal.security.views import KEY_OPTIONS, PAGES
from idp.portal.security.views import POSTS as SECURITY_POSTS
from tests.support.citizen_browser import CitizenBrowser, Page
from tests.support.deployment import PASSWORD, Deployment
from tests.support.devices import DeviceCitizen, device_party, start
from tests.support.journey import USER, Journey, begin, cookie
from tests.support.own_pages import ROOT

READ_ONLY = {
    "/", "/help", "/help/errors", "/help/security", "/privacy", "/accessibility", "/favicon.ico",
    "/static/<digest>/<path:name>", "/signed-out",
}  # fmt: skip
"""Pages that prove, decide and end nothing, whoever asks."""
OPTIONS = {"/login/<attempt_id>/options"}
"""A new challenge for what the attempt's page asks anyway; tests/attacks/test_login_keys_bound.py."""
SECURITY = {ROOT + path for path in (*PAGES, *SECURITY_POSTS, KEY_OPTIONS)}
"""Its own matrix is test_security_page_matrix.py."""
ACTIVATION = {
    f"/activate{path}" for path in ("", "/code", "/key/options", *(f"/{name}" for name in ACTIVATION_POSTS))
}
"""Its own matrix is test_activation_guessing.py."""
RECOVERY = {
    "/recover", "/recover/step", "/recover/key-options", "/recover/letter-order", "/stop", "/stop/mine",
    *RECOVERY_OPEN_POSTS, *(f"/recover/{name}" for name in RECOVERY_POSTS),
}  # fmt: skip
"""Every one of them without a recovery, or its token: tests/flows/test_recovery.py."""
DECIDING = {"/authorize", "/login/<attempt_id>"}
"""Pages that decide a request where nothing is missing; every state of them is a row below."""
ENDING = {"/sign-out"}
"""Its own tests are in test_sessions_browser.py."""
ASKED_TO_END = {"/end-session", "/sign-out/<request_id>"}
"""What services ask for; their own tests are in test_sign_out.py."""

DEVICES = {"/device"}
"""Where a device's code is typed; its own tests are in test_device_codes.py."""

MACHINE = {
    "/device_authorization",
    "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/jwks", "/par", "/token",
    "/introspect", "/revoke", "/userinfo", "/healthz",
}  # fmt: skip
"""Read no cookie: test_no_cookie_opens_a_machine_endpoint."""


def test_every_route_is_in_a_matrix(deployment: Deployment) -> None:
    """S-398: and nothing but a POST changes anything, besides the two that decide and a hint of this very session."""
    rules = {rule.rule: rule.methods or set() for rule in deployment.provider.pages.url_map.iter_rules()}
    posts = {f"/login/<attempt_id>/{step}" for step in STEPS}
    assert (
        set(rules)
        == READ_ONLY
        | OPTIONS
        | SECURITY
        | ACTIVATION
        | RECOVERY
        | DECIDING
        | ENDING
        | ASKED_TO_END
        | DEVICES
        | posts
    )
    assert set(STEPS) == set(POSTS)
    assert all(rules[rule] <= {"GET", "HEAD"} for rule in READ_ONLY | OPTIONS)
    assert all(rules[rule] == {"POST"} for rule in posts | ENDING)
    assert deployment.provider.machine.paths == MACHINE


# --- the states ------------------------------------------------------------------------------------------------


def nothing_proven(deployment: Deployment) -> Journey:
    return begin(deployment)


def password_proven(deployment: Deployment) -> Journey:
    journey = begin(deployment)
    journey.password()
    return journey


def signed_in(deployment: Deployment) -> Journey:
    journey = begin(deployment)
    journey.sign_in()
    deployment.clock.forward(seconds=30)
    return journey


def signed_in_but_asked_again(deployment: Deployment) -> Journey:
    """A session, and a request with prompt=login that has not been answered yet."""
    before = signed_in(deployment)
    return begin(deployment, before.browser, prompt="login")


def decided(deployment: Deployment) -> Journey:
    journey = signed_in(deployment)
    token, here = journey.token, journey.page
    journey.answer()
    journey.page = here
    assert token == journey.token
    return journey


def expired(deployment: Deployment) -> Journey:
    journey = password_proven(deployment)
    deployment.clock.forward(seconds=600)
    return journey


def forgotten(deployment: Deployment) -> Journey:
    journey = password_proven(deployment)
    deployment.clock.forward(seconds=600 + 1800)
    return journey


def in_another_browser(deployment: Deployment) -> Journey:
    journey = password_proven(deployment)
    journey.browser = CitizenBrowser(deployment.issuer)
    begin(deployment, journey.browser)  # it has a handle of its own
    return journey


def in_another_browser_that_is_signed_in(deployment: Deployment) -> Journey:
    """The citizen opens an attempt that somebody else began."""
    victim = signed_in(deployment)
    journey = begin(deployment)
    journey.browser = victim.browser
    return journey


def client_disabled(deployment: Deployment) -> Journey:
    journey = password_proven(deployment)
    services = deployment.wiring.registry_services
    client_id = journey.service.client.client_id
    services.transact(lambda tx: services.registrations.disable(tx, client_id, actor="operator:test"))
    deployment.clock.forward(seconds=1)
    return journey


def purpose_withdrawn(deployment: Deployment) -> Journey:
    journey = password_proven(deployment)
    change_client(deployment, journey, purposes=[
        {"id": "another", "text": {"da": "andet", "en": "other", "nb": "annet"}, "legal_ground": "law", "claims": ["name"]}
    ])  # fmt: skip
    return journey


def redirect_uri_withdrawn(deployment: Deployment) -> Journey:
    journey = signed_in(deployment)
    change_client(deployment, journey, redirect_uris=["http://localhost:12/callback"])
    return journey


def asked_for_a_device(deployment: Deployment) -> Journey:
    """RFC 8628: the answer goes to a device, whose code the citizen typed."""
    service, me = device_party(deployment), DeviceCitizen(deployment)
    page = me.type_code(start(service).user_code)
    deployment.clock.forward(seconds=30)
    return Journey(deployment, me.browser, service, service.ask(), page)


def citizen_blocked_half_way(deployment: Deployment) -> Journey:
    journey = password_proven(deployment)
    deployment.wiring.citizens.block(
        deployment.citizens[USER].citizen, actor="operator:test", reason="a test"
    )
    return journey


def citizen_blocked_after_signing_in(deployment: Deployment) -> Journey:
    journey = signed_in(deployment)
    deployment.wiring.citizens.block(
        deployment.citizens[USER].citizen, actor="operator:test", reason="a test"
    )
    return journey


def change_client(deployment: Deployment, journey: Journey, **changes: object) -> None:
    services = deployment.wiring.registry_services
    client_id = journey.service.client.client_id
    registered = deployment.wiring.registry.find_client(client_id)
    assert registered is not None
    metadata = metadata_of(registered.client) | changes
    services.transact(
        lambda tx: services.registrations.change(tx, client_id, metadata, actor="operator:test")
    )
    deployment.clock.forward(seconds=2)


# --- the outcomes ----------------------------------------------------------------------------------------------


class Outcome(NamedTuple):
    """What a page shows, and with which status."""

    status: int
    shows: str
    """An id on the page; `code` and `error` stand for an answer that goes to the service."""


FIRST, SECOND, CONSENT = Outcome(200, "user-id"), Outcome(200, "code"), Outcome(200, "released")
WENT_BACK = Outcome(200, "!access_denied")
GONE, USED, FOREIGN, CLOSED = (Outcome(status, "notice") for status in (410, 409, 403, 403))
BLOCKED = Outcome(403, "notice")
INCOMPLETE = Outcome(400, "error-summary")
ANSWERED = Outcome(200, "device-answered")

STEPS: dict[str, dict[str, str]] = {
    "password": {"user_id": USER, "password": PASSWORD},
    "totp": {"code": "right"},
    "passkey": {"credential": "{}"},
    "key": {"credential": "{}"},
    "unmet": {},
    "consent": {"decision": "accept"},
    "device": {"decision": "accept"},
    "cancel": {},
}

# state, then password, totp, passkey, key, unmet, consent, device, cancel, GET
TABLE: list[tuple[Callable[[Deployment], Journey], *tuple[Outcome, ...]]] = [
    (nothing_proven, SECOND, FIRST, INCOMPLETE, FIRST, FIRST, FIRST, FIRST, WENT_BACK, FIRST),
    (password_proven, SECOND, CONSENT, SECOND, SECOND, SECOND, SECOND, SECOND, WENT_BACK, SECOND),
    (signed_in, SECOND, CONSENT, CONSENT, CONSENT, CONSENT, Outcome(200, "!code"), CONSENT, WENT_BACK, CONSENT),
    (signed_in_but_asked_again, SECOND, FIRST, INCOMPLETE, FIRST, FIRST, FIRST, FIRST, WENT_BACK, FIRST),
    (decided, SECOND, USED, USED, USED, USED, USED, USED, USED, USED),
    (expired, GONE, GONE, GONE, GONE, GONE, GONE, GONE, GONE, GONE),
    (forgotten, GONE, GONE, GONE, GONE, GONE, GONE, GONE, GONE, GONE),
    (in_another_browser, FOREIGN, FOREIGN, FOREIGN, FOREIGN, FOREIGN, FOREIGN, FOREIGN, FOREIGN, FOREIGN),
    (in_another_browser_that_is_signed_in, FOREIGN, FOREIGN, FOREIGN, FOREIGN, FOREIGN, FOREIGN, FOREIGN, FOREIGN, FOREIGN),
    (client_disabled, CLOSED, CLOSED, CLOSED, CLOSED, CLOSED, CLOSED, CLOSED, CLOSED, CLOSED),
    (purpose_withdrawn, CLOSED, CLOSED, CLOSED, CLOSED, CLOSED, CLOSED, CLOSED, CLOSED, CLOSED),
    (redirect_uri_withdrawn, CLOSED, CLOSED, CLOSED, CLOSED, CLOSED, CLOSED, CLOSED, CLOSED, CLOSED),
    (citizen_blocked_half_way, SECOND, BLOCKED, SECOND, SECOND, SECOND, SECOND, SECOND, WENT_BACK, SECOND),
    (citizen_blocked_after_signing_in, SECOND, FIRST, INCOMPLETE, FIRST, FIRST, FIRST, FIRST, WENT_BACK, FIRST),
    (asked_for_a_device, SECOND, CONSENT, CONSENT, CONSENT, CONSENT, CONSENT, ANSWERED, ANSWERED, CONSENT),
]  # fmt: skip
CASES = [
    pytest.param(state, step, outcome, id=f"{state.__name__}-{step}")
    for state, *outcomes in TABLE
    for step, outcome in zip((*STEPS, "GET"), outcomes, strict=True)
]


def send(journey: Journey, step: str) -> Page:
    if step == "GET":
        return journey.browser.get(journey.address)
    fields = dict(STEPS[step])
    if step == "totp":
        fields["code"] = journey.deployment.code_of(USER)
    return journey.post(step, csrf_token=journey.token, **fields)


def outcome_of(page: Page) -> Outcome:
    if page.answer is not None:
        return Outcome(page.status, "!" + page.answer.get("error", "code"))
    shown = [
        name
        for name in ("notice", "device-answered", "error-summary", "user-id", "code", "released")
        if name in page.ids
    ]
    return Outcome(page.status, shown[0] if shown else "nothing")


@pytest.mark.parametrize(("state", "step", "expected"), CASES)
def test_a_step_does_what_its_state_allows_and_no_more(
    deployment: Deployment, state: Callable[[Deployment], Journey], step: str, expected: Outcome
) -> None:
    """S-028, S-035, S-215, S-294, S-295, S-301."""
    journey = state(deployment)
    before = cookie(journey.browser, "session")
    assert outcome_of(send(journey, step)) == expected
    if not (state is password_proven and step == "totp"):
        assert cookie(journey.browser, "session") == before, "a session begins with the second factor only"


@pytest.mark.parametrize("state", [nothing_proven, password_proven, signed_in_but_asked_again])
@pytest.mark.parametrize("step", STEPS)
def test_a_form_that_says_nothing_stays_where_it_is(
    deployment: Deployment, state: Callable[[Deployment], Journey], step: str
) -> None:
    """S-295: but for cancelling, which needs nothing else."""
    journey = state(deployment)
    here = outcome_of(journey.browser.get(journey.address))
    other = "consent" if step != "consent" else "password"
    for fields in ({}, {"next": "decide", "skip": "1"}, STEPS[other]):
        answer = outcome_of(journey.post(step, csrf_token=journey.token, **fields))
        if step == "cancel":
            assert answer in (WENT_BACK, USED)
        else:
            assert answer.status in (200, 400)
            assert outcome_of(journey.browser.get(journey.address)) == here


@pytest.mark.parametrize("step", STEPS)
def test_without_its_token_a_form_is_nothing(deployment: Deployment, step: str) -> None:
    """S-217: missing, of another browser, of another attempt, or in the address."""
    journey = password_proven(deployment)
    other_tab = begin(deployment, journey.browser)
    stranger = begin(deployment)
    fields = dict(STEPS[step])
    for token in ("", stranger.token, other_tab.token, journey.token[:-1], "é" * 64):
        assert journey.post(step, csrf_token=token, **fields).status == 403
    assert journey.post(f"{step}?csrf_token={journey.token}", a="1", **fields).status == 403
    in_plain = {"Content-Type": "text/plain"}
    body = f"csrf_token={journey.token}"
    assert journey.browser.post(f"{journey.address}/{step}", body, headers=in_plain).status == 400  # type: ignore[arg-type]
    assert outcome_of(journey.browser.get(journey.address)) == SECOND


@pytest.mark.parametrize("step", STEPS)
def test_a_form_from_another_site_is_nothing(deployment: Deployment, step: str) -> None:
    """S-216: even with the right token."""
    journey = password_proven(deployment)
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": None, "Origin": "https://evil.test"},
        {"Sec-Fetch-Site": None, "Origin": "null"},
    ):
        fields = {"csrf_token": journey.token, **STEPS[step]}
        page = journey.browser.post(f"{journey.address}/{step}", fields, headers=headers)
        assert page.status == 403
    assert outcome_of(journey.browser.get(journey.address)) == SECOND


@pytest.mark.parametrize("verb", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_only_a_post_does_anything(deployment: Deployment, verb: str) -> None:
    """S-217, S-351."""
    journey = signed_in(deployment)
    for path in (*(f"{journey.address}/{step}" for step in STEPS), "/sign-out"):
        answer = journey.browser.session.request(verb, deployment.issuer + path, timeout=20)
        assert answer.status_code == 405
        assert "POST" in answer.headers["Allow"]
    assert outcome_of(journey.browser.get(journey.address)) == CONSENT


def test_a_head_decides_nothing(deployment: Deployment) -> None:
    """S-295: neither at the authorization endpoint nor at an attempt where nothing is missing."""
    journey = signed_in(deployment)
    journey.answer()
    waiting = begin(deployment, CitizenBrowser(deployment.issuer))
    waiting.browser.session.cookies.update(journey.browser.session.cookies)
    asked = journey.service.ask()
    answer = journey.browser.session.head(asked.url, timeout=20, allow_redirects=False)
    assert answer.status_code == 405 and "Location" not in answer.headers
    answer = journey.browser.session.head(deployment.issuer + waiting.address, timeout=20)
    assert answer.status_code == 405
    page = journey.browser.get(asked.url)
    assert page.answer is not None and "code" in page.answer, "the request is still there to be decided"


@pytest.mark.parametrize("path", sorted(MACHINE))
def test_no_cookie_opens_a_machine_endpoint(deployment: Deployment, path: str) -> None:
    """S-294: a session is worth nothing outside the pages."""
    journey = signed_in(deployment)
    for verb in ("GET", "POST"):
        with_cookie = journey.browser.session.request(verb, deployment.issuer + path, timeout=20)
        without = CitizenBrowser(deployment.issuer).session.request(
            verb, deployment.issuer + path, timeout=20
        )
        assert with_cookie.status_code == without.status_code
        assert "Set-Cookie" not in with_cookie.headers
