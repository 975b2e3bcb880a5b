"""A service in its own name gets what it was granted at one API, and nothing else by any other way."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet

from idp.wiring import Wiring
from keys.schedule import run_due
from tests.support.deployment import Deployment
from tests.support.logged import logged_as_in_service
from tests.support.machines import (
    API,
    READ,
    WRITE,
    api,
    ask,
    grant,
    machine,
    refused,
    revoke,
    scope,
    token,
)
from tests.support.refreshing import refreshing_party
from tests.support.relying_party import RelyingParty, claims_of
from tests.support.resource_server import ResourceServer

ROADS, ROADS_READ = "https://api.midtsund.example/roads", "midtsund:roads.read"


@pytest.fixture
def journal(deployment: Deployment) -> ResourceServer:
    return api(deployment)


@pytest.fixture
def service(deployment: Deployment, journal: ResourceServer) -> RelyingParty:
    """May read the journal, and no more."""
    party = machine(deployment)
    grant(deployment, party, READ)
    return party


# --- what is given ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["secret", "key"])
def test_a_service_gets_a_token_for_another_organisations_api(
    deployment: Deployment, journal: ResourceServer, kind: str
) -> None:
    """S-134, S-140: everything RFC 9068 §2.2 asks, one audience, and a subject that is no citizen's."""
    party = machine(deployment, kind)
    grant(deployment, party, READ, WRITE)
    answer = token(party, resource=API, scope=READ)
    assert answer.keys() == {"access_token", "token_type", "expires_in", "scope"}
    assert (answer["expires_in"], answer["scope"]) == (300, READ)
    keys = KeySet.import_key_set(requests.get(deployment.issuer + "/jwks", timeout=20).json())
    verified = jwt.decode(answer["access_token"], keys, algorithms=["ES256"])
    assert verified.header["typ"] == "at+jwt"
    now, claims = int(deployment.clock().timestamp()), dict(verified.claims)
    assert len(claims.pop("jti")) == 43
    bound = claims.pop("cnf", None)
    assert bound == (None if party.dpop is None else {"jkt": party.dpop.jkt})
    assert claims == {
        "iss": deployment.issuer,
        "sub": party.client.client_id,
        "aud": API,
        "client_id": party.client.client_id,
        "iat": now,
        "exp": now + 300,
        "scope": READ,
    }
    assert "." not in claims["sub"]  # which every citizen's has
    assert journal.told(answer["access_token"])["active"]


def test_without_a_scope_it_is_all_that_was_granted_there(
    deployment: Deployment, service: RelyingParty
) -> None:
    assert token(service, resource=API)["scope"] == READ
    grant(deployment, service, WRITE)
    assert token(service, resource=API)["scope"].split() == [READ, WRITE]
    assert token(service)["scope"].split() == [READ, WRITE]


def test_a_token_has_one_audience(deployment: Deployment, service: RelyingParty) -> None:
    """S-148, RFC 8707 §3: the API is named where scopes do not tell it."""
    api(deployment, ROADS, ROADS_READ)
    grant(deployment, service, ROADS_READ)
    for fields, audience in (
        ({"scope": READ}, API),
        ({"scope": ROADS_READ}, ROADS),
        ({"resource": ROADS}, ROADS),
    ):
        assert claims_of(token(service, **fields)["access_token"])["aud"] == audience
    refused(ask(service), "invalid_target")
    refused(ask(service, scope=f"{READ} {ROADS_READ}"), "invalid_target")
    refused(ask(service, scope=ROADS_READ, resource=API), "invalid_scope")


def test_the_resource_decides_about_algorithm_and_life(deployment: Deployment, service: RelyingParty) -> None:
    """S-134."""
    settings = replace(deployment.settings, key_algorithms=("ES256", "RS256", "Ed25519"))
    able = Wiring(settings, deployment.clock)
    able.ensure_keys()
    deployment.clock.forward(seconds=2 * 86_400)  # published long enough for every cache
    run_due(able.keys_services)
    metadata = {"token_algorithm": "Ed25519", "token_seconds": 60}
    api(deployment, ROADS, ROADS_READ, services=able.registry_services, **metadata)
    able.close()
    grant(deployment, service, ROADS_READ)
    answer = token(service, resource=ROADS)
    assert answer["expires_in"] == 60
    keys = KeySet.import_key_set(requests.get(deployment.issuer + "/jwks", timeout=20).json())
    assert jwt.decode(answer["access_token"], keys, algorithms=["Ed25519"]).claims["aud"] == ROADS


