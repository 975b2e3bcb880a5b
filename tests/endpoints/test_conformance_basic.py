"""What the modules of the Basic plan try (conformance.md), sent by openid-client, a library that nobody here wrote.

It checks each answer, each ID token and its signature by itself. What only a page of ours shows is in
test_conformance_requests.py, and claims one by one in test_conformance_claims.py.
"""

from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from authlib.integrations.requests_client import OAuth2Session

from tests.support.citizen_browser import CitizenBrowser
from tests.support.deployment import Deployment
from tests.support.openid_client import OpenidClient
from tests.support.openid_service import CLAIMS, EVERYTHING, SERVICE, OpenidService


@pytest.fixture
def basic(live_deployment: Deployment, library: OpenidClient) -> OpenidService:
    return OpenidService(live_deployment, library, alg="RS256", secret="client_secret_basic")


def finished(service: OpenidService, asked: dict[str, Any]) -> dict[str, Any]:
    return dict(service.library("finish", url=service.answer(asked["url"])))


def test_a_basic_client_signs_in_with_each_kind_of_secret(
    live_deployment: Deployment, library: OpenidClient
) -> None:
    """RS256 ID tokens; userinfo by GET; the second client finds the citizen signed in, as the same subject."""
    subjects, browser = set(), CitizenBrowser(live_deployment.issuer)
    for method in ("client_secret_basic", "client_secret_post"):
        service = OpenidService(live_deployment, library, alg="RS256", secret=method, browser=browser)
        signed_in = service.sign_in()
        told = library(
            "userinfo", token=signed_in["tokens"]["access_token"], subject=signed_in["claims"]["sub"]
        )
        subjects.add(told["sub"])
        assert told["name"] == "Freja Holm"
    assert len(subjects) == 1


def test_every_standard_scope_gives_its_claims(basic: OpenidService) -> None:
    for scope in ("openid email", "openid phone", "openid address", EVERYTHING):
        signed_in = basic.sign_in(parameters={"scope": scope})
        told = basic.library("userinfo", token=signed_in["tokens"]["access_token"])
        for word in scope.split()[1:]:
            standing = {"profile": "family_name", "phone": "phone_number"}.get(word, word)
            assert told[standing], scope
        assert set(told) - {"sub"} <= set(CLAIMS)


def test_userinfo_is_read_by_get_and_by_post_with_the_token_in_a_header_or_the_body(
    basic: OpenidService,
) -> None:
    """RFC 6750 §2.1, §2.2, by Authlib, which puts it where it is told to, and is told that this is a form."""
    signed_in = basic.sign_in()
    token = {"access_token": signed_in["tokens"]["access_token"], "token_type": "Bearer"}
    address = f"{basic.deployment.issuer}/userinfo"
    found = []
    for method, place in (("GET", "header"), ("POST", "header"), ("POST", "body")):
        with OAuth2Session(basic.client_id, token=token, token_placement=place) as session:
            headers = {"Content-Type": "application/x-www-form-urlencoded"} if place == "body" else {}
            answer = session.request(method, address, headers=headers, timeout=20)
            sent = answer.request
        assert ("Authorization" in sent.headers, bool(sent.body)) == (place == "header", place == "body")
        found.append(answer.json())
    assert found[0]["sub"] == signed_in["claims"]["sub"] and found == found[:1] * 3


def test_a_request_without_a_response_type_is_told_to_the_client(basic: OpenidService) -> None:
    """The library always writes one, so it is taken out of its address."""
    url = basic.ask()["url"]
    page = basic.browser.get(url.replace("response_type=code&", "").replace("&response_type=code", ""))
    assert page.url != url and basic.library.refused("finish", url=page.url).error == "invalid_request"


def test_the_order_of_parameters_and_the_verb_do_not_matter(basic: OpenidService) -> None:
    for by_post in (False, True):
        asked = basic.ask()
        address, _, query = asked["url"].partition("?")
        backwards = list(reversed(parse_qsl(query)))
        if by_post:
            page = basic.browser.post(address, dict(backwards), headers={"Sec-Fetch-Site": "cross-site"})
            url = basic.answer(page.url) if page.answer is None else page.url
        else:
            url = basic.answer(f"{address}?{urlencode(backwards)}")
        assert basic.library("finish", url=url)["claims"]["nonce"] == asked["nonce"]


