"""A citizen's token is for the one API that was asked for and granted, or for userinfo; never for anything else."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests

from tests.support.citizen_browser import CitizenBrowser
from tests.support.deployment import Deployment
from tests.support.journey import begin, party
from tests.support.machines import API, READ, WRITE, api, grant, refused, revoke, scope
from tests.support.refreshing import refresh, refreshing_party, tokens_of
from tests.support.relying_party import RelyingParty, claims_of
from tests.support.resource_server import ResourceServer
from tests.support.signed_in import code_for, session_of

ROADS, ROADS_READ = "https://api.midtsund.example/roads", "midtsund:roads.read"
DELETE = "midtsund:journal.delete"
SCOPES = [scope(READ, "citizens"), scope(WRITE, "citizens", "machines"), scope(DELETE)]


@pytest.fixture
def journal(deployment: Deployment) -> ResourceServer:
    return api(deployment, scopes=SCOPES)


@pytest.fixture
def service(deployment: Deployment, journal: ResourceServer) -> RelyingParty:
    """May read and write the journal for its citizens, and delete in its own name; asks to read."""
    party = refreshing_party(deployment)
    grant(deployment, party, READ, WRITE, DELETE)
    party.scope, party.extra = f"openid profile {READ}", {"resource": API}
    return party


def redeemed(service: RelyingParty, **fields: str) -> requests.Response:
    asked = service.ask()
    return service.redeem(code_for(service, asked), asked.verifier, **fields)


# --- what is given ---------------------------------------------------------------------------------------------


def test_a_citizens_token_is_for_the_api_that_was_asked_for(
    deployment: Deployment, service: RelyingParty, journal: ResourceServer
) -> None:
    """S-134, S-148: one audience, its scope alone, and the citizen as the API's organisation knows them."""
    answer = redeemed(service).json()
    claims, identity = claims_of(answer["access_token"]), claims_of(answer["id_token"])
    assert (claims["aud"], claims["scope"], answer["scope"]) == (API, READ, READ)
    assert claims["client_id"] == service.client.client_id
    citizen = deployment.citizens["freja.holm"].citizen
    subjects, resource = (
        deployment.wiring.services.subjects,
        deployment.wiring.registry.find_resource(API),
    )
    assert resource is not None
    assert claims["sub"] == subjects.for_sector(resource.organisation.organisation_id, citizen.citizen_id)
    assert claims["sub"] != identity["sub"]
    told = journal.told(answer["access_token"])
    assert (told["active"], told["sub"], told["acr"]) == (True, claims["sub"], identity["acr"])
    assert service.userinfo(answer["access_token"]).status_code == 401


def test_userinfo_is_opened_by_a_token_for_us(
    deployment: Deployment, service: RelyingParty, journal: ResourceServer
) -> None:
    """RFC 8707 §2.2: the same grant, another audience."""
    answer = redeemed(service, resource=deployment.issuer).json()
    assert answer["scope"] == "openid profile"
    assert claims_of(answer["access_token"])["aud"] == deployment.issuer
    given = service.userinfo(answer["access_token"]).json()
    assert given["name"] == "Freja Holm"
    assert journal.told(answer["access_token"]) == {"active": False}