def test_it_is_counted_and_logged_and_never_in_clear(service: RelyingParty) -> None:
    """S-366: `jti` and reference lead from a token to its line; the token itself stands nowhere."""
    with logged_as_in_service("INFO") as written:
        given = token(service)["access_token"]
    (line,) = (json.loads(line) for line in written.getvalue().splitlines() if "token issued" in line)
    assert (line["client_id"], line["resource"], line["scope"]) == (service.client.client_id, API, READ)
    assert line["token_id"] == claims_of(given)["jti"]
    assert line["reference"]
    assert given not in written.getvalue() and given.split(".")[2] not in written.getvalue()


# --- what is refused -------------------------------------------------------------------------------------------


def test_a_scope_is_used_only_while_it_is_granted(deployment: Deployment, service: RelyingParty) -> None:
    """S-034, S-078."""
    for words in (WRITE, f"{READ} {WRITE}", "openid", "midtsund:none", "cpr", f"{READ} offline_access"):
        refused(ask(service, scope=words), "invalid_scope")
        refused(ask(service, scope=words, resource=API), "invalid_scope")
    for words in (f"{READ} {READ}", f" {READ}", f"{READ}  {WRITE}", '"', "é", "x" * 2_000):
        refused(ask(service, scope=words), "invalid_scope")
    deployment.clock.forward(seconds=90 * 86_400)
    refused(ask(service, scope=READ), "invalid_scope")
    refused(ask(service, resource=API), "invalid_target")
    grant(deployment, service, READ)
    assert token(service)["scope"] == READ
    revoke(deployment, service, READ)
    deployment.clock.forward(seconds=1)
    refused(ask(service, scope=READ), "invalid_scope")
    refused(ask(service), "invalid_target")


def test_no_token_lives_longer_than_what_was_granted(deployment: Deployment, service: RelyingParty) -> None:
    """S-134: its API verifies it by itself, and would not notice that the agreement has ended."""
    end = deployment.clock() + timedelta(days=90)
    grant(deployment, service, READ, days=90)
    grant(deployment, service, WRITE, days=100)
    deployment.clock.forward(seconds=90 * 86_400 - 60)
    left = int((end - deployment.clock()).total_seconds())
    assert 0 < left <= 60
    for words, lives in ((READ, left), (f"{READ} {WRITE}", left), (WRITE, 300)):
        answer = token(service, scope=words)
        claims = claims_of(answer["access_token"])
        assert answer["expires_in"] == claims["exp"] - claims["iat"] == lives, words


def test_a_scope_for_citizens_is_none_for_machines(deployment: Deployment, service: RelyingParty) -> None:
    """S-034."""
    api(deployment, ROADS, scopes=[scope(ROADS_READ, "citizens")])
    grant(deployment, service, ROADS_READ)
    refused(ask(service, scope=ROADS_READ), "invalid_scope")
    refused(ask(service, resource=ROADS), "invalid_target")


@pytest.mark.parametrize(
    "resource",
    ["/journal", "journal", f"{API}#part", f"{API}/", API.upper(), "https://api.midtsund.example/none", "\u00e6", "x:" + "y" * 2_000],
)  # fmt: skip
def test_a_resource_is_one_that_something_of_was_granted(service: RelyingParty, resource: str) -> None:
    """S-148: relative, with a fragment, unknown, near."""
    refused(ask(service, resource=resource), "invalid_target")
    refused(ask(service, resource=resource, scope=READ), "invalid_target")


def test_no_other_resource_is_opened(deployment: Deployment, service: RelyingParty) -> None:
    """S-148: one of which nothing is granted, our own, and two at once."""
    api(deployment, ROADS, ROADS_READ)
    for resource in (ROADS, deployment.issuer, deployment.issuer + "/userinfo"):
        refused(ask(service, resource=resource), "invalid_target")
    url, body = deployment.issuer + "/token", f"grant_type=client_credentials&resource={API}&resource={API}"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    twice = requests.post(url, data=body, headers=form, timeout=20, **service.authentication())
    refused(twice, "invalid_target")


def test_only_who_registered_the_grant_has_it(deployment: Deployment, journal: ResourceServer) -> None:
    """S-078, S-189."""
    for kind in ("confidential", "secret", "public"):
        party = refreshing_party(deployment, kind)
        grant(deployment, party, READ)
        refused(ask(party, resource=API), "unauthorized_client")


