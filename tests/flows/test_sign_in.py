"""Whole sign-ins, as a citizen and two services see them, without JavaScript and over real HTTP."""

import logging
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.support.citizen_browser import CitizenBrowser, Page
from tests.support.deployment import PASSWORD, Deployment
from tests.support.relying_party import AuthorizationAsked, RelyingParty

USER = "freja.holm"


def browser_of(deployment: Deployment) -> CitizenBrowser:
    return CitizenBrowser(deployment.issuer)


def party(deployment: Deployment, name: str, scope: str = "openid profile") -> RelyingParty:
    return RelyingParty(deployment, deployment.clients[name], scope)


def signed_in(
    deployment: Deployment, browser: CitizenBrowser, service: RelyingParty
) -> tuple[AuthorizationAsked, Page]:
    """From the service to the page after the second factor."""
    asked = service.ask()
    page = browser.get(asked.url)
    return asked, browser.sign_in(page, USER, PASSWORD, deployment.code_of(USER))


def id_claims(deployment: Deployment, token: str) -> dict[str, object]:
    """The claims of an ID token that verifies against the published keys."""
    keys = KeySet.import_key_set(requests.get(deployment.issuer + "/jwks", timeout=10).json())
    return jwt.decode(token, keys, algorithms=["ES256", "RS256"]).claims


def test_a_citizen_signs_in_to_one_service_and_opens_the_second_without_typing(
    deployment_each: Deployment,
) -> None:
    deployment = deployment_each
    browser, first, second = (
        browser_of(deployment),
        party(deployment, "Byggesager"),
        party(deployment, "Boligstøtte", "openid profile cpr"),
    )
    asked = first.ask()
    page = browser.get(asked.url)
    assert "Nordhavn Kommune" in page.words and "Byggesager" in page.words and "se din byggesag" in page.words
    page = browser.submit(page, "/password", user_id=USER, password=PASSWORD)
    assert "code" in page.ids
    page = browser.submit(page, "/totp", code=deployment.code_of(USER))
    assert "released" in page.ids, "a purpose grounded in law is told"
    page = browser.submit(page, "/consent", decision="accept")
    assert page.answer is not None and page.answer["state"] == asked.state
    assert page.answer["iss"] == deployment.issuer

    tokens = first.redeem(page.answer["code"], asked.verifier)
    assert tokens.status_code == 200, tokens.text
    claims = id_claims(deployment, tokens.json()["id_token"])
    assert claims["aud"] == first.client.client_id and claims["nonce"] == asked.nonce
    assert claims["acr"] == "urn:adgang:loa:substantial" and set(claims["amr"]) == {"pwd", "otp", "mfa"}
    assert {"sid", "auth_time", "at_hash", "jti"} <= claims.keys()
    told = first.userinfo(tokens.json()["access_token"]).json()
    assert told["sub"] == claims["sub"] and told["name"] == "Freja Holm" and "cpr" not in told

    again = second.ask()
    page = browser.get(again.url)
    assert "user-id" not in page.ids and "released" in page.ids, "no typing: only the question"
    page = browser.submit(page, "/consent", decision="accept")
    assert page.answer is not None
    more = second.redeem(page.answer["code"], again.verifier).json()
    released = second.userinfo(more["access_token"]).json()
    assert released["cpr"] == "8802701234" and released["sub"] != told["sub"], "pairwise subjects"

    asked = first.ask()
    page = browser.get(asked.url)
    assert page.answer is not None and "code" in page.answer, "told once, then straight through"


def test_the_ledger_tells_the_whole_story(deployment: Deployment) -> None:
    browser, service = browser_of(deployment), party(deployment, "Byggesager")
    asked, page = signed_in(deployment, browser, service)
    page = browser.submit(page, "/consent", decision="accept")
    assert page.answer is not None
    service.redeem(page.answer["code"], asked.verifier)
    citizen = deployment.citizens[USER].citizen
    entries = list(deployment.wiring.ledger.of_citizen(citizen.citizen_id))
    events = [entry.event for entry in entries]
    for event in ("citizen-added", "signed-in", "informed", "authorized", "token-issued"):
        assert event in events
    assert [entry.citizen_number for entry in entries] == list(range(1, len(entries) + 1))
    told = next(entry for entry in entries if entry.event == "token-issued")
    assert told.facts["client_id"] == service.client.client_id and "name" in told.facts["claims"]


