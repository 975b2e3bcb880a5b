"""RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0): a service asks, the citizen is asked or is signed out."""

import re
from html import unescape
from urllib.parse import urlencode

import pytest

from keys.services import Order
from keys.succession import rotate
from tests.support.citizen_browser import CitizenBrowser, Page
from tests.support.deployment import Deployment
from tests.support.journey import begin
from tests.support.refreshing import REGISTERED, refresh
from tests.support.relying_party import claims_of
from tests.support.signing_out import AFTERWARDS, end_session, is_signed_in, leaving_party, signed_in_at

HERE = AFTERWARDS.format(name="leaving")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_service_that_shows_its_id_token_signs_the_citizen_out_and_gets_them_back(
    deployment: Deployment, method: str
) -> None:
    service = leaving_party(deployment)
    journey, tokens = signed_in_at(deployment, service)
    page = end_session(
        journey.browser,
        method,
        id_token_hint=tokens["id_token"],
        post_logout_redirect_uri=HERE,
        state="a b&c",
    )
    assert page.url == f"{HERE}?state=a+b%26c" and page.answer == {"state": "a b&c"}
    assert not is_signed_in(journey.browser)


def test_an_id_token_that_has_expired_is_a_good_hint(deployment: Deployment) -> None:
    """§2: "even when the exp time has passed"; also of an earlier visit to the service in the same session."""
    service = leaving_party(deployment)
    journey, tokens = signed_in_at(deployment, service)
    deployment.clock.forward(seconds=600)
    signed_in_at(deployment, service, journey.browser)
    deployment.clock.forward(seconds=600)
    assert claims_of(tokens["id_token"])["exp"] < deployment.clock().timestamp()
    page = end_session(journey.browser, id_token_hint=tokens["id_token"], post_logout_redirect_uri=HERE)
    assert page.url == HERE and not is_signed_in(journey.browser)


def test_a_hint_by_a_key_that_was_retired_since_is_good(deployment: Deployment) -> None:
    """S-375: a retired key stays known for hints (keys.md, rule 3)."""
    service = leaving_party(deployment)
    deployment.clock.forward(seconds=2 * 86_400)  # its successor may sign from now on
    journey, tokens = signed_in_at(deployment, service)
    rotate(deployment.wiring.keys_services, "ES256", Order("operator:test", "a test"))
    deployment.clock.forward(seconds=60)
    deployment.wiring.key_ring.load()
    page = end_session(journey.browser, id_token_hint=tokens["id_token"], post_logout_redirect_uri=HERE)
    assert page.url == HERE and not is_signed_in(journey.browser)


def test_without_a_hint_the_citizen_is_asked_and_then_goes_back(deployment: Deployment) -> None:
    """§2: client_id says who asks, and proves nothing."""
    service = leaving_party(deployment)
    journey, _ = signed_in_at(deployment, service)
    page = end_session(
        journey.browser,
        client_id=service.client.client_id,
        post_logout_redirect_uri=HERE,
        state="s",
        ui_locales="en",
    )
    assert "ask-sign-out" in page.ids and "leaving asks us to sign you out" in page.words
    assert is_signed_in(journey.browser), "nothing has happened yet"
    page = journey.browser.submit(page, page.forms[0].action)
    assert page.url == f"{HERE}?state=s" and page.answer == {"state": "s"}
    assert not is_signed_in(journey.browser)


def test_without_any_parameter_the_citizen_is_asked_and_stays_with_us(deployment: Deployment) -> None:
    journey, _ = signed_in_at(deployment, leaving_party(deployment))
    page = end_session(journey.browser)
    assert "ask-sign-out" in page.ids and "En side har bedt os logge dig ud" in page.words
    page = journey.browser.submit(page, page.forms[0].action)
    assert "signed-out" in page.ids and page.answer is None and "return" not in page.ids
    assert not is_signed_in(journey.browser)


