"""Getting back in with one touch of a passkey, in real Chromium, with axe on each page."""

from collections.abc import Callable
from typing import Any

import pyotp
import pytest

from tests.browser.plugged_key import Plugged
from tests.browser.test_journey import look
from tests.browser.test_keys import arrive, begin
from tests.support.deployment import Deployment
from tests.support.journey import USER, add_key

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

NEW = "tolv grønne cykler"


def touch(deployment: Deployment, plugged: Plugged, lost: str, **traits: Any) -> None:
    """From the entry to whatever a touch opens."""
    page = plugged.page
    plugged.hold(add_key(deployment, **traits))
    page.goto(f"{deployment.issuer}/recover")
    page.check(f"#lost-{lost}")
    page.click("#continue")
    page.click("#way-passkey")
    page.wait_for_selector("#use-key")
    look(page)
    page.click("#use-key")


@pytest.mark.parametrize(
    ("locale", "scheme", "width"), [("da-DK", "light", 390), ("en-GB", "dark", 1280), ("nb-NO", "light", 390)]
)
def test_a_forgotten_password_is_set_anew_with_one_touch(
    deployment: Deployment,
    plug: Callable[..., Plugged],
    visitor: Any,
    locale: str,
    scheme: str,
    width: int,
) -> None:
    """No user ID is typed: the key says whose it is. The new password then opens, with the app."""
    page = visitor(locale=locale, color_scheme=scheme, viewport={"width": width, "height": 844})
    plugged = plug(page)
    touch(deployment, plugged, "password")
    page.wait_for_selector("#new-password")
    look(page)
    page.fill("#new-password", "kort")
    page.click("#continue")
    page.wait_for_selector("#error-summary")
    look(page)
    page.fill("#new-password", NEW)
    page.click("#continue")
    page.wait_for_selector("#done")
    look(page)
    plugged.send("removeVirtualAuthenticator")
    begin(deployment, page)
    page.fill("#user-id", USER)
    page.fill("#password", NEW)
    page.click("#continue")
    page.click("#another-way")
    page.fill("#code", deployment.code_of(USER))
    page.click("#continue")
    arrive(page)
    assert [said for said in page.complaints if "400" not in said] == []  # the short password


def test_a_lost_phone_is_replaced_with_one_touch(
    deployment: Deployment, plug: Callable[..., Plugged]
) -> None:
    """The lost app ends, the new one is bound, and the passkey is still there."""
    plugged = plug()
    page = plugged.page
    touch(deployment, plugged, "factor")
    page.wait_for_selector("#lost-1")
    look(page)
    page.locator("p.choice", has_text="App").locator("input").check()
    page.click("#continue")
    page.locator("details:has(#secret)").evaluate("part => { part.open = true }")
    seed = page.inner_text("#secret").replace(" ", "")
    page.fill("#code", pyotp.TOTP(seed).at(deployment.clock()))
    page.click("#continue")
    page.wait_for_selector("#done")
    look(page)
    services = deployment.wiring.services
    factors = services.factors.of_citizen(deployment.citizens[USER].citizen.citizen_id)
    assert {factor.name for factor in factors} >= {"Min nøgle"}
    assert "App" not in {factor.name for factor in factors}


def test_a_forgotten_user_id_is_told_after_one_touch(
    deployment: Deployment, plug: Callable[..., Plugged]
) -> None:
    plugged = plug()
    touch(deployment, plugged, "user-id")
    plugged.page.wait_for_selector("#told-user-id")
    assert plugged.page.inner_text("#told-user-id") == USER
    look(plugged.page)


def test_a_key_that_does_not_verify_its_user_opens_nothing_alone(
    deployment: Deployment, plug: Callable[..., Plugged]
) -> None:
    """S-270: it is one factor, and Chromium does not even ask it."""
    plugged = plug(hasUserVerification=False, isUserVerified=False)
    touch(deployment, plugged, "password", verifies_user=False)
    plugged.page.wait_for_selector("[data-webauthn-cancelled]:not([hidden])")
    look(plugged.page)
    assert plugged.page.locator("#new-password").count() == 0
