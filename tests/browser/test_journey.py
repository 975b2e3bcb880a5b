"""The main job in real Chromium, on `make demo`: two factors once, two services, and axe finds nothing on the way."""

from typing import Any

import pytest

from tests.browser.journey import arrive, begin, sign_in, type_code, type_password
from tests.browser.looking import look
from tests.support.running_demo import RunningDemo

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


@pytest.mark.parametrize(
    ("number", "viewport", "scheme", "locale", "language"),
    [
        (0, PHONE, "light", "da-DK", "da"),
        (1, DESKTOP, "dark", "en-GB", "en"),
        (2, PHONE, "dark", "nb-NO", "nb"),
        (0, DESKTOP, "light", "nb-NO", "nb"),
    ],
)
def test_a_citizen_signs_in_once_and_opens_the_second_service_without_typing(
    demo: RunningDemo,
    visitor: Any,
    number: int,
    viewport: dict[str, int],
    scheme: str,
    locale: str,
    language: str,
) -> None:
    citizen, (first, second) = demo.citizen(number), demo.services
    page = visitor(viewport=viewport, color_scheme=scheme, locale=locale)

    page.goto(first)
    look(page)
    page.click("#sign-in")
    assert page.url.startswith(demo.issuer + "/login/")
    assert page.get_attribute("html", "lang") == language
    assert page.locator("img[src*='logos/nordhavn']").evaluate("image => image.naturalWidth > 0")
    look(page)
    type_password(page, citizen)
    look(page)
    type_code(page, citizen)
    if page.locator("#released").count():  # this citizen was told before
        look(page)
        page.click("#accept")
    arrive(page, first, citizen)
    look(page)

    page.goto(second)
    page.click("#sign-in")
    if page.url.startswith(demo.issuer):
        assert not page.locator("#user-id, #password, #code").count(), "nothing to type"
        look(page)
        page.click("#accept")
    arrive(page, second, citizen)
    look(page)

    page.goto(demo.issuer)
    assert page.inner_text("#citizen-name") == citizen.name
    look(page)
    page.click("#sign-out")
    page.wait_for_selector("#signed-out")
    page.wait_for_selector("#outcomes li[data-told=confirmed] >> nth=1")
    look(page)
    page.goto(second)
    page.click("a#sign-in")  # the service has been told; tests/browser/test_sign_out_in_chromium.py
    page.wait_for_selector("#user-id")
    assert page.complaints == []


@pytest.mark.parametrize(
    ("viewport", "scheme", "locale"),
    [(PHONE, "light", "da-DK"), (DESKTOP, "dark", "nb-NO")],
)
def test_axe_finds_nothing_where_things_go_wrong(
    demo: RunningDemo, visitor: Any, viewport: dict[str, int], scheme: str, locale: str
) -> None:
    citizen, (first, _) = demo.new_citizen(f"Axe{locale[:2]}"), demo.services
    page = visitor(viewport=viewport, color_scheme=scheme, locale=locale)
    begin(page, first)
    type_password(page, citizen, "ikke den rigtige")
    page.wait_for_selector("#error-summary")
    look(page)
    type_password(page, citizen)
    page.fill("#code", "00000")
    page.click("#continue")
    page.wait_for_selector("#error-summary")
    look(page)
    attempt = page.url.removesuffix("/totp")
    page.click("#cancel")
    page.wait_for_selector("#refusal")
    look(page)
    page.goto(f"{demo.issuer}/login/there-is-no-such-attempt")
    look(page)
    page.goto(f"{demo.issuer}/authorize?client_id=nobody")
    look(page)
    page.goto(demo.issuer + "/nowhere")
    look(page)
    page.goto(attempt)
    look(page)
    page.goto(f"{first}/nowhere")
    look(page)
    # Chromium writes each answer above 399 to the console; nothing else may stand there.
    assert [said for said in page.complaints if not said.startswith("Failed to load resource")] == []


def test_the_whole_way_works_without_javascript(demo: RunningDemo, visitor: Any) -> None:
    citizen, (first, second) = demo.new_citizen("Uden"), demo.services
    page = visitor(java_script_enabled=False)
    begin(page, first)
    type_password(page, citizen, "ikke den rigtige")
    assert page.locator("#error-summary").is_visible()
    type_password(page, citizen)
    page.fill("#code", "00000")
    page.click("#continue")
    assert page.locator("#error-summary").is_visible()
    type_code(page, citizen)
    page.click("#accept")
    arrive(page, first, citizen)
    begin(page, second)
    page.click("#decline")
    page.wait_for_selector("#refusal[data-code=access_denied]")
    page.click("#sign-in")
    page.click("#accept")
    arrive(page, second, citizen)
    page.goto(demo.issuer)
    page.click("#sign-out")
    page.wait_for_selector("#signed-out")


def test_each_session_has_the_providers_cookie_and_no_script_can_read_it(
    demo: RunningDemo, visitor: Any
) -> None:
    citizen, (first, _) = demo.new_citizen("Kage"), demo.services
    page = visitor()
    sign_in(page, first, citizen)
    page.goto(demo.issuer)
    assert page.evaluate("document.cookie") == ""
    ours = page.context.cookies(demo.issuer)
    assert all(cookie["httpOnly"] and cookie["sameSite"] == "Lax" for cookie in ours)
    assert len({cookie["name"] for cookie in ours}) == len(ours) >= 2
