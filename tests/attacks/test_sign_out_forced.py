"""What others try at the end session endpoint: to sign a citizen out, to lead them astray, to keep them signed in."""

from urllib.parse import quote

import pytest
import requests

from idp.login.sign_out import sign_out_token
from tests.support.citizen_browser import CitizenBrowser
from tests.support.deployment import Deployment
from tests.support.journey import USER, begin, cookie
from tests.support.relying_party import claims_of
from tests.support.signing_out import AFTERWARDS, end_session, is_signed_in, leaving_party, signed_in_at

HERE = AFTERWARDS.format(name="leaving")


def test_no_link_and_no_picture_ends_a_session(deployment: Deployment) -> None:
    """S-201: without the hint of this very session it takes the press of a button, with this session's token."""
    service, other = leaving_party(deployment), leaving_party(deployment, "other")
    journey, tokens = signed_in_at(deployment, service)
    stranger, strange = signed_in_at(deployment, other)
    browser, client_id = journey.browser, service.client.client_id
    for parameters in (
        {},
        {"client_id": client_id},
        {"client_id": client_id, "post_logout_redirect_uri": HERE, "state": "s"},
        {"logout_hint": USER},
        {"state": "s"},
        {"id_token_hint": strange["id_token"]},  # of the same citizen, in another browser
    ):
        for method in ("GET", "POST"):
            page = end_session(browser, method, **parameters)
            assert "ask-sign-out" in page.ids and is_signed_in(browser), parameters
    (form,) = page.forms
    for token in ("", sign_out_token(cookie(browser, "session") or ""), form.fields["csrf_token"][:-1]):
        assert browser.post(form.action, {"csrf_token": token}).status == 403
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert browser.post(form.action, form.fields, headers=foreign).status == 403
    for path in ("/end-session?id_token_hint=" + tokens["id_token"], form.action):
        head = browser.session.head(deployment.issuer + path, allow_redirects=False, timeout=20)
        assert head.status_code == 405
    assert is_signed_in(browser) and is_signed_in(stranger.browser)


def test_nothing_leads_to_an_address_that_was_not_registered(deployment: Deployment) -> None:
    """S-202: another one, a query added, another client's, without anybody who could have registered it."""
    service, other = leaving_party(deployment), leaving_party(deployment, "other")
    journey, tokens = signed_in_at(deployment, service)
    hint = {"id_token_hint": tokens["id_token"]}
    for uri in (
        "https://evil.test/",
        f"{HERE}?foo=bar",
        f"{HERE}/",
        HERE.upper(),
        f"{HERE}#x",
        AFTERWARDS.format(name="other"),
        service.client.redirect_uri,
    ):
        page = end_session(journey.browser, **hint, post_logout_redirect_uri=uri)
        assert (page.status, page.answer) == (400, None) and "reference" in page.ids
        assert "post_logout_redirect_uri is not registered" in page.words and uri not in page.html
        page = end_session(journey.browser, client_id=other.client.client_id, post_logout_redirect_uri=HERE)
        assert (page.status, page.answer) == (400, None)
    assert is_signed_in(journey.browser), "an error ends nothing"
    page = end_session(journey.browser, post_logout_redirect_uri=HERE, state="s")
    page = journey.browser.submit(page, page.forms[0].action)
    assert page.url == f"{deployment.issuer}/signed-out" and "return" not in page.ids
    assert "Refresh" not in page.headers


