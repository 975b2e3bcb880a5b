"""The security page in real Chromium: axe finds nothing in any language, scheme or width; a key is lost and replaced."""

from typing import Any

import pytest

from idp.portal.security.views import PAGES
from tests.browser.test_journey import DESKTOP, PHONE, look
from tests.support.deployment import PASSWORD, Deployment
from tests.support.journey import USER
from tests.support.own_pages import ROOT, OwnPages

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def prove(page: Any, deployment: Deployment) -> None:
    """Answer what a sign-in asks, by password and six digits."""
    if page.locator("form[action$='/password'] #user-id").count():
        page.fill("#user-id", USER)
        page.fill("#password", PASSWORD)
        page.click("#continue")
    page.wait_for_load_state()
    if page.locator("form[action$='/totp'] #code").count():
        deployment.clock.forward(seconds=30)
        page.fill("#code", deployment.code_of(USER))
        page.click("#continue")
    page.wait_for_selector("#side, #menu", state="attached")


def open_page(page: Any, deployment: Deployment, path: str = "") -> None:
    page.goto(deployment.issuer + ROOT + path)
    prove(page, deployment)


def plug_in(page: Any, **traits: Any) -> Any:
    """A virtual authenticator; `take_out()` of it is what a loss looks like to the browser."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable", {"enableUI": False})
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
        **traits,
    }
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]
    return lambda: session.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": made})


@pytest.mark.parametrize(
    ("viewport", "scheme", "locale"),
    [
        (PHONE, "light", "da-DK"),
        (DESKTOP, "dark", "da-DK"),
        (PHONE, "dark", "en-GB"),
        (DESKTOP, "light", "en-GB"),
        (PHONE, "light", "nb-NO"),
        (DESKTOP, "dark", "nb-NO"),
    ],
)
def test_axe_finds_nothing_on_any_page(
    deployment: Deployment, visitor: Any, viewport: dict[str, int], scheme: str, locale: str
) -> None:
    OwnPages(deployment).open()  # another browser, so that there is a session to end
    page = visitor(viewport=viewport, color_scheme=scheme, locale=locale)
    open_page(page, deployment)
    assert page.get_attribute("html", "lang") == locale[:2]
    factor_id = OwnPages(deployment).factor_ids("totp")[0]
    for path in PAGES:
        open_page(page, deployment, path.replace("<factor_id>", factor_id))
        look(page)
    open_page(page, deployment, "/factors/new-codes")
    page.click("#make-codes")
    page.wait_for_selector("#recovery-codes")
    look(page)
    open_page(page, deployment, f"/factors/{factor_id}/rename")
    page.fill("#name", "Den gamle")
    page.click("#continue")
    page.wait_for_selector("#done")
    look(page)
    open_page(page, deployment, "/contact")
    page.fill("#phone-number", "ring")
    page.click("#continue")
    page.wait_for_selector("#error-summary")
    look(page)
    open_page(page, deployment, "/block")
    page.click("#block")
    page.wait_for_selector("#blocked")
    look(page)
    assert [said for said in page.complaints if "400" not in said] == []


def test_axe_finds_nothing_where_it_was_not_the_citizen(deployment: Deployment, visitor: Any) -> None:
    page = visitor(viewport=PHONE)
    open_page(page, deployment, "/activity")
    page.locator("form[action$='/dispute'] button").first.click()
    page.wait_for_selector("#disputed")
    look(page)
    page.click("#next-factors")
    prove(page, deployment)
    assert page.url == deployment.issuer + ROOT + "/factors"


def test_a_key_is_added_lost_removed_and_replaced(deployment: Deployment, visitor: Any) -> None:
    """The journey of a key, with Chromium's own ceremonies."""
    me, page = OwnPages(deployment), visitor(viewport=PHONE)
    take_out = plug_in(page)
    open_page(page, deployment, "/factors")
    page.click("#add-key")
    page.fill("#name", "Telefonen")
    page.click("#add-key")
    page.wait_for_selector("#done")
    assert "Telefonen" in page.inner_text("#factors")
    (lost,) = me.factor_ids("webauthn")

    page.goto(deployment.issuer + ROOT + "/factors/add-key")  # six digits are not enough any more
    page.click("#use-key")
    page.wait_for_selector("#add-key")
    page.click("#add-key")  # the same authenticator again
    page.wait_for_selector(
        "[data-webauthn-failed]:visible, [data-webauthn-cancelled]:visible, #error-summary"
    )
    assert me.factor_ids("webauthn") == [lost]

    take_out()
    plug_in(page, transport="usb")
    page.fill("#name", "Nøgleringen")
    page.click("#add-key")
    page.wait_for_selector("#done")
    page.click(f"[id='remove-{lost}']")
    page.check("#end-others")
    page.click("#remove")
    page.wait_for_selector("#done")
    assert "Telefonen" not in page.inner_text("#factors")
    assert lost not in me.factor_ids("webauthn") and len(me.factor_ids("webauthn")) == 1

    page.context.clear_cookies()
    page.goto(deployment.issuer + ROOT)
    page.click("#use-passkey")
    page.wait_for_selector("#block-access")
    assert page.complaints == []


def test_a_key_without_user_verification_may_be_added_and_counts_as_one(
    deployment: Deployment, visitor: Any
) -> None:
    me, page = OwnPages(deployment), visitor(viewport=DESKTOP)
    plug_in(page, hasUserVerification=False, isUserVerified=False, hasResidentKey=False, transport="usb")
    open_page(page, deployment, "/factors/add-key")
    page.click("#add-key")
    page.wait_for_selector("#done")
    assert "Sikkerhedsnøgle" in page.inner_text("#factors")
    factors = deployment.wiring.services.factors.of_citizen(me.citizen_id)
    assert [factor.proves_two for factor in factors if factor.kind == "webauthn"] == [False]


def test_a_cancelled_ceremony_is_told_and_can_be_begun_again(deployment: Deployment, visitor: Any) -> None:
    page = visitor(viewport=PHONE)
    plug_in(page)
    open_page(page, deployment, "/factors/add-key")
    page.evaluate(
        """() => { const real = navigator.credentials.create.bind(navigator.credentials); let times = 0;
        navigator.credentials.create = (options) => ++times === 1
          ? Promise.reject(new DOMException("", "NotAllowedError")) : real(options); }"""
    )
    page.click("#add-key")
    page.wait_for_selector("[data-webauthn-cancelled]:visible")
    look(page)
    page.click("#add-key")
    page.wait_for_selector("#done")


def test_recovery_codes_are_printed_without_the_rest_of_the_page(
    deployment: Deployment, visitor: Any
) -> None:
    page = visitor(viewport=DESKTOP, color_scheme="dark")
    open_page(page, deployment, "/factors/new-codes")
    page.click("#make-codes")
    page.wait_for_selector("#recovery-codes")
    assert page.is_visible("#print-codes") and page.is_visible("#copy-codes")
    page.emulate_media(media="print")
    assert page.locator("#recovery-codes li").count() == 10 and page.is_visible("#recovery-codes")
    for selector in ("#print-codes", "#continue", "#side", ".foot"):
        assert not page.is_visible(selector), selector