def test_what_is_asked_for_comes_back_and_nothing_is_invented(basic: OpenidService) -> None:
    for parameters in (
        {"nonce": None},
        {"display": "page"},
        {"display": "popup"},
        {"ui_locales": "se", "claims_locales": "se", "acr_values": "1 2", "login_hint": "buffy@example.com"},
        {"extra": "foobar"},
        {"claims": '{"userinfo": {"name": {"essential": true}}}'},
    ):
        asked = basic.ask(parameters=parameters)
        identity = finished(basic, asked)["claims"]
        assert identity.get("nonce") == asked.get("nonce"), parameters


def test_prompt_and_max_age_decide_who_is_asked(basic: OpenidService) -> None:
    stranger = basic.browser.get(basic.ask(parameters={"prompt": "none"})["url"])
    assert basic.library.refused("finish", url=stranger.url).error == "login_required"
    first = basic.sign_in()["claims"]
    assert basic.sign_in(parameters={"prompt": "none"})["claims"]["sub"] == first["sub"]
    assert basic.sign_in(parameters={"max_age": "10000"})["claims"]["auth_time"] == first["auth_time"]
    basic.deployment.clock.forward(seconds=30)
    for parameters in ({"prompt": "login"}, {"max_age": "1"}):
        later = basic.sign_in(parameters=parameters)["claims"]
        assert later["auth_time"] > first["auth_time"] and later["sub"] == first["sub"]
        basic.deployment.clock.forward(seconds=30)


def test_a_hint_names_the_one_who_is_signed_in(basic: OpenidService) -> None:
    signed_in = basic.sign_in()
    hint = {"id_token_hint": signed_in["tokens"]["id_token"], "prompt": "none"}
    assert basic.sign_in(parameters=hint)["claims"]["sub"] == signed_in["claims"]["sub"]


def test_a_code_is_taken_once_and_a_second_use_ends_what_the_first_gave(basic: OpenidService) -> None:
    """S-068: at once, and after half a minute."""
    for later in (0, 31):
        url = basic.answer(basic.ask()["url"])
        token = basic.library("finish", url=url)["tokens"]["access_token"]
        assert basic.outcome("userinfo", token=token) == "taken"
        basic.deployment.clock.forward(seconds=later)
        assert basic.outcome("finish", url=url) == "invalid_grant"
        assert basic.outcome("userinfo", token=token) == "invalid_token"


def test_what_is_not_registered_leads_back_to_nobody(basic: OpenidService) -> None:
    """S-001, S-013."""
    for address in (f"{SERVICE}?a=b", "https://other.example/callback"):
        page = basic.browser.get(basic.ask(parameters={"redirect_uri": address})["url"])
        assert page.status == 400 and page.answer is None
    for changed, error in (
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"request_uri": "https://other.example/r"}, "request_uri_not_supported"),
        ({"request": "eyJhbGciOiJub25lIn0.e30."}, "invalid_request_object"),
    ):
        page = basic.browser.get(basic.ask(parameters=changed)["url"])
        assert basic.library.refused("finish", url=page.url).error == error


def test_the_address_inside_a_request_object_is_the_one_that_counts(
    live_deployment: Deployment, library: OpenidClient
) -> None:
    other = f"{SERVICE}/other"
    service = OpenidService(
        live_deployment, library, alg="RS256", secret="client_secret_basic", redirect_uris=[SERVICE, other]
    )
    asked = service.ask(sign="signing", parameters={"redirect_uri": other})
    page_url = service.answer(asked["url"])
    assert page_url.startswith(f"{other}?")


def test_a_basic_client_refreshes(basic: OpenidService) -> None:
    signed_in = basic.sign_in()
    again = basic.library("refresh", token=signed_in["tokens"]["refresh_token"])
    assert again["claims"]["sub"] == signed_in["claims"]["sub"]
    told = basic.library("userinfo", token=again["tokens"]["access_token"])
    assert told["sub"] == signed_in["claims"]["sub"]
