"""Tokens that say nothing: what they stand for is told to their resource alone, and ends whenever a JWT's would."""

from typing import cast

import pytest

from tests.support.deployment import Deployment
from tests.support.exchanging import authorities, organisation
from tests.support.machines import API, READ, WRITE, api, grant, machine, scope, token
from tests.support.refreshing import tokens_of
from tests.support.relying_party import RelyingParty
from tests.support.resource_server import ResourceServer, resource_server


@pytest.fixture
def journal(deployment: Deployment) -> ResourceServer:
    return api(deployment, token_form="opaque")


@pytest.fixture
def service(deployment: Deployment, journal: ResourceServer) -> RelyingParty:
    party = machine(deployment)
    grant(deployment, party, READ, WRITE)
    return party


def given(service: RelyingParty) -> str:
    return str(token(service, scope=READ)["access_token"])


def test_its_resource_learns_what_a_jwt_would_say(service: RelyingParty, journal: ResourceServer) -> None:
    opaque = given(service)
    assert opaque.startswith("at_") and "." not in opaque
    told = journal.told(opaque)
    assert (told["active"], told["aud"], told["scope"]) == (True, API, READ)
    assert told["sub"] == told["client_id"] == service.client.client_id
    assert told["exp"] - told["iat"] == 300


def test_no_other_resource_learns_anything(
    deployment: Deployment, service: RelyingParty, journal: ResourceServer
) -> None:
    """S-141."""
    other = api(deployment, "https://api.midtsund.example/roads", "midtsund:roads.read", token_form="opaque")
    assert other.told(given(service)) == {"active": False}


def test_a_token_that_was_altered_is_no_token(service: RelyingParty, journal: ResourceServer) -> None:
    """S-150: truncated, extended, flipped; by no way and at no endpoint."""
    opaque = given(service)
    flipped = opaque[:-1] + ("A" if opaque[-1] != "A" else "B")
    for near in (opaque[:-1], opaque + "A", flipped, opaque[3:], opaque.upper(), opaque + "\n", "at_"):
        assert journal.told(near) == {"active": False}
        assert service.userinfo(near.strip()).status_code == 401
        assert service.post("/revoke", {"token": near}).status_code == 200
    assert service.userinfo(opaque).status_code == 401
    assert journal.told(opaque)["active"]


def test_it_ends_by_time(deployment: Deployment, service: RelyingParty, journal: ResourceServer) -> None:
    opaque = given(service)
    deployment.clock.forward(seconds=299)
    assert journal.told(opaque)["active"]
    deployment.clock.forward(seconds=1)
    assert journal.told(opaque) == {"active": False}


def test_it_ends_with_its_client_and_by_its_clients_word_alone(
    deployment: Deployment, service: RelyingParty, journal: ResourceServer
) -> None:
    """S-142, S-145: SQL has the last word, so a record that Redis brings back is dead all the same."""
    first, second, other = given(service), given(service), machine(deployment, "key")
    key = deployment.wiring.services.opaque_tokens.key(first)  # type: ignore[attr-defined]
    record = cast("bytes", deployment.wiring.redis.get(key))
    assert other.post("/revoke", {"token": first}).status_code == 200
    assert journal.told(first)["active"]
    assert service.post("/revoke", {"token": first}).status_code == 200
    deployment.wiring.redis.set(key, record)
    deployment.clock.forward(seconds=1)
    assert (journal.told(first), journal.told(second)["active"]) == ({"active": False}, True)
    services = deployment.wiring.registry_services
    client_id = service.client.client_id
    services.transact(lambda tx: services.registrations.disable(tx, client_id, actor="operator:test"))
    deployment.clock.forward(seconds=1)
    assert journal.told(second) == {"active": False}


def test_the_store_never_sees_the_token(deployment: Deployment, service: RelyingParty) -> None:
    """S-333."""
    opaque = given(service)
    client = deployment.wiring.redis
    keys = cast("list[bytes]", client.keys("adgang:opaque-token:*"))
    assert keys
    for key in keys:
        assert opaque.encode() not in key and opaque.encode() not in cast("bytes", client.get(key))


def test_an_opaque_token_is_exchanged_for_an_opaque_token(deployment: Deployment) -> None:
    """RFC 8693: from a sign-in for one API to what that API's organisation asks of the next, all of it opaque."""
    among, word = authorities(deployment, token_form="opaque"), "nordhavn:building.read"
    nordhavn = organisation(deployment, "99000001")
    own = resource_server(
        deployment,
        "https://api.nordhavn.example/opaque",
        organisation=nordhavn,
        token_form="opaque",
        scopes=[scope(word, "citizens")],
    )
    grant(deployment, among.began, word)
    among.began.scope, among.began.extra = f"openid {word}", {"resource": own.identifier}
    held = tokens_of(among.began)["access_token"]
    answer = among.exchange(held).json()
    assert held.startswith("at_") and answer["access_token"].startswith("at_")
    told = among.asked.told(answer["access_token"])
    assert (told["active"], told["act"]) == (True, {"sub": among.service.client.client_id})
    assert own.told(answer["access_token"]) == among.asked.told(held) == {"active": False}