def test_a_refresh_is_for_the_api_or_for_us(deployment: Deployment, service: RelyingParty) -> None:
    """S-086: nothing that was not granted, in neither direction."""
    api(deployment, ROADS, scopes=[scope(ROADS_READ, "citizens")])
    service.scope = f"openid profile {READ} {WRITE}"
    secret = tokens_of(service)["refresh_token"]
    grant(deployment, service, ROADS_READ)
    for fields, audience, words in (
        ({}, API, {READ, WRITE}),
        ({"resource": API, "scope": READ}, API, {READ}),
        ({"resource": deployment.issuer}, deployment.issuer, {"openid", "profile"}),
        ({"resource": deployment.issuer, "scope": "openid"}, deployment.issuer, {"openid"}),
    ):
        answer = refresh(service, secret, **fields).json()
        claims = claims_of(answer["access_token"])
        assert (claims["aud"], set(claims["scope"].split())) == (audience, words)
    for fields, error in (
        ({"resource": ROADS}, "invalid_target"),
        ({"resource": ROADS, "scope": ROADS_READ}, "invalid_target"),
        ({"resource": f"{API}/"}, "invalid_target"),
        ({"resource": "journal"}, "invalid_target"),
        ({"scope": DELETE}, "invalid_scope"),
        ({"scope": ROADS_READ}, "invalid_scope"),
        ({"scope": "openid"}, "invalid_scope"),
        ({"resource": deployment.issuer, "scope": READ}, "invalid_scope"),
    ):
        refused(refresh(service, secret, **fields), error)
    assert refresh(service, secret).status_code == 200


def test_without_a_resource_all_is_as_before(deployment: Deployment, service: RelyingParty) -> None:
    service.scope, service.extra = "openid profile nobody:knows", {}
    answer = redeemed(service).json()
    assert claims_of(answer["access_token"])["aud"] == deployment.issuer
    assert answer["scope"] == "openid profile"
    refused(redeemed(service, resource=API), "invalid_target")


def test_an_opaque_token_of_a_citizen_ends_with_the_session(deployment: Deployment) -> None:
    """S-142, S-150."""
    journal = api(deployment, token_form="opaque", scopes=SCOPES)
    service = refreshing_party(deployment)
    grant(deployment, service, READ)
    service.scope, service.extra = f"openid {READ}", {"resource": API}
    opaque = tokens_of(service, session_of(deployment))["access_token"]
    assert opaque.startswith("at_")
    assert journal.told(opaque)["active"]
    assert service.userinfo(opaque).status_code == 401
    citizen = deployment.citizens["freja.holm"].citizen
    deployment.wiring.citizens.block(citizen, actor="operator:test", reason="a test")
    assert journal.told(opaque) == {"active": False}


# --- what is refused, by every way in --------------------------------------------------------------------------


def pushed(service: RelyingParty, parameters: dict[str, str]) -> str:
    return str(service.post("/par", parameters).json().get("error", "accepted"))


def by_get(service: RelyingParty, parameters: dict[str, str]) -> str:
    url = f"{service.deployment.issuer}/authorize?{urlencode(parameters)}"
    answer = requests.get(url, allow_redirects=False, timeout=20)
    assert answer.status_code == 303
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query)).get("error", "accepted")


ASKED: list[tuple[dict[str, str], str]] = [
    ({}, "accepted"),
    ({"scope": "openid"}, "accepted"),
    ({"resource": "/journal"}, "invalid_target"),
    ({"resource": f"{API}#part"}, "invalid_target"),
    ({"resource": API.upper()}, "invalid_target"),
    ({"resource": "https://api.midtsund.example/none"}, "invalid_target"),
    ({"resource": ROADS}, "invalid_target"),
    ({"scope": f"openid {DELETE}"}, "invalid_scope"),
    ({"scope": f"openid {READ} {DELETE}"}, "invalid_scope"),
    ({"scope": f"openid {READ} {ROADS_READ}"}, "invalid_scope"),
    ({"scope": f"openid {READ} {READ}"}, "invalid_scope"),
]


@pytest.mark.parametrize("way", [pushed, by_get])
def test_only_what_is_granted_for_citizens_is_asked_for(
    deployment: Deployment, journal: ResourceServer, way: Callable[[RelyingParty, dict[str, str]], str]
) -> None:
    """S-034, S-078, S-148: a scope of machines is none in a citizen's name."""
    api(deployment, ROADS, scopes=[scope(ROADS_READ, "citizens")])
    service = party(deployment, "Sundhedstider")
    grant(deployment, service, READ, DELETE)
    service.scope, service.extra = f"openid {READ}", {"resource": API}
    good = service.parameters("v" * 43, "s", "n")
    for changes, error in ASKED:
        assert way(service, good | changes) == error, changes
    del good["resource"]
    assert way(service, good) == "invalid_target"  # an API's scope, and no word of which API
    assert way(service, good | {"scope": "openid nobody:knows"}) == "accepted"  # OIDC Core §3.1.2.1
    assert way(service, good | {"scope": "openid", "resource": deployment.issuer}) == "accepted"
    doubled = urlencode(good) + f"&resource={API}&resource={ROADS}"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    url, login = deployment.issuer + "/par", service.authentication()
    refused(requests.post(url, data=doubled, headers=form, timeout=20, **login), "invalid_target")


