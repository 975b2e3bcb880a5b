"""Which passwords cannot be chosen, at each page where one is chosen, and with the command that makes a citizen."""

from collections.abc import Callable

import pytest

from idp.citizens import NewCitizen
from idp.new_citizens import CitizenRefused
from tests.support.citizen_browser import CitizenBrowser, Page
from tests.support.deployment import PASSWORD, Deployment
from tests.support.invited import ActivationJourney, invite
from tests.support.journey import USER
from tests.support.own_pages import OwnPages

COMMON, PERSONAL = "gættet først", "tjenestens navn"

REFUSED = {
    "password1!": COMMON,
    "12345678": COMMON,
    "freja.holm": PERSONAL,
    "Freja.Holm99": PERSONAL,
    "frejaholm": PERSONAL,
    "Byggesager": PERSONAL,
    "byggesager2026": PERSONAL,
    "BUILDING PERMITS": PERSONAL,
    "Nordhavn Kommune": PERSONAL,
    "statensboligstøtte": PERSONAL,
    "adgang2026": COMMON,
}
"""The word and why: guessed first; user ID and name; services in both languages, their organisations, ourselves."""


def in_the_portal(deployment: Deployment) -> Callable[[str], Page]:
    own = OwnPages(deployment)
    page = own.open("/password")
    return lambda chosen: own.browser.submit(
        page, "/me/security/password", current_password=PASSWORD, new_password=chosen
    )


def in_a_recovery(deployment: Deployment) -> Callable[[str], Page]:
    citizen = deployment.citizens[USER].citizen
    codes = deployment.wiring.services.recovery_codes.renew(citizen.citizen_id, now=deployment.clock()).codes
    browser = CitizenBrowser(deployment.issuer)
    page = browser.submit(browser.get("/recover"), "/begin", lost="password")
    browser.submit(page, "/who", user_id=USER)
    for way, typed in (
        ("recovery-code", {"recovery_code": codes[0]}),
        ("totp", {"code": deployment.code_of(USER)}),
    ):
        page = browser.submit(browser.get(f"/recover/step?way={way}"), f"/{way}", **typed)
    return lambda chosen: browser.submit(page, "/new-password", new_password=chosen)


def at_the_activation(deployment: Deployment) -> Callable[[str], Page]:
    """Of somebody of that name, who wants a user ID like it."""
    journey = ActivationJourney(deployment, invite(deployment, "Freja Holm"))
    journey.type_code()
    page = journey.say_yes()
    return lambda chosen: journey.browser.submit(
        page, "/account", user_id="freja.holm99", new_password=chosen
    )


@pytest.mark.parametrize("page", [in_the_portal, in_a_recovery, at_the_activation])
def test_a_password_that_is_easily_guessed_is_refused_with_its_reason(
    deployment: Deployment, page: Callable[[Deployment], Callable[[str], Page]]
) -> None:
    """S-232: on lists of common ones, the user ID, or the name of a service that is registered; nothing else is asked
    of it, so the same page takes a password of small letters alone."""
    nordhavn = deployment.wiring.registry.find_organisation("99000001")
    assert nordhavn is not None
    named = {"client_name": "Byggetilladelser", "client_name#en": "Building permits"}
    deployment.add_client("Byggetilladelser", nordhavn.organisation_id, **named)
    choose = page(deployment)
    for chosen, reason in REFUSED.items():
        told = choose(chosen)
        assert told.status == 400 and "error-new-password" in told.ids, chosen
        assert reason in told.words, chosen
    assert choose("mejsekuglebaad").status == 200


def test_the_name_of_a_service_is_no_password_of_a_new_citizen(deployment: Deployment) -> None:
    """S-232: an operator's choice neither."""
    new = NewCitizen("malthe.krag", "8802701235", "Malthe", "Krag", "1970-02-28")
    with pytest.raises(CitizenRefused, match="personal"):
        deployment.wiring.new_citizens.add(
            new, actor="operator:test", reason="a test", password="Byggesager1"
        )
