"""Step-up challenges of userinfo (RFC 9470), and the rule that every resource server can use."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from idp.errors import InsufficientUserAuthentication
from idp.protocol.step_up_challenge import WantedSignIn, check_sign_in
from tests.support.clock import FrozenClock
from tests.support.deployment import running_deployment
from tests.support.journey import add_key, begin, party
from tests.support.refreshing import tokens_of
from tests.support.relying_party import RelyingParty

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("wanted", "acr", "age", "enough"),
    [
        (WantedSignIn(), None, None, True),
        (WantedSignIn(("phr",)), "phr", MINUTE, True),
        (WantedSignIn(("phrh", "phr")), "phr", MINUTE, True),
        (WantedSignIn(("phr",)), "urn:adgang:loa:substantial", MINUTE, False),
        (WantedSignIn(("phr",)), None, MINUTE, False),
        (WantedSignIn(max_age=MINUTE), None, MINUTE, True),
        (WantedSignIn(max_age=MINUTE), None, MINUTE + timedelta(seconds=1), False),
        (WantedSignIn(max_age=MINUTE), None, None, False),
    ],
)
def test_a_sign_in_is_enough_or_not(
    wanted: WantedSignIn, acr: str | None, age: timedelta | None, enough: bool
) -> None:
    at = None if age is None else NOW - age
    try:
        check_sign_in(wanted, acr=acr, authenticated_at=at, now=NOW)
    except InsufficientUserAuthentication as refusal:
        assert not enough
        assert refusal.parameters == wanted.parameters
    else:
        assert enough


def challenged(answer: requests.Response) -> dict[str, str]:
    """The parameters of the challenge, as a client reads them."""
    assert (answer.status_code, answer.json()["error"]) == (401, "insufficient_user_authentication")
    first = answer.headers["WWW-Authenticate"].partition(", Bearer ")[0]
    told = dict(re.findall(r'(\w+)="([^"]*)"', first))
    assert told.pop("error") == "insufficient_user_authentication"
    return {name: told[name] for name in ("acr_values", "max_age") if name in told}


def test_a_client_that_follows_the_challenge_gets_what_it_asked_for(
    tmp_path: Path, sqlite_url: str, valkey_url: str, clock: FrozenClock
) -> None:
    """RFC 9470 §3 to §5: the citizen is asked only for what is missing."""
    settings = {"ADGANG_USERINFO_ACR_VALUES": "phr"}
    with running_deployment(tmp_path, sqlite_url, valkey_url, clock, **settings) as deployment:
        service, journey = party(deployment), begin(deployment)
        journey.sign_in()
        page = journey.answer()
        assert page.answer is not None
        token = journey.service.redeem(page.answer["code"], journey.asked.verifier).json()["access_token"]
        told = challenged(journey.service.userinfo(token))
        assert told == {"acr_values": "phr"}
        key = add_key(deployment)
        deployment.clock.forward(seconds=30)
        again = begin(deployment, journey.browser, service, **told)
        page = again.key(key)
        assert page.answer is not None
        token = service.redeem(page.answer["code"], again.asked.verifier).json()["access_token"]
        assert service.userinfo(token).json()["name"] == "Freja Holm"


def test_a_sign_in_that_is_too_long_ago_is_challenged_whatever_the_token_s_age(
    tmp_path: Path, sqlite_url: str, valkey_url: str, clock: FrozenClock
) -> None:
    settings = {"ADGANG_USERINFO_MAX_AGE_SECONDS": "60"}
    with running_deployment(tmp_path, sqlite_url, valkey_url, clock, **settings) as deployment:
        service = RelyingParty(deployment, deployment.clients["Sundhedstider"])
        token = tokens_of(service)["access_token"]
        deployment.clock.forward(seconds=60)
        assert service.userinfo(token).status_code == 200
        deployment.clock.forward(seconds=1)
        assert challenged(service.userinfo(token)) == {"max_age": "60"}
