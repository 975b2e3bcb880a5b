"""What people do with a browser besides what they should: each lands where the citizen can go on (S-300)."""

from typing import Any

import pytest

from tests.browser.journey import arrive, begin, go_on, sign_in, type_code, type_password
from tests.support.running_demo import RunningDemo

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def go_on_from_notice(page: Any, service_url: str) -> None:
    """From a notice of ours back to the service, which is asked to sign in again."""
    page.wait_for_selector("#notice")
    page.click("#notice a[href^='http']")
    assert page.url.startswith(service_url)


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_cancel_lands_at_the_service_and_a_new_try_works(demo: RunningDemo, visitor: Any, steps: int) -> None:
    citizen, (first, _) = demo.new_citizen(f"Cancel{steps}"), demo.services
    page = visitor()
    begin(page, first)
    if steps > 0:
        type_password(page, citizen)
    if steps > 1:
        type_code(page, citizen)
    page.click("#cancel")
    page.wait_for_selector("#refusal[data-code=access_denied]")
    assert page.url.startswith(first) and "gå tilbage" in page.inner_text("main")
    page.click("#sign-in")
    if steps < 2:
        type_password(page, citizen)
        type_code(page, citizen)
    page.click("#accept")
    arrive(page, first, citizen)


def test_the_back_button_before_the_end_changes_nothing(demo: RunningDemo, visitor: Any) -> None:
    citizen, (first, _) = demo.new_citizen("Backward"), demo.services
    page = visitor()
    begin(page, first)
    type_password(page, citizen)
    page.wait_for_selector("#code")
    page.go_back()
    page.wait_for_selector("#code")
    page.go_back()
    assert page.url.startswith(first), "and before that is the service"
    page.go_forward()
    type_code(page, citizen)
    page.wait_for_selector("#released")
    page.go_back()
    page.wait_for_selector("#released")
    page.click("#accept")
    arrive(page, first, citizen)


def test_the_back_button_after_the_end_leads_forward(demo: RunningDemo, visitor: Any) -> None:
    citizen, (first, _) = demo.new_citizen("Afterwards"), demo.services
    page = visitor()
    sign_in(page, first, citizen)
    attempts = 0
    for _ in range(6):
        page.go_back()
        if not page.url.startswith(demo.issuer + "/login/"):
            break
        attempts += 1
        assert not page.locator("#password, #code, #released").count(), "nothing is asked twice"
    assert attempts, "the browser remembers the way"
    page.go_forward()
    go_on_from_notice(page, first)
    arrive(page, first, citizen)


@pytest.mark.parametrize("scripts", [True, False])
def test_a_double_click_on_every_button_is_one_answer(demo: RunningDemo, visitor: Any, scripts: bool) -> None:
    citizen, (first, _) = demo.new_citizen(f"Twice{scripts}"), demo.services
    page = visitor(java_script_enabled=scripts)
    begin(page, first)
    page.fill("#user-id", citizen.user_id)
    page.fill("#password", citizen.password)
    page.dblclick("#continue", no_wait_after=True)
    page.wait_for_selector("#code")
    page.fill("#code", citizen.code())
    page.dblclick("#continue", no_wait_after=True)
    page.wait_for_selector("#released")
    page.dblclick("#accept", no_wait_after=True)
    page.wait_for_selector("#name, #notice, a#sign-in")
    if page.locator("#notice").count():
        go_on_from_notice(page, first)
    if page.locator("a#sign-in").count():
        page.click("a#sign-in")
    arrive(page, first, citizen)


def test_a_reload_of_every_page_loses_nothing(demo: RunningDemo, visitor: Any) -> None:
    citizen, (first, _) = demo.new_citizen("Reloading"), demo.services
    page = visitor()
    begin(page, first)
    page.reload()
    type_password(page, citizen, "ikke den rigtige")
    page.wait_for_selector("#error-summary")
    page.reload()
    page.wait_for_selector("#error-summary")
    type_password(page, citizen)
    page.wait_for_selector("#code")
    page.reload()
    type_code(page, citizen)
    page.wait_for_selector("#released")
    page.reload()
    page.click("#accept")
    arrive(page, first, citizen)
    page.reload()
    arrive(page, first, citizen)


def test_two_tabs_of_one_service_both_arrive(demo: RunningDemo, visitor: Any) -> None:
    """S-300: the second tab goes on as the citizen who signed in in the first, and asks for nothing again."""
    citizen, (first, _) = demo.new_citizen("Tabbing"), demo.services
    one = visitor()
    two = one.context.new_page()
    begin(one, first)
    begin(two, first)
    go_on(one, first, citizen)
    two.reload()
    arrive(two, first, citizen)


def test_two_tabs_that_sign_in_step_by_step_both_arrive(demo: RunningDemo, visitor: Any) -> None:
    """S-299: what was proven in one tab's attempt counts in no other, and neither tab is stuck."""
    citizen, (first, second) = demo.new_citizen("Sharing"), demo.services
    one = visitor()
    two = one.context.new_page()
    begin(one, first)
    begin(two, second)
    for tab in (one, two):
        type_password(tab, citizen)
        tab.wait_for_selector("#code")
    go_on(one, first, citizen)
    go_on(two, second, citizen)


def test_a_form_that_was_left_open_while_another_tab_signed_in_goes_on(
    demo: RunningDemo, visitor: Any
) -> None:
    citizen, (first, second) = demo.new_citizen("Stale"), demo.services
    one = visitor()
    two = one.context.new_page()
    begin(two, second)
    sign_in(one, first, citizen)
    type_password(two, citizen)
    two.wait_for_selector("#code, #accept")
    go_on(two, second, citizen)


def test_another_browser_cannot_take_an_attempt_over(demo: RunningDemo, visitor: Any) -> None:
    """S-028, S-215: and is told so in words."""
    first = demo.services[0]
    here, elsewhere = visitor(), visitor()
    begin(here, first)
    assert elsewhere.goto(here.url).status == 403
    assert elsewhere.locator("#notice").is_visible() and not elsewhere.locator("#password").count()