def test_cancelling_tells_the_service_at_every_step(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    """Its developer gets a page that explains, and a reference number that operators find in the log."""
    service = party(deployment, "Byggesager")
    for steps in (0, 1, 2):
        browser, asked = browser_of(deployment), service.ask()
        page = browser.get(asked.url)
        if steps > 0:
            page = browser.submit(page, "/password", user_id=USER, password=PASSWORD)
        if steps > 1:
            page = browser.submit(page, "/totp", code=deployment.code_of(USER))
        caplog.clear()
        with caplog.at_level(logging.INFO):
            page = browser.submit(page, "/cancel")
        answer = page.answer or {}
        assert set(answer) == {"error", "error_description", "error_uri", "state", "iss"}
        assert (answer["error"], answer["state"]) == ("access_denied", asked.state)
        assert answer["iss"] == deployment.issuer
        (told,) = [line for line in caplog.records if line.getMessage().startswith("authorization refused")]
        reference = vars(told)["reference"]
        assert answer["error_uri"] == f"{deployment.issuer}/help/errors?reference={reference}#access_denied"
        explained = browser.get(answer["error_uri"])
        assert explained.status == 200 and "access_denied" in explained.ids
        deployment.clock.forward(seconds=30)


def test_declining_to_share_tells_the_service_and_leaves_the_citizen_signed_in(
    deployment: Deployment,
) -> None:
    browser, service = browser_of(deployment), party(deployment, "Boligstøtte", "openid cpr")
    _asked, page = signed_in(deployment, browser, service)
    page = browser.submit(page, "/consent", decision="decline")
    assert page.answer is not None and page.answer["error"] == "access_denied"
    page = browser.get(service.ask().url)
    assert "released" in page.ids and "user-id" not in page.ids


def test_prompt_none_is_silent(deployment: Deployment) -> None:
    """S-022."""
    browser, service = browser_of(deployment), party(deployment, "Byggesager")
    page = browser.get(service.ask(prompt="none").url)
    assert page.answer is not None and page.answer["error"] == "login_required"
    _, page = signed_in(deployment, browser, service)
    page = browser.get(service.ask(prompt="none").url)
    assert page.answer is not None and page.answer["error"] == "interaction_required"


def test_prompt_login_and_max_age_ask_again(deployment: Deployment) -> None:
    """S-024: and auth_time moves."""
    browser, service = browser_of(deployment), party(deployment, "Byggesager")
    asked, page = signed_in(deployment, browser, service)
    page = browser.submit(page, "/consent", decision="accept")
    assert page.answer is not None
    first = id_claims(deployment, service.redeem(page.answer["code"], asked.verifier).json()["id_token"])
    deployment.clock.forward(seconds=60)
    for extra in ({"prompt": "login"}, {"max_age": "1"}):
        deployment.clock.forward(seconds=60)
        asked = service.ask(**extra)
        page = browser.get(asked.url)
        assert "user-id" in page.ids
        page = browser.sign_in(page, USER, PASSWORD, deployment.code_of(USER))
        assert page.answer is not None
        later = id_claims(deployment, service.redeem(page.answer["code"], asked.verifier).json()["id_token"])
        assert later["auth_time"] > first["auth_time"]  # type: ignore[operator]
        assert later["sid"] == first["sid"], "the same session goes on"
    asked = service.ask(max_age="10000")
    assert browser.get(asked.url).answer is not None


def test_a_request_by_post_from_another_site_finds_the_session(deployment: Deployment) -> None:
    """OIDC Core §3.1.2.1: browsers withhold our cookies from such a POST, and send them with the GET that follows."""
    browser, service = browser_of(deployment), party(deployment, "Sundhedstider")
    _, page = signed_in(deployment, browser, service)
    browser.submit(page, "/consent", decision="accept")
    before = dict(browser.session.cookies)
    parameters = service.parameters("v" * 43, "state", "nonce", prompt="none")
    posted = requests.post(
        deployment.issuer + "/authorize", data=parameters, allow_redirects=False, timeout=20
    )
    assert posted.status_code == 303 and "Set-Cookie" not in posted.headers
    page = browser.get(posted.headers["Location"])
    assert page.answer is not None and "code" in page.answer and page.answer["state"] == "state"
    assert dict(browser.session.cookies) == before


def test_a_pushed_request_is_decided_once_by_post_too(deployment: Deployment) -> None:
    """S-051."""
    browser, service = browser_of(deployment), party(deployment, "Byggesager")
    _, page = signed_in(deployment, browser, service)
    browser.submit(page, "/consent", decision="accept")
    asked = service.ask()
    form = dict(parse_qsl(urlsplit(asked.url).query))
    first = browser.post("/authorize", form)
    assert first.answer is not None and "code" in first.answer
    again = browser.post("/authorize", form)
    assert again.answer is None and again.status == 409


def test_signing_out_ends_the_session_and_its_tokens(deployment: Deployment) -> None:
    """S-207: the cookie, the code that was not redeemed and the access token are dead at once."""
    browser, service = browser_of(deployment), party(deployment, "Byggesager")
    asked, page = signed_in(deployment, browser, service)
    page = browser.submit(page, "/consent", decision="accept")
    assert page.answer is not None
    access_token = service.redeem(page.answer["code"], asked.verifier).json()["access_token"]
    pending = service.ask()
    page = browser.get(pending.url)
    assert page.answer is not None
    waiting_code = page.answer["code"]

    front = browser.get("/")
    assert "sign-out" in front.ids and "Freja Holm" in front.words
    out = browser.submit(front, "/sign-out")
    assert "signed-out" in out.ids
    assert service.userinfo(access_token).status_code == 401
    assert service.redeem(waiting_code, pending.verifier).json()["error"] == "invalid_grant"
    assert "user-id" in browser.get(service.ask().url).ids


def test_a_reload_of_the_last_step_leads_back_to_the_service(deployment: Deployment) -> None:
    browser, service = browser_of(deployment), party(deployment, "Byggesager")
    _asked, page = signed_in(deployment, browser, service)
    attempt = page.url
    browser.submit(page, "/consent", decision="accept")
    again = browser.get(attempt)
    assert again.status == 409 and "notice" in again.ids and "Byggesager" in again.words


def test_an_attempt_that_took_too_long_leads_back_to_the_service(deployment: Deployment) -> None:
    browser, service = browser_of(deployment), party(deployment, "Byggesager")
    page = browser.get(service.ask().url)
    deployment.clock.forward(seconds=601)
    late = browser.submit(page, "/password", user_id=USER, password=PASSWORD)
    assert late.status == 410 and "notice" in late.ids and "Byggesager" in late.words


def test_two_tabs_do_not_disturb_each_other(deployment: Deployment) -> None:
    """S-300: the second tab goes on as the citizen who signed in in the first."""
    browser, service = browser_of(deployment), party(deployment, "Byggesager")
    one, two = service.ask(), service.ask()
    first, second = browser.get(one.url), browser.get(two.url)
    page = browser.sign_in(first, USER, PASSWORD, deployment.code_of(USER))
    page = browser.submit(page, "/consent", decision="accept")
    assert page.answer is not None and page.answer["state"] == one.state
    page = browser.get(second.url)
    assert page.answer is not None and page.answer["state"] == two.state


def test_pages_speak_the_language_that_the_service_asks_for(deployment: Deployment) -> None:
    service = party(deployment, "Byggesager")
    for language, words in (("da", "Log ind"), ("en", "Sign in"), ("nb", "Logg inn")):
        page = browser_of(deployment).get(service.ask(ui_locales=language).url)
        assert f'lang="{language}"' in page.html and words in page.html


def test_form_post_brings_the_answer_by_a_form(deployment: Deployment) -> None:
    browser, service = browser_of(deployment), party(deployment, "Sundhedstider")
    asked = service.ask(response_mode="form_post")
    page = browser.get(asked.url)
    page = browser.sign_in(page, USER, PASSWORD, deployment.code_of(USER))
    page = browser.submit(page, "/consent", decision="accept")
    assert page.answer is not None and page.answer["state"] == asked.state
    assert service.redeem(page.answer["code"], asked.verifier).status_code == 200