def test_a_hint_that_is_none_ends_nothing(deployment: Deployment) -> None:
    """S-204: altered, signed by somebody else, another kind of token, another client's."""
    service, other = leaving_party(deployment), leaving_party(deployment, "other")
    journey, tokens = signed_in_at(deployment, service)
    header, payload, signature = tokens["id_token"].split(".")
    for hint in (
        "not-a-token",
        f"{header}.{payload}.{signature[:-4]}AAAA",
        f"{header}.{payload}.",
        service.assertion(),
        tokens["access_token"],
    ):
        page = end_session(journey.browser, id_token_hint=hint, post_logout_redirect_uri=HERE)
        assert (page.status, page.answer) == (400, None) and hint not in page.words
    page = end_session(journey.browser, id_token_hint=tokens["id_token"], client_id=other.client.client_id)
    assert page.status == 400 and "another client" in page.words
    assert end_session(journey.browser, client_id="unknown").status == 400
    assert is_signed_in(journey.browser)


@pytest.mark.parametrize("name", ["state", "ui_locales", "logout_hint"])
def test_what_a_service_writes_stays_text(deployment: Deployment, name: str) -> None:
    """S-205: no header is split and no markup is shown."""
    service = leaving_party(deployment)
    journey, tokens = signed_in_at(deployment, service)
    for value in ("a\r\nSet-Cookie: x=y", "<script>alert(1)</script>", '"><b>', "x" * 5000):
        query = f"client_id={service.client.client_id}&post_logout_redirect_uri={quote(HERE)}"
        page = journey.browser.get(f"/end-session?{query}&{name}={quote(value)}")
        assert page.status in (200, 400) and value not in page.html
        assert "x" not in journey.browser.session.cookies
    page = end_session(
        journey.browser,
        id_token_hint=tokens["id_token"],
        post_logout_redirect_uri=HERE,
        **({name: "<b>&c=d"} if name != "ui_locales" else {name: "xx en <b>"}),
    )
    assert page.answer == ({"state": "<b>&c=d"} if name == "state" else {})
    assert page.url.startswith(HERE) and "<" not in page.url


@pytest.mark.parametrize("target", ["//evil.test", "/\\evil.test", "/%09/evil.test", "https:evil.test"])
def test_no_parameter_of_a_page_of_ours_leads_elsewhere(deployment: Deployment, target: str) -> None:
    """S-206: there is no `next`; what a page is given to come back to is a path of ours or nothing."""
    browser = CitizenBrowser(deployment.issuer)
    for path in ("/signed-out", "/end-session", "/me/security/sessions"):
        for name in ("next", "return", "url", "redirect_uri", "back"):
            answer = browser.session.get(
                f"{deployment.issuer}{path}?{name}={quote(target, safe='')}",
                allow_redirects=False,
                timeout=20,
            )
            assert answer.headers.get("Location", "/").startswith("/")
            assert not answer.headers.get("Location", "/").startswith(("//", "/\\"))
            assert "evil.test" not in answer.headers.get("Refresh", "")


def test_the_next_citizen_at_the_same_browser_gets_nothing_of_the_first(deployment: Deployment) -> None:
    """S-208: with the first one's cookies of after the sign-out, and with those of before it."""
    deployment.add_citizen("karl.berg", "8802701235", "Karl", "Berg")
    service = leaving_party(deployment)
    journey, first = signed_in_at(deployment, service)
    before = requests.cookies.RequestsCookieJar()
    before.update(journey.browser.session.cookies)
    end_session(journey.browser, id_token_hint=first["id_token"])
    for cookies in (None, before):
        if cookies is not None:
            journey.browser.session.cookies = cookies
        deployment.clock.forward(seconds=30)
        again = begin(deployment, journey.browser, service)
        page = again.sign_in("karl.berg")
        if cookies is not None and page.status == 403:
            # The browser never heard that it was signed out: it is told, and begins again.
            deployment.clock.forward(seconds=30)
            again = begin(deployment, journey.browser, service)
            page = again.sign_in("karl.berg")
        page = page if page.answer is not None else again.answer()
        assert page.answer is not None, page.words
        second = service.redeem(page.answer["code"], again.asked.verifier).json()
        for claim in ("sub", "sid"):
            assert claims_of(second["id_token"])[claim] != claims_of(first["id_token"])[claim]
        assert service.userinfo(first["access_token"]).status_code == 401
