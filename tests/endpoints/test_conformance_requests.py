"""Every parameter of an authorization request, as outsiders will check it (conformance.md, Basic), over HTTP."""

import random
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.support.citizen_browser import CitizenBrowser, Page
from tests.support.deployment import PASSWORD, Deployment
from tests.support.relying_party import AuthorizationAsked, RelyingParty

USER = "freja.holm"


class Basic:
    """A Basic client, and a browser in which its citizen has signed in and settled everything."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.party = RelyingParty(deployment, deployment.clients["Sundhedstider"])
        self.browser = CitizenBrowser(deployment.issuer)
        asked = self.party.ask()
        page = self.sign_in(self.browser.get(asked.url))
        self.first = self.identity(asked, self.browser.submit(page, "/consent", decision="accept"))

    def ask(self, **extra: str) -> tuple[AuthorizationAsked, Page]:
        self.deployment.clock.forward(seconds=1)
        asked = self.party.ask(**extra)
        return asked, self.browser.get(asked.url)

    def sign_in(self, page: Page) -> Page:
        self.deployment.clock.forward(seconds=30)
        return self.browser.sign_in(page, USER, PASSWORD, self.deployment.code_of(USER))

    def identity(self, asked: AuthorizationAsked, page: Page) -> dict[str, Any]:
        """The ID token that the answer leads to, verified."""
        assert page.answer is not None and "code" in page.answer, page.answer or page.words
        tokens = self.party.redeem(page.answer["code"], asked.verifier).json()
        keys = KeySet.import_key_set(requests.get(self.deployment.issuer + "/jwks", timeout=20).json())
        return jwt.decode(tokens["id_token"], keys, algorithms=["RS256"]).claims


@pytest.fixture
def basic(deployment: Deployment) -> Basic:
    return Basic(deployment)


def test_parameters_that_change_nothing_change_nothing(basic: Basic) -> None:
    """display, ui_locales, claims_locales, acr_values that are met or unknown, and what nobody has heard of."""
    for extra in (
        {"display": "page"},
        {"display": "popup"},
        {"display": "touch"},
        {"ui_locales": "se sma en-GB"},
        {"claims_locales": "da en nb-NO"},
        {"acr_values": "1 2"},
        {"login_hint": USER},
        {"extra": "foobar"},
        {"registration": "{}"},
    ):
        asked, page = basic.ask(**extra)
        identity = basic.identity(asked, page)
        assert (identity["sub"], identity["nonce"]) == (basic.first["sub"], asked.nonce), extra
        assert identity["acr"] == "urn:adgang:loa:substantial"


def test_the_order_of_parameters_and_the_method_do_not_matter(basic: Basic) -> None:
    asked = basic.party.ask()
    parameters = list(
        basic.party.parameters(asked.verifier, asked.state, asked.nonce, scope="profile openid").items()
    )
    random.Random(5).shuffle(parameters)
    by_get = basic.browser.get("/authorize?" + urlencode(parameters))
    by_post = basic.browser.post("/authorize", dict(parameters))
    for page in (by_get, by_post):
        assert basic.identity(asked, page)["nonce"] == asked.nonce


def test_nonce_and_state_are_given_back_and_never_invented(basic: Basic) -> None:
    for state, nonce in (("", ""), ("s" * 2_000, "n" * 384)):
        asked = basic.party.ask()
        fields = basic.party.parameters(asked.verifier, state, nonce)
        page = basic.browser.get("/authorize?" + urlencode(fields))
        assert basic.identity(asked, page).get("nonce", "") == nonce
        assert page.answer is not None and page.answer.get("state", "") == state


def test_prompt_decides_whether_anybody_is_asked(basic: Basic) -> None:
    """S-022, S-024."""
    asked, page = basic.ask(prompt="none")
    assert basic.identity(asked, page)["auth_time"] == basic.first["auth_time"]
    asked, page = basic.ask(prompt="login")
    assert "user-id" in page.ids
    assert basic.identity(asked, basic.sign_in(page))["auth_time"] > basic.first["auth_time"]
    asked, page = basic.ask(prompt="select_account")
    assert "user-id" in page.ids
    stranger = CitizenBrowser(basic.deployment.issuer)
    page = stranger.get(basic.party.ask(prompt="none").url)
    assert page.answer is not None and page.answer["error"] == "login_required"


def test_max_age_asks_again_where_the_sign_in_is_older(basic: Basic) -> None:
    """S-024."""
    basic.deployment.clock.forward(seconds=5)
    asked, page = basic.ask(max_age="1")
    later = basic.identity(asked, basic.sign_in(page))
    assert later["auth_time"] > basic.first["auth_time"]
    asked, page = basic.ask(max_age="10000")
    assert basic.identity(asked, page)["auth_time"] == later["auth_time"]
    page = basic.ask(max_age="0", prompt="none")[1]
    assert page.answer is not None and page.answer["error"] == "login_required"


def test_an_id_token_hint_means_its_subject(basic: Basic) -> None:
    """S-026: the one who is signed in, and nobody else."""
    asked, page = basic.ask()
    assert page.answer is not None
    tokens = basic.party.redeem(page.answer["code"], asked.verifier).json()
    basic.deployment.clock.forward(seconds=3_600)
    asked, page = basic.ask()
    assert "user-id" in page.ids, "idle for too long"
    basic.sign_in(page)
    asked, page = basic.ask(prompt="none", id_token_hint=tokens["id_token"])
    assert basic.identity(asked, page)["sub"] == basic.first["sub"]
    basic.deployment.add_citizen("karl.berg", "8802701235", "Karl", "Berg")
    other = CitizenBrowser(basic.deployment.issuer)
    page = other.get(basic.party.ask().url)
    other.sign_in(page, "karl.berg", PASSWORD, basic.deployment.code_of("karl.berg"))
    page = other.get(basic.party.ask(prompt="none", id_token_hint=tokens["id_token"]).url)
    assert page.answer is not None and page.answer["error"] == "login_required"


def test_a_login_hint_is_written_for_the_citizen_and_proves_nothing(deployment: Deployment) -> None:
    page = CitizenBrowser(deployment.issuer).get(
        RelyingParty(deployment, deployment.clients["Sundhedstider"]).ask(login_hint=USER).url
    )
    assert page.form("/password").fields["user_id"] == USER
    page = CitizenBrowser(deployment.issuer).get(
        RelyingParty(deployment, deployment.clients["Sundhedstider"]).ask(login_hint='"><b id="x">').url
    )
    assert "x" not in page.ids


def test_ui_locales_choose_the_language_of_the_pages(deployment: Deployment) -> None:
    service = RelyingParty(deployment, deployment.clients["Sundhedstider"])
    for asked, shown in (("en-GB da", "en"), ("fr nn", "nb"), ("zz", "da")):
        page = CitizenBrowser(deployment.issuer).get(service.ask(ui_locales=asked).url)
        assert f'lang="{shown}"' in page.html, asked


REFUSED: list[tuple[dict[str, str], str]] = [
    ({"response_type": ""}, "invalid_request"),
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"scope": "profile"}, "invalid_scope"),
    ({"prompt": "none login"}, "invalid_request"),
    ({"prompt": "sometimes"}, "invalid_request"),
    ({"max_age": "-1"}, "invalid_request"),
    ({"display": "hologram"}, "invalid_request"),
    ({"response_mode": "fragment"}, "invalid_request"),
    ({"claims": "{"}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"request": "eyJhbGciOiJub25lIn0.e30."}, "invalid_request_object"),
    ({"request_uri": "https://rp.test/request.jwt"}, "request_uri_not_supported"),
]


def test_what_is_refused_is_told_to_the_client_with_its_registered_error(basic: Basic) -> None:
    """S-013, S-025, S-037, S-056, S-064: by GET and by POST; with state and iss, and never with a code."""
    for changes, error in REFUSED:
        fields = basic.party.parameters("v" * 43, "the state", "n") | changes
        for page in (
            basic.browser.get("/authorize?" + urlencode(fields)),
            basic.browser.post("/authorize", fields),
        ):
            assert page.answer is not None, changes
            told = page.answer
            assert (told["error"], told["state"]) == (error, "the state"), changes
            assert told["iss"] == basic.deployment.issuer and "code" not in told


def test_an_address_that_is_not_registered_is_told_to_nobody(basic: Basic) -> None:
    """S-001, S-012."""
    for address in ("https://evil.test/cb", basic.party.client.redirect_uri + "?a=b", ""):
        fields = basic.party.parameters("v" * 43, "s", "n") | {"redirect_uri": address}
        page = basic.browser.get("/authorize?" + urlencode(fields))
        assert page.status == 400 and page.answer is None and "Location" not in page.headers