def test_afterwards_nobody_is_signed_in_for_a_service_that_asks_without_pages(deployment: Deployment) -> None:
    """conformance.md, Logout: `prompt=none` → `login_required`."""
    service = leaving_party(deployment)
    journey, tokens = signed_in_at(deployment, service)
    end_session(journey.browser, id_token_hint=tokens["id_token"])
    again = begin(deployment, journey.browser, service, prompt="none")
    assert again.page.answer is not None and again.page.answer["error"] == "login_required"


def test_who_is_not_signed_in_is_led_back_all_the_same(deployment: Deployment) -> None:
    service = leaving_party(deployment)
    _, tokens = signed_in_at(deployment, service)
    other = CitizenBrowser(deployment.issuer)
    page = end_session(other, id_token_hint=tokens["id_token"], post_logout_redirect_uri=HERE, state="s")
    assert page.url == f"{HERE}?state=s"
    assert "was" not in end_session(other).ids and "Du var ikke logget ind" in end_session(other).words


def test_what_the_sign_out_ends(deployment: Deployment) -> None:
    """S-207, S-211: access and refresh tokens die at once, lasting access goes on; the next sign-in has a new sid."""
    plain = leaving_party(deployment, "plain", **(REGISTERED | {"scope": "openid profile"}))
    lasting = leaving_party(deployment, "lasting", **REGISTERED)
    lasting.scope = "openid profile offline_access"
    journey, first = signed_in_at(deployment, plain)
    _, second = signed_in_at(deployment, lasting, journey.browser)
    page = end_session(journey.browser, id_token_hint=first["id_token"])
    assert "outcomes" in page.ids
    assert plain.userinfo(first["access_token"]).status_code == 401
    assert lasting.userinfo(second["access_token"]).status_code == 401
    assert refresh(plain, first["refresh_token"]).json()["error"] == "invalid_grant"
    assert refresh(lasting, second["refresh_token"]).status_code == 200, "the citizen agreed to that"
    assert told_of(page) == [
        "lasting, Nordhavn Kommune: kan ikke få besked, så log ud der også; "
        "den varige adgang, du har sagt ja til, fortsætter",
        "plain, Nordhavn Kommune: kan ikke få besked, så log ud der også; dens adgang er trukket tilbage",
    ]
    _, anew = signed_in_at(deployment, plain, journey.browser)
    assert claims_of(anew["id_token"])["sid"] != claims_of(first["id_token"])["sid"]


