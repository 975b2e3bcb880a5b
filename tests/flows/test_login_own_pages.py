"""Signing in to our own pages, and proving a factor anew before something that matters."""

import pytest

from tests.support.citizen_browser import CitizenBrowser, Page
from tests.support.deployment import Deployment
from tests.support.journey import USER, Journey, add_key, begin, cookie, party
from tests.support.relying_party import AuthorizationAsked

PAGE = "/me/security"
FRESH = "/me/security/factors/add-app"
"""A page that needs a fresh proof."""


def own(deployment: Deployment, path: str, browser: CitizenBrowser | None = None) -> Journey:
    """From one of our own addresses to whatever it shows."""
    browser = browser or CitizenBrowser(deployment.issuer)
    nobody = AuthorizationAsked("", "", "", "")
    return Journey(deployment, browser, party(deployment), nobody, browser.get(path))


def here(page: Page) -> str:
    return page.url.partition("://")[2].partition("/")[2].partition("?")[0]


def test_a_page_of_ours_leads_to_a_sign_in_and_back(deployment: Deployment) -> None:
    journey = own(deployment, f"{PAGE}?lang=da")
    assert here(journey.page).startswith("login/") and "user-id" in journey.page.ids
    assert "dine egne sider" in journey.page.words
    journey.sign_in()
    assert "/" + here(journey.page) == PAGE and journey.page.status == 200
    again = own(deployment, PAGE, journey.browser)
    assert "/" + here(again.page) == PAGE, "no second sign-in"


def test_a_passkey_opens_a_page_that_needs_a_fresh_proof_at_once(deployment: Deployment) -> None:
    key = add_key(deployment)
    journey = own(deployment, FRESH)
    journey.passkey(key)
    assert "/" + here(journey.page) == FRESH


def test_a_sign_in_of_a_moment_ago_is_fresh_for_five_minutes(deployment: Deployment) -> None:
    """S-302."""
    journey = own(deployment, PAGE)
    journey.sign_in()
    deployment.clock.forward(seconds=299)
    assert "/" + here(own(deployment, FRESH, journey.browser).page) == FRESH
    deployment.clock.forward(seconds=1)
    stale = own(deployment, FRESH, journey.browser)
    assert here(stale.page).startswith("login/")
    assert "Kun dette trin mangler" in stale.page.words and "stadig er dig" in stale.page.words
    assert "code" in stale.page.ids and not {"user-id", "use-key"} & stale.page.ids
    before = cookie(stale.browser, "session")
    stale.code()
    assert "/" + here(stale.page) == FRESH
    assert cookie(stale.browser, "session") != before, "the session's secret is another one now (S-214)"


def test_a_citizen_with_a_key_must_use_it_before_something_that_matters(deployment: Deployment) -> None:
    """S-302: a fresh proof of the strongest kind; the six digits of a moment ago are not it."""
    key = add_key(deployment)
    journey = own(deployment, PAGE)
    journey.password()
    journey.page = journey.browser.get(f"{journey.address}?way=totp")
    journey.code()
    assert "/" + here(journey.page) == PAGE
    asked = own(deployment, FRESH, journey.browser)
    assert "use-key" in asked.page.ids and "another-way" not in asked.page.ids
    deployment.clock.forward(seconds=60)
    page = asked.post("totp", csrf_token=asked.token, code=deployment.code_of(USER))
    assert "use-key" in page.ids, "a way that is not offered is not looked at"
    asked.page = page
    asked.key(key)
    assert "/" + here(asked.page) == FRESH


def test_a_key_that_may_have_a_copy_is_not_the_strongest(deployment: Deployment) -> None:
    """Or its owner could not remove it."""
    key = add_key(deployment)
    journey = own(deployment, PAGE)
    journey.passkey(key)
    begin(deployment).passkey(key, counter=1)
    deployment.clock.forward(seconds=400)
    assert "code" in own(deployment, FRESH, journey.browser).page.ids


def test_cancelling_leads_to_the_front_page(deployment: Deployment) -> None:
    journey = own(deployment, PAGE)
    page = journey.browser.submit(journey.page, "/cancel")
    assert here(page) == "" and page.status == 200
    assert cookie(journey.browser, "session") is None


def test_an_attempt_of_our_own_gives_nobody_a_code(deployment: Deployment) -> None:
    """It spends no request, and the ledger tells of a sign-in and of no service."""
    journey = own(deployment, PAGE)
    journey.sign_in()
    page = journey.browser.get(journey.address)
    assert page.answer is None and "/" + here(page) == PAGE
    citizen_id = deployment.citizens[USER].citizen.citizen_id
    events = [entry.event for entry in deployment.wiring.ledger.of_citizen(citizen_id, limit=500)]
    assert "signed-in" in events and not {"authorized", "token-issued"} & set(events)


@pytest.mark.parametrize("query", ["?next=https://evil.test", "?x=//evil.test", "?x=%0d%0aSet-Cookie:a=b"])
def test_the_way_back_is_a_path_of_ours(deployment: Deployment, query: str) -> None:
    journey = own(deployment, PAGE + query)
    journey.sign_in()
    assert journey.page.url.startswith(deployment.issuer + "/")


def test_the_client_id_of_our_own_pages_is_nobodys(deployment: Deployment) -> None:
    page = CitizenBrowser(deployment.issuer).get(
        "/authorize?client_id=adgang&response_type=code&scope=openid"
    )
    assert page.status == 400 and page.answer is None


def test_somebody_elses_browser_cannot_go_on_with_it(deployment: Deployment) -> None:
    """S-215."""
    journey = own(deployment, PAGE)
    stranger = own(deployment, PAGE)
    assert stranger.browser.get(journey.address).status == 403