def test_a_device_gets_nothing_at_an_api(deployment: Deployment, journal: ResourceServer) -> None:
    """S-078."""
    device = "urn:ietf:params:oauth:grant-type:device_code"
    service = refreshing_party(
        deployment, "secret", grant_types=["authorization_code", "refresh_token", device]
    )
    grant(deployment, service, READ)
    fields = {"scope": f"openid {READ}", "resource": API}
    refused(service.post("/device_authorization", fields), "invalid_target")


# --- what ends -------------------------------------------------------------------------------------------------


def test_what_was_taken_back_meanwhile_is_not_given_on(
    deployment: Deployment, service: RelyingParty, journal: ResourceServer
) -> None:
    """S-034, S-035: between request and code, code and token, token and refresh; what is for us goes on."""
    service.scope = f"openid {READ} {WRITE}"
    secret = tokens_of(service)["refresh_token"]
    asked = service.ask()
    code = code_for(service, asked)
    revoke(deployment, service, WRITE)
    deployment.clock.forward(seconds=1)
    assert refresh(service, secret).json()["scope"] == READ
    revoke(deployment, service, READ)
    deployment.clock.forward(seconds=1)
    refused(refresh(service, secret), "invalid_target")
    assert refresh(service, secret, resource=deployment.issuer).status_code == 200
    refused(service.redeem(code, asked.verifier), "invalid_target")
    assert service.redeem(code, asked.verifier, resource=deployment.issuer).status_code == 200


def test_a_disabled_api_gets_no_tokens_of_citizens(deployment: Deployment, service: RelyingParty) -> None:
    """S-035."""
    secret = tokens_of(service)["refresh_token"]
    services = deployment.wiring.registry_services
    services.transact(lambda tx: services.resource_registrations.disable(tx, API, actor="operator:test"))
    deployment.clock.forward(seconds=1)
    refused(refresh(service, secret), "invalid_target")
    refused(service.post("/par", service.parameters("v" * 43, "s", "n")), "invalid_target")


# --- what the citizen is told ----------------------------------------------------------------------------------


def test_the_citizen_is_told_what_is_done_at_the_api_and_asked_anew_for_more(
    deployment: Deployment, journal: ResourceServer
) -> None:
    service = party(deployment, "Boligstøtte")
    grant(deployment, service, READ, WRITE)
    browser = CitizenBrowser(deployment.issuer)

    def asked(words: str, **extra: str) -> Any:
        service.scope, service.extra = f"openid {words}", extra
        return begin(deployment, browser, service)

    first = asked(READ, resource=API)
    page = first.sign_in()
    assert "at-api" in page.ids and "Læse journaler." in page.words and "Region Midtsund" in page.words
    assert first.answer().answer is not None
    assert asked(READ, resource=API).page.answer is not None, "once is enough"
    again = asked(f"{READ} {WRITE}", resource=API)
    assert "at-api" in again.page.ids, "what is more is asked for"


def test_the_ledger_tells_the_api(deployment: Deployment, service: RelyingParty) -> None:
    assert redeemed(service).status_code == 200
    citizen = deployment.citizens["freja.holm"].citizen
    entries = deployment.wiring.ledger.of_citizen(citizen.citizen_id)
    (issued,) = (entry.facts for entry in entries if entry.event == "token-issued")
    assert (issued["resource"], issued["scope"]) == (API, [READ])
