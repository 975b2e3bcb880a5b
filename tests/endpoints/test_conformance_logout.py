"""RP-initiated logout (conformance.md, Logout): asked for by openid-client, a certified library.

It writes the address, with its `client_id`; what it would never make, such as a hint that it signed itself, is made with
jose. A browser without scripts goes there.
"""

from typing import Any

import pytest
import requests

from tests.support.citizen_browser import CitizenBrowser, Page
from tests.support.deployment import PASSWORD, Deployment
from tests.support.openid_client import OpenidClient
from tests.support.openid_service import USER, OpenidService

AFTER = "https://service.example/signed-out"


class Leaving:
    """A Basic client, and a citizen who is signed in there."""

    def __init__(self, deployment: Deployment, library: OpenidClient) -> None:
        self.deployment, self.library = deployment, library
        self.service = OpenidService(
            deployment,
            library,
            alg="RS256",
            secret="client_secret_basic",
            post_logout_redirect_uris=[AFTER],
        )
        self.signed_in = self.service.sign_in()
        self.hint: str = self.signed_in["tokens"]["id_token"]

    @property
    def browser(self) -> CitizenBrowser:
        return self.service.browser

    def leave(self, **parameters: str) -> Page:
        """Where the library sends the browser, and what it shows."""
        return self.browser.get(self.library("end_session", parameters=parameters)["url"])

    def say_yes(self, page: Page) -> Page:
        assert "ask-sign-out" in page.ids, page.words
        return self.browser.submit(page, page.forms[0].action)

    def is_over(self) -> bool:
        """As the library sees it: `prompt=none` is answered with login_required."""
        page = self.browser.get(self.service.ask(parameters={"prompt": "none"})["url"])
        if page.answer is not None and "code" in page.answer:
            self.library("finish", url=page.url)
            return False
        assert self.library.refused("finish", url=page.url).error == "login_required"
        return True


@pytest.fixture
def leaving(live_deployment: Deployment, library: OpenidClient) -> Leaving:
    return Leaving(live_deployment, library)


def test_with_its_hint_the_citizen_is_signed_out_and_comes_back_with_the_state(leaving: Leaving) -> None:
    page = leaving.leave(id_token_hint=leaving.hint, post_logout_redirect_uri=AFTER, state="a b&c")
    assert page.url.startswith(f"{AFTER}?") and page.answer == {"state": "a b&c"}
    assert leaving.is_over()


def test_by_post_it_is_the_same(leaving: Leaving) -> None:
    """§2: both methods."""
    fields = {"id_token_hint": leaving.hint, "post_logout_redirect_uri": AFTER, "state": "s"}
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://service.example"}
    page = leaving.browser.post("/end-session", fields, headers=headers)
    assert page.answer == {"state": "s"} and leaving.is_over()


@pytest.mark.parametrize(
    "uri", ["https://elsewhere.example/", f"{AFTER}?foo=bar", f"{AFTER}/", AFTER.upper()]
)
def test_nobody_is_led_to_an_address_that_was_not_registered(leaving: Leaving, uri: str) -> None:
    """S-202: another one, a query added; a page tells, and nothing has ended."""
    page = leaving.leave(id_token_hint=leaving.hint, post_logout_redirect_uri=uri, state="s")
    assert (page.status, page.answer) == (400, None) and "reference" in page.ids
    assert not leaving.is_over()


def test_without_a_hint_the_citizen_is_asked_and_then_comes_back(leaving: Leaving) -> None:
    page = leaving.leave(post_logout_redirect_uri=AFTER, state="s")
    assert not leaving.is_over(), "nothing has happened yet"
    page = leaving.say_yes(page)
    assert page.url.startswith(AFTER) and page.answer == {"state": "s"}
    assert leaving.is_over()


def test_a_hint_that_was_modified_or_signed_by_another_ends_nothing(leaving: Leaving) -> None:
    """S-204."""
    header, claims, signature = leaving.hint.split(".")
    flipped = ("B" if signature[0] == "A" else "A") + signature[1:]
    says = leaving.signed_in["claims"]
    ours = leaving.library("verify", token=leaving.hint)["header"]["kid"]
    forged = [leaving.library("jwt", key="signing", header=made, claims=says) for made in ({}, {"kid": ours})]
    for hint in (f"{header}.{claims}.{flipped}", f"{header}.{claims}.", "not-a-token", *forged):
        page = leaving.leave(id_token_hint=hint, post_logout_redirect_uri=AFTER, state="s")
        assert (page.status, page.answer) == (400, None) and hint not in page.html
        assert not leaving.is_over()


def test_with_only_a_state_the_citizen_is_asked_and_stays_with_us(leaving: Leaving) -> None:
    page = leaving.say_yes(leaving.leave(state="s"))
    assert "signed-out" in page.ids and page.answer is None
    assert leaving.is_over()


def test_without_any_parameter_the_citizen_is_asked_and_stays_with_us(leaving: Leaving) -> None:
    """The library always says who asks, so this is the address as discovery has it."""
    found = requests.get(f"{leaving.deployment.issuer}/.well-known/openid-configuration", timeout=20).json()
    page = leaving.say_yes(leaving.browser.get(found["end_session_endpoint"]))
    assert "signed-out" in page.ids and page.answer is None
    assert leaving.is_over()


def test_a_new_sign_in_afterwards_asks_for_everything_again(leaving: Leaving) -> None:
    leaving.leave(id_token_hint=leaving.hint)
    leaving.deployment.clock.forward(seconds=30)
    asked = leaving.service.ask()
    page = leaving.browser.get(asked["url"])
    assert "user-id" in page.ids
    page = leaving.browser.sign_in(page, USER, PASSWORD, leaving.deployment.code_of(USER))
    again: dict[str, Any] = leaving.library("finish", url=page.url)["claims"]
    assert again["sub"] == leaving.signed_in["claims"]["sub"]
    assert again["sid"] != leaving.signed_in["claims"]["sid"]