def test_a_client_of_citizens_may_act_in_its_own_name_too_where_it_registered(
    deployment: Deployment, journal: ResourceServer
) -> None:
    grants = ["authorization_code", "refresh_token", "client_credentials"]
    party = refreshing_party(deployment, grant_types=grants)
    grant(deployment, party, READ)
    assert token(party)["scope"] == READ
    assert party.ask().url


def test_nobody_signs_in_to_a_machine(deployment: Deployment, service: RelyingParty) -> None:
    """S-078: no code, no refresh, no request, whatever redirect URI is made up."""
    parameters = service.parameters("v" * 43, "s", "n", redirect_uri="https://evil.test/cb")
    refused(service.post("/par", parameters), "invalid_request")
    page = requests.get(deployment.issuer + "/authorize", parameters, allow_redirects=False, timeout=20)
    assert page.status_code == 400 and "Location" not in page.headers
    for fields in (
        {"grant_type": "authorization_code", "code": "c" * 43, "redirect_uri": "x"},
        {"grant_type": "refresh_token", "refresh_token": "r" * 43},
    ):
        refused(service.post("/token", fields), "unauthorized_client")


def test_nobody_chooses_a_subject(service: RelyingParty) -> None:
    """S-140."""
    fields = {"sub": "c.victim", "id": "c.victim", "subject": "c.victim", "user_id": "freja.holm"}
    assert claims_of(token(service, **fields)["access_token"])["sub"] == service.client.client_id


def test_a_resources_credential_gets_no_token(deployment: Deployment, service: RelyingParty) -> None:
    """S-112: it is a class of its own."""
    keyed = api(deployment, ROADS, ROADS_READ, introspection_auth_method="private_key_jwt")
    for server in (api(deployment, "https://api.midtsund.example/third", "midtsund:third.read"), keyed):
        arguments = server.authentication()
        data = {**arguments.pop("data", {}), "grant_type": "client_credentials"}
        refused(
            requests.post(deployment.issuer + "/token", data=data, timeout=20, **arguments),
            "invalid_client",
            401,
        )


def test_the_token_opens_nothing_of_ours(service: RelyingParty) -> None:
    """S-148: no userinfo, and it is no assertion and no other token."""
    given = token(service)["access_token"]
    assert service.userinfo(given).status_code == 401
    refused(
        service.post("/token", {"grant_type": "refresh_token", "refresh_token": given}), "unauthorized_client"
    )


# --- who is stopped --------------------------------------------------------------------------------------------


def _registrations(deployment: Deployment) -> Any:
    return deployment.wiring.registry_services


def disable_client(deployment: Deployment, service: RelyingParty) -> None:
    services = _registrations(deployment)
    client_id = service.client.client_id
    services.transact(lambda tx: services.registrations.disable(tx, client_id, actor="operator:test"))


def disable_its_organisation(deployment: Deployment, service: RelyingParty) -> None:
    services = _registrations(deployment)
    stop = services.registrations.disable_organisation
    services.transact(lambda tx: stop(tx, "99000001", actor="operator:test"))


def disable_resource(deployment: Deployment, service: RelyingParty) -> None:
    services = _registrations(deployment)
    services.transact(lambda tx: services.resource_registrations.disable(tx, API, actor="operator:test"))


def disable_owner(deployment: Deployment, service: RelyingParty) -> None:
    services = _registrations(deployment)
    stop = services.registrations.disable_organisation
    services.transact(lambda tx: stop(tx, "99000003", actor="operator:test"))


def revoke_scope(deployment: Deployment, service: RelyingParty) -> None:
    revoke(deployment, service, READ)


@pytest.mark.parametrize(
    ("end", "error", "status"),
    [
        (disable_client, "invalid_client", 401),
        (disable_its_organisation, "invalid_client", 401),
        (disable_resource, "invalid_target", 400),
        (disable_owner, "invalid_target", 400),
        (revoke_scope, "invalid_target", 400),
    ],
)
def test_whoever_is_stopped_gets_no_token_within_a_second(
    deployment: Deployment,
    service: RelyingParty,
    end: Callable[[Deployment, RelyingParty], None],
    error: str,
    status: int,
) -> None:
    """S-035."""
    assert token(service, resource=API)
    end(deployment, service)
    deployment.clock.forward(seconds=1)
    refused(ask(service, resource=API), error, status)
