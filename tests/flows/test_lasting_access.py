"""Lasting access (`offline_access`): asked for, agreed to or not, used, seen and ended by the citizen."""

import pytest

from tests.support.citizen_browser import CitizenBrowser, Page
from tests.support.deployment import PASSWORD, Deployment
from tests.support.journey import Journey, begin
from tests.support.own_pages import OwnPages
from tests.support.refreshing import refresh, refreshing_party, refused
from tests.support.relying_party import RelyingParty


def asked_for(
    deployment: Deployment, service: RelyingParty, browser: CitizenBrowser | None = None
) -> Journey:
    """A sign-in that has come to the question."""
    journey = begin(deployment, browser, service)
    if "user-id" in journey.page.ids:
        journey.sign_in()
    return journey


def tokens(journey: Journey) -> dict[str, str]:
    """What the service gets for the code that the journey ended with."""
    assert journey.page.answer is not None and "code" in journey.page.answer, journey.page.words
    answer = journey.service.redeem(journey.page.answer["code"], journey.asked.verifier)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def sign_out(browser: CitizenBrowser, page: Page) -> None:
    assert "signed-out" in browser.submit(page, "/sign-out").ids


def test_lasting_access_is_asked_for_also_where_the_law_gives_the_rest(deployment: Deployment) -> None:
    """OIDC Core §11: and remembered, so that a silent request is answered."""
    service = refreshing_party(deployment, offline=True)
    journey = asked_for(deployment, service)
    assert {"lasting", "accept", "once", "cancel"} <= journey.page.ids and "30 dage" in journey.page.words
    journey.answer("accept")
    given = tokens(journey)
    assert given["scope"] == "openid profile offline_access"
    assert refresh(service, given["refresh_token"]).status_code == 200
    again = begin(deployment, journey.browser, service, prompt="none")
    assert "refresh_token" in tokens(again)
    ledger = deployment.wiring.ledger.of_citizen(deployment.citizens["freja.holm"].citizen.citizen_id)
    (consent,) = [entry for entry in ledger if entry.event == "consent-given"]
    assert "offline_access" in consent.facts["claims"]  # type: ignore[operator]


def test_a_citizen_goes_on_without_lasting_access(deployment: Deployment) -> None:
    """The service is told by the scope that it gets, and nothing of it outlives the session."""
    service = refreshing_party(deployment, offline=True)
    journey = asked_for(deployment, service)
    journey.answer("once")
    given = tokens(journey)
    assert given["scope"] == "openid profile"
    assert refresh(service, given["refresh_token"]).status_code == 200
    assert "no-access" in own_page(deployment, journey).ids
    deployment.clock.forward(seconds=1)
    again = begin(deployment, journey.browser, service, prompt="none")
    assert again.page.answer is not None and again.page.answer["error"] == "consent_required"
    sign_out(journey.browser, journey.browser.get("/"))
    refused(refresh(service, given["refresh_token"]))


def test_a_refusal_gives_nothing(deployment: Deployment) -> None:
    service = refreshing_party(deployment, offline=True)
    journey = asked_for(deployment, service)
    journey.answer("decline")
    assert journey.page.answer is not None and journey.page.answer["error"] == "access_denied"
    assert deployment.wiring.services.lasting_accesses.of_citizen(own_id(deployment)) == []


@pytest.mark.parametrize("decision", ["", "yes", "accept once", "Accept"])
def test_an_answer_that_is_none_gives_nothing(deployment: Deployment, decision: str) -> None:
    journey = asked_for(deployment, refreshing_party(deployment, offline=True))
    journey.answer(decision)
    assert "lasting" in journey.page.ids


def test_lasting_access_outlives_a_sign_out_and_its_access_tokens_do_not(deployment: Deployment) -> None:
    """S-207."""
    service = refreshing_party(deployment, offline=True)
    journey = asked_for(deployment, service)
    journey.answer("accept")
    given = tokens(journey)
    sign_out(journey.browser, journey.browser.get("/"))
    assert service.userinfo(given["access_token"]).status_code == 401
    deployment.clock.forward(seconds=1)
    more = refresh(service, given["refresh_token"])
    assert more.status_code == 200
    assert service.userinfo(more.json()["access_token"]).json()["name"] == "Freja Holm"


def test_the_citizen_sees_lasting_access_and_ends_it(deployment: Deployment) -> None:
    """S-088: every token of the service ends, and it has to ask anew."""
    service = refreshing_party(deployment, offline=True)
    journey = asked_for(deployment, service)
    journey.answer("accept")
    given = tokens(journey)
    page = own_page(deployment, journey)
    assert "Løbende confidential" in page.words and "Nordhavn Kommune" in page.words
    page = journey.browser.submit(page, "/end")
    assert {"done", "no-access"} <= page.ids
    refused(refresh(service, given["refresh_token"]))
    assert service.userinfo(given["access_token"]).status_code == 401
    assert "Løbende confidential" in journey.browser.get("/me/security/activity").words
    assert "lasting" in asked_for(deployment, service, journey.browser).page.ids


def test_ending_one_services_access_leaves_the_others(deployment: Deployment) -> None:
    first, second = (refreshing_party(deployment, kind, offline=True) for kind in ("confidential", "secret"))
    journey = asked_for(deployment, first)
    journey.answer("accept")
    one = tokens(journey)
    other = asked_for(deployment, second, journey.browser)
    other.answer("accept")
    two = tokens(other)
    page = own_page(deployment, journey)
    ends = [form.action for form in page.forms if form.action.endswith("/end")]
    assert len(ends) == 2
    row = page.html.index("Løbende secret") < page.html.index("Løbende confidential")
    page = journey.browser.submit(page, ends[1 if row else 0].removeprefix(deployment.issuer))
    refused(refresh(first, one["refresh_token"]))
    assert refresh(second, two["refresh_token"]).status_code == 200


def test_signing_out_everywhere_ends_lasting_access(deployment: Deployment) -> None:
    """Whoever presses it may not know who is signed in, so nothing is left that somebody else may have given."""
    service = refreshing_party(deployment, offline=True)
    journey = asked_for(deployment, service)
    journey.answer("accept")
    given = tokens(journey)
    journey.browser.submit(journey.browser.get("/me/security/sessions"), "/end-all")
    refused(refresh(service, given["refresh_token"]))


def test_a_new_password_ends_what_was_given_in_other_sessions(deployment: Deployment) -> None:
    """S-307: lasting access too, also of a session that is over; what was given in this one goes on."""
    before, after = (refreshing_party(deployment, kind, offline=True) for kind in ("confidential", "secret"))
    journey = asked_for(deployment, before)
    journey.answer("accept")
    old = tokens(journey)
    sign_out(journey.browser, journey.browser.get("/"))
    me = OwnPages(deployment)
    me.open("/password")
    mine = asked_for(deployment, after, me.browser)
    mine.answer("accept")
    new = tokens(mine)
    page = me.open("/password")
    page = me.post(page, "/password", current_password=PASSWORD, new_password="tusind grønne cykler")
    assert "done" in page.ids, page.words
    refused(refresh(before, old["refresh_token"]))
    assert refresh(after, new["refresh_token"]).status_code == 200


def own_id(deployment: Deployment) -> str:
    return deployment.citizens["freja.holm"].citizen.citizen_id


def own_page(deployment: Deployment, journey: Journey) -> Page:
    """The page of lasting access, in the browser of the journey."""
    me = OwnPages(deployment)
    me.browser = journey.browser
    return me.open("/access")
