"""Many requests that differ in everything, and requests that must stay silent: nothing grows, and nothing is shown."""

import gc
import itertools
import tracemalloc
from collections.abc import Callable, Iterable

import pytest
import redis
import requests

from tests.support.citizen_browser import CitizenBrowser
from tests.support.deployment import Deployment
from tests.support.journey import USER, begin, party

# --- S-019 -------------------------------------------------------------------------------------------------------

VARIED: dict[str, Callable[[int], str]] = {
    "ui_locales": lambda n: f"x{n}-Y{n} da-{n}",
    "claims_locales": lambda n: f"q{n}",
    "acr_values": lambda n: f"urn:level:{n}",
    "login_hint": lambda n: f"citizen.{n}",
    "purpose": lambda n: f"purpose{n}",
    "client_id": lambda n: f"client{n}",
    "redirect_uri": lambda n: f"https://rp{n}.test/cb",
    "scope": lambda n: f"openid word{n}",
}
BAD = {"purpose", "client_id", "redirect_uri"}


def keys(deployment: Deployment) -> int:
    with redis.Redis.from_url(deployment.settings.redis_url) as client:
        return int(client.dbsize())


@pytest.mark.parametrize("parameter", VARIED)
def test_values_that_never_come_twice_leave_nothing_behind(deployment: Deployment, parameter: str) -> None:
    """S-019: 350 of each; no key for what is refused, one attempt for what is served, and flat memory."""
    service = party(deployment, "Sundhedstider")

    def ask(n: int) -> None:
        fields = service.parameters("v" * 43, f"s{n}", f"n{n}") | {parameter: VARIED[parameter](n)}
        url = deployment.issuer + "/authorize"
        answer = requests.get(
            url, params=fields, headers={"Accept-Language": f"a{n},da"}, allow_redirects=False, timeout=20
        )
        assert answer.status_code in (303, 400)

    for n in range(100):
        ask(n)
    before = keys(deployment)
    tracemalloc.start()
    sizes = [_held_after(ask, range(begin, begin + 50)) for begin in range(100, 350, 50)]
    tracemalloc.stop()
    assert keys(deployment) - before == (0 if parameter in BAD else 250)
    growth = [after - earlier for earlier, after in itertools.pairwise(sizes)]
    assert min(growth) < 20_000, f"bytes in each fifty requests: {growth}"  # a leak grows in every fifty


def _held_after(ask: Callable[[int], None], numbers: Iterable[int]) -> int:
    """Bytes that Python holds for good: what only waits to be collected is not growth."""
    for n in numbers:
        ask(n)
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


# --- S-022 -------------------------------------------------------------------------------------------------------


def nobody(deployment: Deployment) -> CitizenBrowser:
    return CitizenBrowser(deployment.issuer)


def consented(deployment: Deployment) -> CitizenBrowser:
    journey = begin(deployment)
    journey.sign_in()
    journey.answer()
    deployment.clock.forward(seconds=30)
    return journey.browser


def untold(deployment: Deployment) -> CitizenBrowser:
    journey = begin(deployment, service=party(deployment, "Sundhedstider"))
    journey.sign_in()
    deployment.clock.forward(seconds=30)
    return journey.browser


def blocked(deployment: Deployment) -> CitizenBrowser:
    browser = consented(deployment)
    citizen = deployment.citizens[USER].citizen
    deployment.wiring.citizens.block(citizen, actor="operator:test", reason="a test")
    return browser


def idle_too_long(deployment: Deployment) -> CitizenBrowser:
    browser = consented(deployment)
    deployment.clock.forward(seconds=deployment.settings.session_idle_seconds)
    return browser


SILENT: list[tuple[Callable[[Deployment], CitizenBrowser], dict[str, str], set[str]]] = [
    (nobody, {}, {"login_required"}),
    (consented, {}, {"code"}),
    (consented, {"max_age": "0"}, {"login_required"}),
    (consented, {"max_age": "29"}, {"login_required"}),
    (
        consented,
        {"acr_values": "phr", "claims": '{"id_token":{"acr":{"essential":true,"values":["phr"]}}}'},
        {"login_required", "interaction_required", "unmet_authentication_requirements"},
    ),
    (untold, {}, {"interaction_required", "consent_required"}),
    (blocked, {}, {"login_required"}),
    (idle_too_long, {}, {"login_required"}),
]


@pytest.mark.parametrize(
    ("state", "asked", "told"), SILENT, ids=[f"{s.__name__}-{'-'.join(a) or 'plain'}" for s, a, _ in SILENT]
)
def test_prompt_none_shows_nothing_whatever_is_missing(
    deployment: Deployment,
    state: Callable[[Deployment], CitizenBrowser],
    asked: dict[str, str],
    told: set[str],
) -> None:
    """S-022: the service is told what would be needed; no page, and a code only where nothing is missing."""
    browser, service = state(deployment), party(deployment)
    service.extra = {"prompt": "none", **asked}
    answer = begin(deployment, browser, service).page.answer
    assert answer is not None, "a page was shown"
    assert ("code" if "code" in answer else answer["error"]) in told


# --- S-111 -------------------------------------------------------------------------------------------------------


def test_failed_authentications_are_counted_by_address_whichever_client_is_tried(
    deployment: Deployment,
) -> None:
    """S-111: a new name each time from one address; then honest clients of that address still get in."""
    limit = deployment.wiring.policy.client_failures_per_window
    fields = {"grant_type": "authorization_code", "code": "A" * 43}
    names = itertools.chain(["Sundhedstider"], (f"invented-{n}" for n in range(limit + 2)))
    answers = [
        requests.post(deployment.issuer + "/token", data=fields, auth=(name, "x"), timeout=20).status_code
        for name in names
    ]
    assert answers == [401] * limit + [429] * 3
    service = party(deployment, "Sundhedstider")
    assert service.redeem("A" * 43, "v" * 43).json()["error"] == "invalid_grant"
