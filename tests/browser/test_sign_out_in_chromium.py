"""Signing out in real Chromium, on `make demo`: at one service, and everywhere; by our own button; from our front page."""

import time
from typing import Any

import pytest

from tests.browser.journey import arrive, go_on, sign_in
from tests.browser.looking import look
from tests.support.running_demo import DemoCitizen, RunningDemo

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


def at_both(demo: RunningDemo, page: Any, name: str) -> DemoCitizen:
    citizen, (first, second) = demo.new_citizen(name), demo.services
    sign_in(page, first, citizen)
    page.goto(second)
    page.click("#sign-in")
    go_on(page, second, citizen)
    return citizen


def is_signed_in(page: Any, service_url: str) -> bool:
    page.goto(service_url)
    return bool(page.locator("#name").count())


def test_signed_out_at_one_service_is_signed_out_at_the_other_too(demo: RunningDemo, visitor: Any) -> None:
    """The citizen sees what each service has answered, and goes back to the one that they left."""
    page = visitor(viewport=PHONE)
    first, second = demo.services
    at_both(demo, page, "Ude")
    page.goto(first)
    page.click("#sign-out")
    page.wait_for_url("**/signed-out**")
    page.wait_for_selector("#outcomes li[data-told=confirmed] >> nth=1")
    lines = [" ".join(line.split()) for line in page.locator("#outcomes li").all_inner_texts()]
    assert lines == ["Byggesager, Nordhavn Kommune: bekræftet", "Boligstøtte, Statens Boligstøtte: bekræftet"]
    page.click("#stay")
    page.wait_for_url("**stay=1")
    for viewport in (PHONE, DESKTOP):
        page.set_viewport_size(viewport)
        look(page)
    page.click("#return")
    page.wait_for_selector("#sign-in")
    assert page.url == f"{first}/"
    assert not is_signed_in(page, second), "it was told, and nobody asked the browser"
    page.click("#sign-in")
    page.wait_for_selector("#user-id")
    assert page.complaints == []


def test_the_page_leads_back_by_itself(demo: RunningDemo, visitor: Any) -> None:
    """Without a script; and then our own button has nobody to sign out."""
    page = visitor(java_script_enabled=False)
    at_both(demo, page, "Tilbage")
    page.goto(demo.services[0])
    page.click("#sign-out")
    page.wait_for_url("**/signed-out**")
    page.wait_for_url(f"{demo.services[0]}/")
    page.goto(demo.issuer)
    assert not page.locator("#sign-out").count()


def test_our_own_button_tells_the_services(demo: RunningDemo, visitor: Any) -> None:
    page, citizen = visitor(), demo.new_citizen("Knap")
    sign_in(page, demo.services[0], citizen)
    page.goto(demo.issuer)
    page.click("#sign-out")
    page.wait_for_selector("#outcomes li[data-told=confirmed]")
    assert not is_signed_in(page, demo.services[0])


def test_a_session_that_is_ended_from_another_browser_is_over_at_its_services(
    demo: RunningDemo, visitor: Any
) -> None:
    """From the security page of the other browser, which shows who was told."""
    here, there = visitor(), visitor(viewport=DESKTOP)
    citizen, service = demo.new_citizen("Fjern"), demo.services[0]
    sign_in(here, service, citizen)
    sign_in_again(there, service, citizen)
    there.goto(f"{demo.issuer}/me/security/sessions")
    there.click("#end-others")
    there.wait_for_selector("#done")
    deadline = time.monotonic() + 15
    while "bekræftet" not in there.inner_text("main") and time.monotonic() < deadline:
        there.wait_for_timeout(500)
        there.reload()
    assert "Byggesager, Nordhavn Kommune" in there.inner_text("#told")
    look(there)
    assert not is_signed_in(here, service) and is_signed_in(there, service)


def sign_in_again(page: Any, service: str, citizen: DemoCitizen) -> None:
    page.goto(service)
    page.click("#sign-in")
    go_on(page, service, citizen)


def test_without_a_hint_the_citizen_is_asked(demo: RunningDemo, visitor: Any) -> None:
    page = visitor(viewport=PHONE)
    citizen = demo.new_citizen("Spurgt")
    sign_in(page, demo.services[0], citizen)
    page.goto(f"{demo.issuer}/end-session?ui_locales=nb")
    look(page)
    page.click("#stay")
    assert page.inner_text("#citizen-name") == citizen.name
    page.go_back()
    page.click("#sign-out")
    page.wait_for_selector("#signed-out")


def test_a_citizen_begins_at_our_front_page(demo: RunningDemo, visitor: Any) -> None:
    """Third-party-initiated login: the link begins the sign-in at the service."""
    page = visitor()
    citizen = demo.new_citizen("Forside")
    page.goto(demo.issuer)
    page.click("#services a:has-text('Byggesager')")
    go_on(page, demo.services[0], citizen)
    arrive(page, demo.services[0], citizen)
