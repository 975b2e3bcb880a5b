"""Authorization details (RFC 9396): asked for in a registered kind, told in words, agreed to, and told to the API."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from keys.own_tokens import issue_token
from tests.support.citizen_browser import CitizenBrowser
from tests.support.deployment import Deployment
from tests.support.details import API, CASE, OTHER, SCOPE, as_parameter, asking_party, declare, withdraw
from tests.support.devices import GRANT_TYPE, DeviceCitizen, start
from tests.support.exchanging import ACCESS_TOKEN, EXCHANGE
from tests.support.journey import Journey, begin
from tests.support.refreshing import refresh, refused
from tests.support.relying_party import RelyingParty, claims_of
from tests.support.request_objects import request_object
from tests.support.resource_server import let_use, resource_server, scope_of, word_of
from tests.support.signed_in import code_for

REFRESHING = {"grant_types": ["authorization_code", "refresh_token"]}


def at_the_question(deployment: Deployment, service: RelyingParty, *details: Any) -> Journey:
    journey = begin(deployment, service=service, authorization_details=as_parameter(*details))
    journey.sign_in()
    return journey


def tokens(journey: Journey, **fields: str) -> dict[str, Any]:
    assert journey.page.answer is not None and "code" in journey.page.answer, journey.page.words
    answer = journey.service.redeem(journey.page.answer["code"], journey.asked.verifier, **fields)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def given_to(service: RelyingParty, *details: Any, **fields: str) -> requests.Response:
    """What the token endpoint says to a code for these details, without the pages."""
    asked = service.ask(authorization_details=as_parameter(*details))
    return service.redeem(code_for(service, asked), asked.verifier, **fields)


def test_the_citizen_reads_what_is_asked_and_the_service_gets_it(deployment: Deployment) -> None:
    """Told in words, whatever the ground of the purpose; returned with the tokens, and in the access token (§7, §9.1)."""
    declare(deployment)
    journey = at_the_question(deployment, asking_party(deployment), CASE, OTHER)
    page = journey.page
    assert {"details", "released", "accept", "cancel"} <= page.ids
    assert "rette sag 2026-17 fra 2025, 2026" in page.words and "se sag 2026-18 fra 2025, 2026" in page.words
    assert "vi spørger hver gang" in page.words
    journey.answer("accept")
    given = tokens(journey)
    assert given["authorization_details"] == [CASE, OTHER]
    assert claims_of(given["access_token"])["authorization_details"] == [CASE, OTHER]
    assert "authorization_details" not in claims_of(given["id_token"])
    citizen = deployment.citizens["freja.holm"].citizen.citizen_id
    ledger = {entry.event: entry.facts for entry in deployment.wiring.ledger.of_citizen(citizen)}
    assert json.loads(str(ledger["authorized"]["authorization_details"])) == [CASE, OTHER]
    assert ledger["token-issued"]["details"] == ["nordhavn:case"]


def test_they_are_asked_about_each_time(deployment: Deployment) -> None:
    """A yes is remembered for data, never for what is to be done."""
    declare(deployment)
    service = asking_party(deployment)
    first = at_the_question(deployment, service, CASE)
    first.answer("accept")
    again = begin(deployment, first.browser, service, authorization_details=as_parameter(CASE))
    assert "details" in again.page.ids
    silent = begin(
        deployment, first.browser, service, authorization_details=as_parameter(CASE), prompt="none"
    )
    assert silent.page.answer is not None and silent.page.answer["error"] == "consent_required"
    plain = begin(deployment, first.browser, service)
    assert plain.page.answer is not None and "code" in plain.page.answer, "the data was agreed to"


def test_a_yes_in_one_tab_says_nothing_about_what_another_asks(deployment: Deployment) -> None:
    """S-298: two requests of one purpose are open, for different details."""
    declare(deployment)
    service = asking_party(deployment)
    first = at_the_question(deployment, service, CASE)
    other = begin(deployment, first.browser, service, authorization_details=as_parameter(OTHER))
    deployment.clock.forward(seconds=1)
    first.answer("accept")
    assert "details" in first.browser.get(other.address).ids
    other.answer("decline" if "decline" in other.page.ids else "cancel")
    assert tokens(first)["authorization_details"] == [CASE]


@pytest.mark.parametrize("decision", ["", "yes", "Accept"])
def test_an_answer_that_is_none_gives_nothing(deployment: Deployment, decision: str) -> None:
    declare(deployment)
    journey = at_the_question(deployment, asking_party(deployment), CASE)
    journey.answer(decision)
    assert "details" in journey.page.ids


def test_who_says_no_gives_nothing(deployment: Deployment) -> None:
    declare(deployment)
    journey = at_the_question(deployment, asking_party(deployment), CASE)
    page = journey.browser.submit(journey.page, "/cancel")
    assert page.answer is not None and page.answer["error"] == "access_denied"


def test_markup_in_a_value_stays_a_value(deployment: Deployment) -> None:
    """S-228."""
    declare(deployment)
    evil = CASE | {"case": "<img src=x> {years}"}
    page = at_the_question(deployment, asking_party(deployment), evil).page
    assert (
        "<strong><bdi>&lt;img src=x&gt; {years}</bdi></strong>" in page.html and "<img src=x" not in page.html
    )


def test_a_token_request_narrows_and_never_widens(deployment_each: Deployment) -> None:
    """RFC 9396 §6; S-034: by whole elements, at the code and at every refresh, and the grant stays what it was."""
    deployment = deployment_each
    declare(deployment)
    service = asking_party(deployment, **REFRESHING)
    answer = given_to(service, CASE, OTHER, authorization_details=as_parameter(OTHER))
    given = answer.json()
    assert given["authorization_details"] == [OTHER]
    assert claims_of(given["access_token"])["authorization_details"] == [OTHER]
    token = given["refresh_token"]
    more = refresh(service, token).json()
    assert more["authorization_details"] == [CASE, OTHER]
    less = refresh(service, token, authorization_details=as_parameter(CASE)).json()
    assert claims_of(less["access_token"])["authorization_details"] == [CASE]
    for wider in (CASE | {"case": "2026-19"}, CASE | {"years": [2025]}, {"type": "nordhavn:case"}):
        refused(
            refresh(service, token, authorization_details=as_parameter(wider)),
            "invalid_authorization_details",
        )
    refused(
        given_to(service, CASE, authorization_details=as_parameter(OTHER)), "invalid_authorization_details"
    )


def test_without_details_nothing_is_said_of_them(deployment: Deployment) -> None:
    declare(deployment)
    service = asking_party(deployment)
    asked = service.ask()
    given = service.redeem(code_for(service, asked), asked.verifier).json()
    assert "authorization_details" not in given
    assert "authorization_details" not in claims_of(given["access_token"])


def test_an_api_is_told_them_when_it_asks(deployment: Deployment) -> None:
    """RFC 9396 §9.2: by introspection of a token for it."""
    api = resource_server(deployment)
    declare(deployment)
    service = asking_party(deployment)
    word = word_of(api.identifier)
    let_use(deployment, service, word)
    claims = claims_of(given_to(service, CASE).json()["access_token"])
    claims |= {"aud": api.identifier, "scope": word}
    told = api.told(issue_token(deployment.wiring.key_ring, "ES256", "at+jwt", claims))
    assert told["authorization_details"] == [CASE]


def test_in_exchange_for_its_token_a_service_gets_those_of_the_api_that_it_asks(
    deployment: Deployment,
) -> None:
    """RFC 8693, RFC 9396 §9.1: an API learns of its own kinds alone, and an exchange only ever narrows."""
    declare(deployment)
    other_api = resource_server(
        deployment, "https://api.bolig.example/", name="Bolig", scopes=[scope_of("bolig:case.read")]
    )
    service = asking_party(deployment, grant_types=["authorization_code", EXCHANGE])
    let_use(deployment, service, SCOPE)
    let_use(deployment, service, "bolig:case.read")
    held = given_to(service, CASE, OTHER).json()["access_token"]

    def exchanged(resource: str, **more: str) -> requests.Response:
        fields = {"grant_type": EXCHANGE, "subject_token": held, "subject_token_type": ACCESS_TOKEN}
        return service.post("/token", fields | {"resource": resource} | more)

    given = exchanged(API).json()
    assert given["authorization_details"] == [CASE, OTHER]
    assert claims_of(given["access_token"])["authorization_details"] == [CASE, OTHER]
    less = exchanged(API, authorization_details=as_parameter(OTHER)).json()
    assert claims_of(less["access_token"])["authorization_details"] == [OTHER]
    refused(
        exchanged(API, authorization_details=as_parameter(CASE | {"action": "se"})),
        "invalid_authorization_details",
    )
    elsewhere = exchanged(other_api.identifier).json()
    assert "authorization_details" not in elsewhere
    assert "authorization_details" not in claims_of(elsewhere["access_token"])


def test_a_signed_request_may_carry_them_as_json(deployment: Deployment) -> None:
    """RFC 9396 §4, RFC 9101: in the browser too, since nobody can change them there."""
    declare(deployment)
    service = asking_party(deployment, profile="oidc", token_endpoint_auth_method="private_key_jwt")
    parameters: dict[str, Any] = service.parameters("v" * 43, "s", "n")
    signed = request_object(service, parameters | {"authorization_details": [CASE]})
    page = begin_signed(deployment, service, signed)
    assert "user-id" in page.ids


def begin_signed(deployment: Deployment, service: RelyingParty, signed: str) -> Any:
    query = urlencode({"client_id": service.client.client_id, "request": signed})
    return CitizenBrowser(deployment.issuer).get(f"{deployment.issuer}/authorize?{query}")


def test_a_device_asks_for_them_too(deployment: Deployment) -> None:
    """S-078: by every way in, and shown on its page."""
    declare(deployment)
    service = asking_party(
        deployment,
        profile="oidc",
        token_endpoint_auth_method="private_key_jwt",
        grant_types=[GRANT_TYPE],
        redirect_uris=[],
    )
    device, citizen = start(service, authorization_details=as_parameter(CASE)), DeviceCitizen(deployment)
    page = citizen.type_code(device.user_code)
    assert "details" in page.ids and "rette sag 2026-17 fra 2025, 2026" in page.words
    citizen.answer(page, "accept")
    assert device.poll().json()["authorization_details"] == [CASE]


def test_discovery_names_the_kinds_that_are_in_use(deployment: Deployment) -> None:
    """Extends discovery (RFC 9396 §10): within a minute."""

    def announced() -> Any:
        document = requests.get(f"{deployment.issuer}/.well-known/openid-configuration", timeout=20).json()
        return document.get("authorization_details_types_supported")

    assert announced() is None
    declare(deployment)
    deployment.clock.forward(seconds=60)
    assert announced() == ["nordhavn:case"]
    withdraw(deployment)
    deployment.clock.forward(seconds=60)
    assert announced() is None


def test_what_was_withdrawn_is_given_no_more(deployment: Deployment) -> None:
    """S-035: at the page, at the code and at a refresh."""
    declare(deployment)
    service = asking_party(deployment, **REFRESHING)
    journey = at_the_question(deployment, service, CASE)
    asked = service.ask(authorization_details=as_parameter(CASE))
    code = code_for(service, asked)
    token = given_to(service, CASE).json()["refresh_token"]
    withdraw(deployment)
    assert journey.answer("accept").status == 403
    refused(service.redeem(code, asked.verifier))
    refused(refresh(service, token))
