"""A step-up in real Chromium, on `make demo` (RFC 9470): an API wants a key, and the citizen is asked for that alone.

Byggesager asks Statens Boligstøtte's API on the citizen's behalf; the API's challenge says what is missing, the service
sends the citizen to the provider with it, and comes back to the very question.
"""

from typing import Any

import pytest

from tests.browser.journey import sign_in, type_code, type_password
from tests.browser.looking import look
from tests.browser.plugged_key import plug_into
from tests.support.deployment import PASSWORD, Deployment
from tests.support.journey import USER, party
from tests.support.running_demo import DemoCitizen, RunningDemo

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


def look_twice(page: Any) -> None:
    """On a phone and on a desktop."""
    for viewport in (DESKTOP, PHONE):
        page.set_viewport_size(viewport)
        look(page)


def ask_for_the_account(page: Any, demo: RunningDemo, citizen: DemoCitizen) -> None:
    """Signed in with password and six digits, which is enough for the sum and not for the account."""
    sign_in(page, demo.services[0], citizen)
    page.click("#ask")
    page.wait_for_selector("#ask-account")
    look_twice(page)
    page.click("#ask-account")


def add_a_key(page: Any, citizen: DemoCitizen) -> None:
    """At the security page, which first wants to see that it is still the citizen."""
    page.wait_for_selector("#user-id, #code, #add-key")
    if page.locator("#user-id").count():
        type_password(page, citizen)
        page.wait_for_selector("#code, #add-key")
    if page.locator("#code").count():
        type_code(page, citizen)
    page.click("#add-key")
    page.wait_for_selector("#done")


def test_an_api_wants_a_key_and_the_citizen_is_asked_for_that_alone(demo: RunningDemo, visitor: Any) -> None:
    page = visitor(viewport=PHONE)
    citizen, service = demo.new_citizen("Trin"), demo.services[0]
    plug_into(page)
    sign_in(page, service, citizen)
    page.goto(f"{demo.issuer}/me/security/factors/add-key")
    add_a_key(page, citizen)
    page.goto(service)
    page.click("#ask")
    page.wait_for_selector("#ask-account")
    page.click("#ask-account")
    page.wait_for_selector("#use-key")
    assert page.url.startswith(demo.issuer)
    words = " ".join(page.inner_text("main").split())
    assert "Byggesager beder om mere sikkerhed" in words and "Kun dette trin mangler" in words
    assert not page.locator("#user-id, #password, #code").count(), "nothing that was shown already"
    look_twice(page)
    page.click("#cancel")
    page.wait_for_selector("#refusal[data-code=step_up_declined]")
    page.goto(service)
    assert page.inner_text("#name") == citizen.name, "still signed in there, as before"
    page.click("#ask-account")
    page.click("#use-key")
    page.wait_for_selector("#account")
    assert page.url == f"{service}/" and page.get_attribute("#level", "data-acr") == "phr"
    assert page.inner_text("#name") == citizen.name and "1.214 kr." in page.inner_text("#answered")
    look_twice(page)
    page.goto(demo.services[1])
    page.click("#sign-in")
    page.wait_for_selector("#accept")
    assert not page.locator("#use-key, #code").count(), "one session, stronger from now on"
    assert page.complaints == []


def test_a_citizen_without_a_key_is_told_adds_one_and_goes_on(demo: RunningDemo, visitor: Any) -> None:
    """The page that says what is missing leads to where it is had, and on from there."""
    page = visitor(viewport=PHONE)
    citizen = demo.new_citizen("Mangler")
    plug_into(page)
    ask_for_the_account(page, demo, citizen)
    page.wait_for_selector("#unmet")
    asked_at = page.url
    assert "Du er logget ind, men det er ikke nok her" in page.inner_text("main")
    look_twice(page)
    page.click("#add-key")
    page.wait_for_url("**/me/security**")
    page.goto(f"{demo.issuer}/me/security/factors/add-key")
    add_a_key(page, citizen)
    page.goto(asked_at)
    page.click("#use-key")
    page.wait_for_selector("#account")
    assert page.complaints == []


def test_a_citizen_who_goes_back_stays_signed_in_at_the_service(demo: RunningDemo, visitor: Any) -> None:
    page = visitor(viewport=PHONE)
    ask_for_the_account(page, demo, demo.new_citizen("Uden"))
    page.wait_for_selector("#unmet")
    page.click("#go-back")
    page.wait_for_selector("#refusal[data-code=unmet_authentication_requirements]")
    look_twice(page)
    page.goto(demo.services[0])
    assert page.locator("#name").count() and not page.locator("#account").count()


def test_a_service_that_wants_a_younger_sign_in_gets_one_and_the_citizen_is_told_why(
    deployment: Deployment, visitor: Any
) -> None:
    """`max_age`: both factors anew, since what is too old is the whole sign-in; on a clock that can be moved."""
    page, service = visitor(viewport=PHONE), party(deployment)
    plug_into(page)  # for a service to arrive at
    page.goto(service.ask().url)
    _answer(page, deployment)
    page.click("#accept")
    page.wait_for_selector("#arrived")
    deployment.clock.forward(seconds=900)
    page.goto(service.ask(max_age="600").url)
    page.wait_for_selector("#user-id")
    assert "Byggesager beder dig vise, at det stadig er dig" in " ".join(page.inner_text("main").split())
    look_twice(page)
    _answer(page, deployment)
    page.wait_for_selector("#arrived")
    assert "code=" in page.url and page.complaints == []


def _answer(page: Any, deployment: Deployment) -> None:
    page.fill("#user-id", USER)
    page.fill("#password", PASSWORD)
    page.click("#continue")
    page.fill("#code", deployment.code_of(USER))
    page.click("#continue")
