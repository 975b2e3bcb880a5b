"""A service asks another authority on the citizen's behalf, in real Chromium on `make demo`; and a citizen who says no."""

from typing import Any

import pytest

from tests.browser.journey import sign_in
from tests.browser.looking import look
from tests.support.running_demo import RunningDemo

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


def test_a_service_asks_another_and_the_citizen_reads_who_asked_whom(demo: RunningDemo, visitor: Any) -> None:
    """RFC 8693: the answer comes by the API of the other authority, and the question is under recent activity."""
    page = visitor(viewport=PHONE)
    citizen, (service, _) = demo.new_citizen("Spørg"), demo.services
    sign_in(page, service, citizen)
    page.click("#ask")
    page.wait_for_selector("#answered")
    assert "1.214 kr." in page.inner_text("#answered")
    for viewport in (PHONE, DESKTOP):
        page.set_viewport_size(viewport)
        look(page)
    page.goto(f"{demo.issuer}/me/security/activity")
    words = " ".join(page.inner_text("main").split())
    assert "Boligstøtte for myndigheder" in words and "Byggesager" in words
    look(page)


def test_a_developer_reads_the_tokens_that_the_service_got(demo: RunningDemo, visitor: Any) -> None:
    page = visitor(viewport=PHONE)
    citizen, (service, _) = demo.new_citizen("Læs"), demo.services
    sign_in(page, service, citizen)
    assert not page.is_visible("#tokens pre >> nth=0")
    page.click("#tokens summary")
    identity, access = page.locator("#tokens pre").all_inner_texts()
    assert '"at_hash"' in identity and '"acr": "urn:adgang:loa:substantial"' in identity
    assert '"typ": "at+jwt"' in access and '"jkt"' in access
    look(page)


def test_a_citizen_who_refuses_consent_is_back_at_the_service_and_not_signed_in(
    demo: RunningDemo, visitor: Any
) -> None:
    page = visitor(viewport=PHONE)
    citizen, (first, second) = demo.new_citizen("Nej"), demo.services
    sign_in(page, first, citizen)
    page.goto(second)
    page.click("#sign-in")
    page.wait_for_selector("button[value=decline]")
    page.click("button[value=decline]")
    page.wait_for_url(f"{second}/**")
    assert "Du er ikke logget ind" in page.inner_text("main")
    page.goto(second)
    assert page.locator("#sign-in").count() and not page.locator("#name").count()
    page.goto(first)
    assert page.locator("#name").count(), "the other service is none of its business"
