"""Passkeys and security keys in real Chromium, with a virtual authenticator (CDP) and nothing mocked."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.plugged_key import Plugged
from tests.browser.test_journey import look
from tests.support.deployment import PASSWORD, Deployment
from tests.support.journey import USER, add_key, party
from tests.support.journey import begin as journey

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


_HURRY = """
const get = navigator.credentials.get.bind(navigator.credentials);
navigator.credentials.get = (asked) => get({ publicKey: { ...asked.publicKey, timeout: 1 } });
"""
"""Only the patience is shortened."""


def arrive(page: Any) -> None:
    """Told what the service gets, and back at it."""
    page.wait_for_selector("#released")
    page.click("#accept")
    page.wait_for_selector("#arrived")
    assert "code=" in page.url


def begin(deployment: Deployment, page: Any, **asked: str) -> None:
    page.goto(party(deployment).ask(push=None, **asked).url)


def type_password(page: Any) -> None:
    page.fill("#user-id", USER)
    page.fill("#password", PASSWORD)
    page.click("#continue")


def signed_in(page: Any) -> bool:
    return any(cookie["name"].endswith("-session") for cookie in page.context.cookies())


def test_autofill_signs_in_with_one_touch(deployment: Deployment, plug: Callable[..., Plugged]) -> None:
    """Conditional mediation: no button is pressed. The virtual authenticator is touched by itself."""
    plugged = plug()
    plugged.hold(add_key(deployment))
    begin(deployment, plugged.page)
    arrive(plugged.page)
    assert plugged.page.complaints == []


@pytest.mark.parametrize(("locale", "scheme"), [("da-DK", "light"), ("en-GB", "dark"), ("nb-NO", "dark")])
def test_the_button_signs_in_with_one_touch(
    deployment: Deployment, plug: Callable[..., Plugged], visitor: Any, locale: str, scheme: str
) -> None:
    page = visitor(locale=locale, color_scheme=scheme)
    plugged = plug(page)
    begin(deployment, page)
    page.wait_for_selector("#use-passkey")
    look(page)
    plugged.hold(add_key(deployment))  # only now, or autofill would have been touched already
    page.click("#use-passkey")
    arrive(page)
    assert page.complaints == []


@pytest.mark.parametrize("protocol", ["ctap2", "u2f"])
@pytest.mark.parametrize(("locale", "scheme"), [("da-DK", "light"), ("en-GB", "dark")])
def test_a_security_key_follows_the_password(
    deployment: Deployment,
    plug: Callable[..., Plugged],
    visitor: Any,
    protocol: str,
    locale: str,
    scheme: str,
) -> None:
    page = visitor(locale=locale, color_scheme=scheme)
    bare = {"hasResidentKey": False, "hasUserVerification": False, "isUserVerified": False}
    plugged = plug(page, protocol=protocol, transport="usb", **bare)
    plugged.hold(add_key(deployment, verifies_user=False), resident=False)
    begin(deployment, page)
    type_password(page)
    page.wait_for_selector("#use-key")
    look(page)
    assert not signed_in(page)
    page.click("#use-key")
    arrive(page)


def test_a_key_that_does_not_verify_its_user_is_refused_where_two_factors_are_needed(
    deployment: Deployment, plug: Callable[..., Plugged]
) -> None:
    """S-270: it says so, the citizen types the password, and then the same key is the second factor."""
    plugged = plug(hasUserVerification=False, isUserVerified=False)
    plugged.hold(add_key(deployment, verifies_user=False))
    page = plugged.page
    begin(deployment, page)
    page.click("#use-passkey")
    page.wait_for_selector("[data-webauthn-cancelled]:not([hidden])")
    assert page.evaluate("document.activeElement.hasAttribute('data-webauthn-cancelled')")
    look(page)
    assert not signed_in(page)
    type_password(page)
    page.click("#use-key")
    arrive(page)


def test_a_cancelled_ceremony_can_be_begun_again(
    deployment: Deployment, plug: Callable[..., Plugged]
) -> None:
    """No key at hand, then one: the same page, the same button."""
    plugged, key = plug(), add_key(deployment)
    page = plugged.page
    begin(deployment, page)
    type_password(page)
    page.wait_for_selector("#use-key")
    page.click("#use-key")
    page.wait_for_selector("[data-webauthn-cancelled]:not([hidden])")
    look(page)
    assert page.get_attribute("#use-key", "aria-disabled") is None
    plugged.hold(key)
    page.click("#use-key")
    arrive(page)


def test_a_ceremony_that_times_out_says_so(deployment: Deployment, plug: Callable[..., Plugged]) -> None:
    """Five minutes become the ten seconds that Chromium never goes below."""
    plugged, key = plug(automaticPresenceSimulation=False), add_key(deployment)
    plugged.hold(key)
    page = plugged.page

    page.add_init_script(_HURRY)
    begin(deployment, page)
    type_password(page)
    page.wait_for_selector("#use-key")
    page.click("#use-key")
    page.wait_for_selector("[data-webauthn-cancelled]:not([hidden])", timeout=30_000)
    plugged.send("setAutomaticPresenceSimulation", enabled=True)
    page.click("#use-key")
    arrive(page)


def test_a_page_that_waited_asks_for_a_new_challenge(
    deployment: Deployment, plug: Callable[..., Plugged]
) -> None:
    """Eight minutes: the challenge lives five, the sign-in ten."""
    plugged, key = plug(), add_key(deployment)
    page = plugged.page
    page.clock.install()
    begin(deployment, page)
    type_password(page)
    page.wait_for_selector("#use-key")
    plugged.hold(key)
    deployment.clock.forward(seconds=8 * 60)
    page.clock.fast_forward("08:00")
    with page.expect_response("**/options"):
        page.click("#use-key")
    arrive(page)
    assert page.complaints == []


def test_a_copied_key_is_refused_and_told(deployment: Deployment, plug: Callable[..., Plugged]) -> None:
    """S-273."""
    key = add_key(deployment)
    key.counter = 50
    over_http = journey(deployment)
    over_http.passkey(key)
    plugged = plug()
    page = plugged.page
    begin(deployment, page)
    type_password(page)
    page.wait_for_selector("#use-key")
    plugged.hold(key)  # its counter stands at 1
    page.click("#use-key")
    page.wait_for_selector("#error-summary")
    look(page)
    assert "kopi" in page.inner_text("#error-summary")
    assert page.evaluate("document.activeElement.id") == "error-summary"
    assert not signed_in(page)


@pytest.mark.parametrize(("locale", "scheme"), [("da-DK", "light"), ("nb-NO", "dark")])
def test_a_step_up_asks_for_the_key_alone(
    deployment: Deployment, plug: Callable[..., Plugged], visitor: Any, locale: str, scheme: str
) -> None:
    page = visitor(locale=locale, color_scheme=scheme)
    plugged = plug(page)
    begin(deployment, page)
    type_password(page)
    page.fill("#code", deployment.code_of(USER))
    page.click("#continue")
    arrive(page)
    begin(deployment, page, acr_values="phr")
    page.wait_for_selector("#unmet")
    look(page)
    plugged.hold(add_key(deployment))
    begin(deployment, page, acr_values="phr")
    page.wait_for_selector("#use-key")
    look(page)
    page.click("#use-key")
    page.wait_for_selector("#arrived")
    assert "code=" in page.url


def test_where_webauthn_is_missing_the_page_says_so(deployment: Deployment, visitor: Any) -> None:
    page = visitor()
    page.add_init_script("delete window.PublicKeyCredential")
    begin(deployment, page)
    page.wait_for_selector("[data-webauthn-missing]:not([hidden])")
    assert page.locator("#use-passkey").is_hidden()
    look(page)
    assert page.complaints == []


def test_without_scripts_the_page_says_what_a_key_needs(deployment: Deployment, visitor: Any) -> None:
    page = visitor(java_script_enabled=False)
    begin(deployment, page)
    assert "scripts" in page.inner_text("form[data-webauthn]")
    type_password(page)
    page.wait_for_selector("#code")