def test_a_session_that_was_left_idle_is_ended_like_any_other(deployment: Deployment) -> None:
    """Whoever was busy at a service for an hour signs out there: the other ones and their refresh tokens end with it."""
    first = leaving_party(deployment, "first", **(REGISTERED | {"scope": "openid profile"}))
    second = leaving_party(deployment, "second", **(REGISTERED | {"scope": "openid profile"}))
    journey, tokens = signed_in_at(deployment, first)
    _, others = signed_in_at(deployment, second, journey.browser)
    deployment.clock.forward(seconds=31 * 60)
    assert not is_signed_in(journey.browser)
    page = end_session(journey.browser, id_token_hint=tokens["id_token"])
    assert [line.partition(",")[0] for line in told_of(page)] == ["first", "second"]
    assert refresh(second, others["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_sign_in_after_an_idle_hour_goes_on_with_the_session_that_was_left(deployment: Deployment) -> None:
    """So whoever signs out at the second service is told of the first one, which has a session of its own."""
    first, second = leaving_party(deployment, "first"), leaving_party(deployment, "second")
    journey, before = signed_in_at(deployment, first)
    deployment.clock.forward(seconds=31 * 60)
    assert not is_signed_in(journey.browser)
    _, tokens = signed_in_at(deployment, second, journey.browser)
    assert claims_of(tokens["id_token"])["auth_time"] > claims_of(before["id_token"])["auth_time"] + 30 * 60
    page = end_session(journey.browser, id_token_hint=tokens["id_token"])
    assert [line.partition(",")[0] for line in told_of(page)] == ["first", "second"]


def test_a_session_that_was_left_idle_ends_when_another_citizen_signs_in(deployment: Deployment) -> None:
    """At a computer that is shared: the services of the first one are told, as they are where it was in use."""
    deployment.add_citizen("karl.berg", "8802701235", "Karl", "Berg")
    service = leaving_party(deployment)
    journey, _ = signed_in_at(deployment, service)
    deployment.clock.forward(seconds=31 * 60)
    begin(deployment, journey.browser, service).sign_in("karl.berg")
    (waiting,) = deployment.wiring.logout_notices.waiting()
    assert (waiting.client_id, waiting.count) == (service.client.client_id, 1)


def test_a_code_on_its_way_is_dead(deployment: Deployment) -> None:
    """S-207: not redeemed yet, so no service of the session either."""
    service = leaving_party(deployment)
    journey, tokens = signed_in_at(deployment, service)
    late = begin(deployment, journey.browser, service)
    assert late.page.answer is not None
    end_session(journey.browser, id_token_hint=tokens["id_token"])
    answer = service.redeem(late.page.answer["code"], late.asked.verifier)
    assert answer.json()["error"] == "invalid_grant"


def test_a_sign_in_in_another_tab_ends_with_it(deployment: Deployment) -> None:
    """S-207: the attempt and what was proven in it; the page says why, and a new attempt goes well."""
    service = leaving_party(deployment)
    journey, tokens = signed_in_at(deployment, service)
    deployment.clock.forward(seconds=30)
    tab = begin(deployment, journey.browser, service, prompt="login")
    tab.password()
    end_session(journey.browser, id_token_hint=tokens["id_token"])
    page = tab.post("totp", csrf_token=tab.token, code=deployment.code_of("freja.holm"))
    assert page.status == 403 and "Du har logget ud i denne browser" in page.words
    assert not is_signed_in(journey.browser)
    signed_in_at(deployment, service, journey.browser)


def test_services_that_registered_for_it_are_told_by_hidden_frames(deployment: Deployment) -> None:
    """Front-Channel Logout §2, §3: `iss` and `sid`, and the page may frame exactly these origins."""
    uri = "https://front.nordhavn.example/slut?a=b"
    front = leaving_party(
        deployment, "front", redirect_uris=["https://front.nordhavn.example/cb"], frontchannel_logout_uri=uri
    )
    service = leaving_party(deployment)
    journey, at_front = signed_in_at(deployment, front)
    _, tokens = signed_in_at(deployment, service, journey.browser)
    page = end_session(journey.browser, id_token_hint=tokens["id_token"], post_logout_redirect_uri=HERE)
    assert "return" in page.ids and "stay" in page.ids and page.headers["Refresh"] == f"6;url={HERE}"
    sid = claims_of(at_front["id_token"])["sid"]
    told = urlencode({"iss": deployment.issuer, "sid": sid})
    ((frame, may),) = re.findall(
        r'<iframe class="told" src="([^"]+)" title="[^"]+" sandbox="([^"]+)" hidden>', page.html
    )
    assert unescape(frame) == f"{uri}&{told}"
    assert may == "allow-forms allow-same-origin allow-scripts", (
        "it leads the page nowhere, and opens nothing"
    )
    assert "frame-src https://front.nordhavn.example" in page.headers["Content-Security-Policy"].split("; ")
    stays = journey.browser.get("/signed-out?seen=1&stay=1")
    assert "<iframe" not in stays.html and "Refresh" not in stays.headers and "return" in stays.ids
    assert "frame-src" not in stays.headers["Content-Security-Policy"]
    assert "outcomes" not in CitizenBrowser(deployment.issuer).get("/signed-out").ids


def test_a_frame_has_longer_than_an_answer_is_looked_for(deployment: Deployment) -> None:
    """The page comes again for what the back channel brings, and would cut off a frame that is still loading."""
    front, service = (
        leaving_party(
            deployment,
            name,
            redirect_uris=[f"https://{name}.nordhavn.example/cb"],
            **{f"{channel}channel_logout_uri": f"https://{name}.nordhavn.example/slut"},
        )
        for name, channel in (("front", "front"), ("leaving", "back"))
    )
    journey, _ = signed_in_at(deployment, front)
    signed_in_at(deployment, service, journey.browser)
    page = journey.browser.submit(journey.browser.get("/"), "/sign-out")
    assert "waits" in page.ids and page.headers["Refresh"] == "6;url=/signed-out?seen=1"
    assert journey.browser.get("/signed-out?seen=1").headers["Refresh"] == "2;url=/signed-out?seen=1"


def test_nobody_is_said_to_be_told_by_a_frame_that_was_not_shown(deployment: Deployment) -> None:
    """A session that is ended from another browser, and what the security page says of it later."""
    front = leaving_party(
        deployment,
        "front",
        redirect_uris=["https://front.nordhavn.example/cb"],
        frontchannel_logout_uri="https://front.nordhavn.example/slut",
    )
    signed_in_at(deployment, front)
    here, _ = signed_in_at(deployment, leaving_party(deployment))
    page = here.browser.submit(here.browser.get("/me/security/sessions"), "/end-all")
    line = (
        "front, Nordhavn Kommune: får kun besked i den browser, der logger ud; dens adgang er trukket tilbage"
    )
    assert line in told_of(page) and "<iframe" not in page.html
    deployment.clock.forward(seconds=30)
    page = signed_in_at(deployment, front)[0].browser.get("/me/security/sessions")
    assert "får kun besked i den browser, der logger ud" in page.words
    assert "gennem din browser" not in page.words


def test_another_service_is_told_of_also_where_the_one_that_asks_was_not_open(deployment: Deployment) -> None:
    """The citizen sees it for some seconds before the page leads on; signed in again, there is nothing to see."""
    service, asker = leaving_party(deployment, "other"), leaving_party(deployment)
    journey, _ = signed_in_at(deployment, service)
    page = end_session(
        journey.browser, client_id=asker.client.client_id, post_logout_redirect_uri=HERE, state="s"
    )
    page = journey.browser.submit(page, page.forms[0].action)
    assert len(told_of(page)) == 1 and page.headers["Refresh"] == f"6;url={HERE}?state=s"
    deployment.clock.forward(seconds=30)
    signed_in_at(deployment, service, journey.browser)
    assert journey.browser.get("/signed-out").url == f"{deployment.issuer}/"


def test_our_own_button_is_the_same_way_out(deployment: Deployment) -> None:
    """And so is the security page, for this browser and for all: each shows which services were open."""
    service = leaving_party(deployment)
    for leave in ("/", "/me/security/sessions", "/me/security/sessions all"):
        journey, _ = signed_in_at(deployment, service)
        path, _, everywhere = leave.partition(" ")
        page = journey.browser.get(path)
        form = "/end-all" if everywhere else "/sign-out" if path == "/" else "/end"
        page = journey.browser.submit(page, form)
        assert page.url.endswith("/signed-out") and told_of(page)[0].startswith("leaving, Nordhavn Kommune:")
        assert not is_signed_in(journey.browser)
        deployment.clock.forward(seconds=30)


def test_the_security_page_shows_who_was_told(deployment: Deployment) -> None:
    journey, tokens = signed_in_at(deployment, leaving_party(deployment))
    end_session(journey.browser, id_token_hint=tokens["id_token"])
    elsewhere, _ = signed_in_at(deployment, leaving_party(deployment, "other"))
    page = elsewhere.browser.get("/me/security/sessions")
    assert "told" in page.ids and "leaving, Nordhavn Kommune" in page.words
    assert "other, Nordhavn Kommune" not in page.words


def told_of(page: Page) -> list[str]:
    """The lines of the page's list, without its tags."""
    _, _, rest = page.html.partition('id="outcomes"')
    lines = re.findall(r"<li[^>]*>(.*?)</li>", rest.partition("</ul>")[0], re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", "", unescape(line)).split()) for line in lines]
