"""A shared cache between citizens and the provider, which keeps all that it may (CVE-2023-30861)."""

import html
import re

import pytest

from tests.support.deployment import Deployment
from tests.support.journey import USER, Journey, add_key, begin
from tests.support.shared_cache import SharedCache

OTHER, CPR = "malthe.krag", "8802701235"


PUBLIC = {"/favicon.ico"}
"""Beside the published keys and discovery; stylesheets have a version in their address and are not asked for here."""


def linked(journey: Journey, addresses: list[str]) -> set[str]:
    """Where the citizen's own pages lead: addresses with a factor, a session or a service of theirs in them."""
    pages = [journey.browser.get(address).html for address in addresses if address.startswith("/me/")]
    return {html.unescape(found) for page in pages for found in re.findall(r'href="(/me/[^"#]*)"', page)}


def everywhere(deployment: Deployment, journeys: tuple[Journey, ...]) -> list[str]:
    """Every address that answers a GET, with what stands in it filled in, and some that there are not."""
    rules = [
        rule.rule
        for rule in deployment.provider.pages.url_map.iter_rules()
        if "GET" in (rule.methods or set()) and rule.endpoint != "static"
    ]
    filled = [re.sub(r"<[^>]+>", "nothing", rule) for rule in rules]
    attempts = [journey.address for journey in journeys]
    theirs = set().union(*(linked(journey, filled) for journey in journeys)) - set(filled)
    assert len(theirs) > 5, theirs
    return [
        *filled,
        *sorted(theirs),
        *deployment.provider.machine.paths,
        *(f"{attempt}{ending}" for attempt in attempts for ending in ("", "/options")),
        *(journey.asked.url.removeprefix(deployment.issuer) for journey in journeys),
        "/nothing/here", "/me/security/nothing", "/favicon.ico",
    ]  # fmt: skip


@pytest.mark.parametrize("careless", [False, True], ids=["by the book", "careless"])
def test_nobody_gets_anothers_page_or_cookie_from_a_cache(deployment: Deployment, careless: bool) -> None:
    """S-223: two citizens and a stranger ask for every address one after another. What the cache answers
    is what anybody may read, and sets no cookie."""
    deployment.add_citizen(OTHER, CPR, "Malthe", "Krag")
    words: dict[str, tuple[str, ...]] = {}
    journeys = []
    for user_id, name in ((USER, "Freja"), (OTHER, "Malthe")):
        key = add_key(deployment, user_id)
        journey = begin(deployment)
        journey.passkey(key)
        words[user_id] = (user_id, name)
        journeys.append(journey)
    first, second = (journey.browser.session for journey in journeys)
    under_way = begin(deployment)
    stranger = under_way.browser.session
    addresses = everywhere(deployment, (*journeys, under_way))
    assert len(addresses) > 50
    kept, own, cache = set(), 0, SharedCache(careless)
    for address in addresses:
        for asking in (stranger, second, first) if careless else (first, second, stranger):
            served = cache.get(deployment.issuer + address, asking)
            found = served.response
            text = found.text + str(found.headers)
            theirs = {first: words[OTHER], second: words[USER], stranger: sum(words.values(), ())}[asking]
            assert not any(word in text for word in theirs), address
            own += any(word in text for word in sum(words.values(), ()))
            if served.from_cache:
                assert "Set-Cookie" not in found.headers, address
                kept.add(address)
    assert own > 10, "pages with the names of whoever asked were among them"
    assert {"/jwks", "/.well-known/openid-configuration"} <= kept
    assert {address for address in kept if address not in deployment.provider.machine.paths} <= PUBLIC, kept
