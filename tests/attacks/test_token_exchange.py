"""A service asks another on a citizen's behalf: with what was meant for it, for what it was granted, and seen by the citizen."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import requests
from sqlalchemy import text

from idp.grants.token_exchange import exchange as exchange_here
from idp.protocol.confirmation import Confirmation
from tests.support.deployment import Deployment
from tests.support.exchanging import (
    ACCESS_TOKEN,
    SCOPE,
    Authorities,
    authorities,
    exchanging_party,
    organisation,
)
from tests.support.own_pages import OwnPages
from tests.support.refreshing import refreshing_party, tokens_of
from tests.support.relying_party import RelyingParty, claims_of
from tests.support.resource_server import TEXT, let_use, resource_server, scope_of, token_for


def refused(answer: requests.Response, error: str = "invalid_request") -> None:
    assert (answer.status_code, answer.json()["error"]) == (400, error), answer.text
    assert "access_token" not in answer.json()


def rows(deployment: Deployment) -> list[dict[str, Any]]:
    citizen = deployment.citizens["freja.holm"].citizen
    entries = deployment.wiring.ledger.of_citizen(citizen.citizen_id)
    return [entry.facts for entry in entries if entry.event == "token-exchanged"]


# --- what is given ---------------------------------------------------------------------------------------------


def test_the_citizen_stays_the_subject_and_the_service_becomes_the_actor(deployment_each: Deployment) -> None:
    """RFC 8693 §2.2.1, §4.1: as the asked authority knows the citizen; bound to the citizen's grant; in their ledger."""
    among = authorities(deployment_each)
    held = among.held()
    answer = among.exchange(held)
    assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store"
    given, was = answer.json(), claims_of(held)
    assert given.keys() == {"access_token", "issued_token_type", "token_type", "expires_in", "scope"}
    assert (given["issued_token_type"], given["token_type"]) == (ACCESS_TOKEN, "DPoP")
    assert (given["scope"], given["expires_in"]) == (SCOPE, 300)
    claims = claims_of(given["access_token"])
    client_id = among.service.client.client_id
    assert (claims["aud"], claims["client_id"]) == (among.asked.identifier, client_id)
    assert (claims["act"], claims["scope"]) == ({"sub": client_id}, SCOPE)
    for name in ("iss", "acr", "auth_time", "grant_id", "exp"):
        assert claims[name] == was[name], name
    there = tokens_of(RelyingParty(deployment_each, deployment_each.clients["Boligstøtte"]))
    assert claims["sub"] == claims_of(there["id_token"])["sub"] != was["sub"]
    told = among.asked.told(given["access_token"])
    assert told["active"] and told["act"] == {"sub": client_id}
    (row,) = rows(deployment_each)
    assert row == {
        "client_id": client_id,
        "service": "Byggeregistret",
        "organisation": "Nordhavn Kommune",
        "resource": among.asked.identifier,
        "asked": "Boligregistret",
        "asked_organisation": "Statens Boligstøtte",
        "scope": [SCOPE],
        "purpose": "byggesag",
        "signed_in_at": among.began.client.client_id,
    }


def test_a_service_may_begin_with_its_own_citizens_grant(deployment: Deployment) -> None:
    among = authorities(deployment)
    own = tokens_of(among.service)["access_token"]
    claims = claims_of(among.exchange(own).json()["access_token"])
    assert claims["aud"] == among.asked.identifier and claims["act"] == {"sub": claims["client_id"]}


def test_what_is_given_lives_no_longer_than_what_was_held(deployment: Deployment) -> None:
    """Though its grant goes on; and no longer than the asked API registered."""
    among = authorities(deployment, token_seconds=120)
    held = token_for(refreshing_party(deployment), among.own_api)
    for passed, left in ((0, 120), (170, 120), (30, 100), (99, 1)):
        deployment.clock.forward(seconds=passed)
        answer = among.exchange(held).json()
        claims = claims_of(answer["access_token"])
        assert answer["expires_in"] == claims["exp"] - claims["iat"] == left
        assert claims["exp"] <= claims_of(held)["exp"]
    deployment.clock.forward(seconds=1)
    refused(among.exchange(held))


def test_what_is_given_ends_with_what_was_granted_at_the_asked_api(deployment: Deployment) -> None:
    """S-034: the one who asks may do it until a day, and no token of the last minutes outlives that."""
    among = authorities(deployment)
    end = deployment.clock() + timedelta(days=1)
    let_use(deployment, among.service, SCOPE, days=1)
    deployment.clock.forward(seconds=86_400 - 100)
    held = among.held()
    left = int((end - deployment.clock()).total_seconds())
    assert 0 < left < 100
    assert among.exchange(held).json()["expires_in"] == left


def test_it_is_bound_to_the_key_of_the_one_who_asked(deployment: Deployment) -> None:
    """RFC 9449 §5: and not to that of the token that was held."""
    among = authorities(deployment)
    services = deployment.wiring.services
    registered = services.registry.find_client(among.service.client.client_id)
    assert registered is not None
    issued = exchange_here(
        services,
        registered.client,
        {
            "subject_token": among.held(cnf={"jkt": "another"}),
            "subject_token_type": ACCESS_TOKEN,
            "resource": among.asked.identifier,
        },
        confirmation=Confirmation(jkt="mine"),
        address="192.0.2.1",
        now=deployment.clock(),
    )
    assert claims_of(issued.access_token)["cnf"] == {"jkt": "mine"} and issued.token_type == "DPoP"


def test_a_chain_of_services_is_told_in_order_and_has_an_end(deployment: Deployment) -> None:
    """RFC 8693 §4.1: three ask one another; a fourth does not."""
    among = authorities(deployment)
    cvr = ("99000002", "99000003", "99000001")
    apis = [
        resource_server(
            deployment,
            f"https://api{number}.example/",
            organisation=organisation(deployment, next_cvr),
            scopes=[scope_of(f"chain:s{number}")],
        )
        for number, next_cvr in enumerate(("99000003", "99000001", "99000002"))
    ]
    token, actors = among.exchanged(), [among.service.client.client_id]
    for number, (api, own) in enumerate(zip(apis, cvr, strict=True)):
        party = exchanging_party(deployment, own, f"Led {number}")
        let_use(deployment, party, f"chain:s{number}")
        answer = among.exchange(token, party, resource=api.identifier)
        if number == 2:
            refused(answer)
            break
        token = answer.json()["access_token"]
        actors.insert(0, party.client.client_id)
        expected: dict[str, Any] = {"sub": actors[-1]}
        for actor in reversed(actors[:-1]):
            expected = {"sub": actor, "act": expected}
        assert claims_of(token)["act"] == expected == api.told(token)["act"]
    assert len(actors) == 3 == len(rows(deployment))


# --- whose token -----------------------------------------------------------------------------------------------


def test_only_a_token_that_was_meant_for_the_one_who_asks_is_worth_another(deployment: Deployment) -> None:
    """S-063, S-150: not one that passed by, another client's, another kind, edited, or without a citizen."""
    among = authorities(deployment)
    elsewhere = resource_server(
        deployment, "https://api.midtsund.example/", organisation=organisation(deployment, "99000003")
    )
    held, others = among.held(), tokens_of(refreshing_party(deployment))
    own = tokens_of(among.service)
    last = "A" if held[-1] != "A" else "Q"
    wrong = [
        token_for(among.began, elsewhere),
        among.held(aud="https://nobody.example/"),
        among.held(iss="https://evil.test"),
        among.held(grant_id=None),
        among.exchanged(),
        others["access_token"],
        others["refresh_token"],
        own["id_token"],
        among.service.assertion(),
        held[:-1],
        held[:-1] + last,
        held + "A",
        "",
        "æ",
        "x" * 60_000,
    ]
    before = len(rows(deployment))
    for token in wrong:
        refused(among.exchange(token))
    assert len(rows(deployment)) == before
    assert among.exchange(held).status_code == 200


def test_a_token_of_an_exchange_opens_nothing_of_ours(deployment: Deployment) -> None:
    """S-063: neither userinfo nor another service's exchange."""
    among = authorities(deployment)
    token = among.exchanged()
    assert among.service.userinfo(token).status_code == 401
    other = exchanging_party(deployment, "99000003", "Region")
    let_use(deployment, other, SCOPE)
    refused(among.exchange(token, other))


End = Callable[[Authorities, str], None]


def _revoke_it(among: Authorities, token: str) -> None:
    assert among.service.post("/revoke", {"token": token}).status_code == 200


def _end_the_grant(among: Authorities, token: str) -> None:
    services, grant_id = among.deployment.wiring.services, claims_of(token)["grant_id"]
    services.transact(lambda tx: services.grants.revoke(tx, grant_id, among.deployment.clock()))


def _block_the_citizen(among: Authorities, token: str) -> None:
    citizen = among.deployment.citizens["freja.holm"].citizen
    among.deployment.wiring.citizens.block(citizen, actor="operator:test", reason="a test")


def _disable_the_service(among: Authorities, token: str) -> None:
    _disable(among.deployment, among.service.client.client_id)


def _disable_where_it_began(among: Authorities, token: str) -> None:
    _disable(among.deployment, among.began.client.client_id)


def _disable(deployment: Deployment, client_id: str) -> None:
    registry = deployment.wiring.registry_services
    registry.transact(lambda tx: registry.registrations.disable(tx, client_id, actor="operator:test"))


ENDS: tuple[End, ...] = (
    _revoke_it, _end_the_grant, _block_the_citizen, _disable_the_service, _disable_where_it_began,
)  # fmt: skip


@pytest.mark.parametrize("end", ENDS, ids=[end.__name__.lstrip("_") for end in ENDS])
def test_it_ends_with_the_citizens_grant_and_with_everyone_it_passed_through(
    deployment: Deployment, end: End
) -> None:
    """S-142: within a second, and what was held is worth no other token."""
    among = authorities(deployment)
    held = among.held()
    token = among.exchange(held).json()["access_token"]
    assert among.asked.told(token)["active"]
    end(among, token)
    deployment.clock.forward(seconds=1)
    assert among.asked.told(token) == {"active": False}
    if end is not _revoke_it:
        assert among.exchange(held).status_code in (400, 401)


# --- for whom, and how far -------------------------------------------------------------------------------------


def test_one_known_api_is_named(deployment: Deployment) -> None:
    """S-148."""
    among = authorities(deployment)
    held, target = among.held(), among.asked.identifier
    for wrong in ("x", "/bolig", target + "#x", target + "x", target.upper(), deployment.issuer, ""):
        refused(among.exchange(held, resource=wrong), "invalid_target")
    refused(among.exchange(held, resource=None), "invalid_target")
    refused(among.exchange(held, audience=among.own_api.identifier), "invalid_target")
    for named in ({"audience": target}, {"audience": target, "resource": None}):
        assert among.exchange(held, **named).status_code == 200
    services = deployment.wiring.registry_services
    services.transact(lambda tx: services.resource_registrations.disable(tx, target, actor="operator:test"))
    deployment.clock.forward(seconds=1)
    refused(among.exchange(held), "invalid_target")


def test_no_scope_but_what_was_granted_for_citizens(deployment: Deployment) -> None:
    """S-034: not another API's, not the machines', none that ended or was taken back."""
    among = authorities(deployment)
    let_use(deployment, among.service, "bolig:statistics")
    let_use(deployment, among.service, "bolig:case.list", days=1)
    held = among.held()
    both = {"bolig:case.list", SCOPE}
    assert set(among.exchange(held).json()["scope"].split()) == both
    assert among.exchange(held, scope="bolig:case.list").json()["scope"] == "bolig:case.list"
    for wrong in (
        "bolig:statistics",
        "openid",
        "profile",
        "x",
        f"{SCOPE} x",
        f"{SCOPE}  bolig:case.list",
    ):
        refused(among.exchange(held, scope=wrong), "invalid_scope")
    deployment.clock.forward(seconds=86_400)
    held = among.held()
    assert among.exchange(held).json()["scope"] == SCOPE
    refused(among.exchange(held, scope="bolig:case.list"), "invalid_scope")
    services, client_id = deployment.wiring.registry_services, among.service.client.client_id
    services.transact(
        lambda tx: services.scope_registrations.revoke(tx, SCOPE, client_id, actor="operator:test")
    )
    deployment.clock.forward(seconds=1)
    refused(among.exchange(held), "invalid_target")


def test_at_the_same_api_a_token_only_narrows(deployment: Deployment) -> None:
    """S-034."""
    among = authorities(deployment)
    own = resource_server(
        deployment,
        "https://own.nordhavn.example/",
        scopes=[scope_of("own:read"), scope_of("own:write"), scope_of("own:list")],
        organisation=organisation(deployment, "99000001"),
    )
    for word in ("own:read", "own:write"):
        let_use(deployment, among.service, word)
    for word in ("own:read", "own:list"):
        let_use(deployment, among.began, word)
    held = token_for(among.began, own, scope="own:read own:list")
    assert among.exchange(held, resource=own.identifier).json()["scope"] == "own:read"
    refused(among.exchange(held, resource=own.identifier, scope="own:write"), "invalid_scope")


# --- who may, and how ------------------------------------------------------------------------------------------


def test_only_a_client_that_registered_for_it_may_exchange(deployment: Deployment) -> None:
    """S-078; that a public client cannot register is tests/rules/test_registry_metadata.py's."""
    among = authorities(deployment)
    other = RelyingParty(deployment, deployment.clients["Byggesager"])
    refused(among.exchange(among.held(), other), "unauthorized_client")


def test_the_request_says_what_it_holds_and_nothing_of_another_actor(deployment: Deployment) -> None:
    """RFC 8693 §2.1."""
    among = authorities(deployment)
    held = among.held()
    jwt_type, refresh_type = (ACCESS_TOKEN.replace("access_token", kind) for kind in ("jwt", "refresh_token"))
    for changes in (
        {"subject_token": None},
        {"subject_token_type": None},
        {"subject_token_type": jwt_type},
        {"subject_token_type": "access_token"},
        {"requested_token_type": refresh_type},
        {"requested_token_type": jwt_type},
        {"actor_token": among.service.assertion(), "actor_token_type": jwt_type},
        {"actor_token_type": ACCESS_TOKEN},
    ):
        refused(among.exchange(**{"subject_token": held, **changes}))
    assert among.exchange(held, requested_token_type=ACCESS_TOKEN).status_code == 200


def test_no_token_without_its_row_in_the_citizens_ledger(deployment: Deployment) -> None:
    """S-092, S-336."""
    among = authorities(deployment)
    held = among.held()
    trigger = "CREATE TRIGGER broken BEFORE INSERT ON ledger BEGIN SELECT RAISE(FAIL, 'canary'); END"
    deployment.wiring.services.transact(lambda tx: tx.execute(text(trigger)))
    answer = among.exchange(held)
    assert answer.status_code in (500, 503) and "access_token" not in answer.json()
    deployment.wiring.services.transact(lambda tx: tx.execute(text("DROP TRIGGER broken")))
    assert among.exchange(held).status_code == 200 and len(rows(deployment)) == 1


# --- and the citizen sees it -----------------------------------------------------------------------------------


def test_the_citizen_reads_who_asked_whom_on_their_behalf(deployment: Deployment) -> None:
    """In their own language; what is asked again and again is one line with its number."""
    among = authorities(deployment)
    for _ in range(3):
        among.exchanged()
    me = OwnPages(deployment)
    me.open()
    for language, line, began in (
        ("da", "spurgte Boligregistret (Statens Boligstøtte) på dine vegne · 3 gange", "logget ind hos"),
        ("en", "asked Boligregistret (Statens Boligstøtte) on your behalf · 3 times", "signed in at"),
        ("nb", "spurte Boligregistret (Statens Boligstøtte) på dine vegne · 3 ganger", "logget inn hos"),
    ):
        me.get(f"?lang={language}")
        words = " ".join(me.get("/activity").words.split())
        assert f"Byggeregistret (Nordhavn Kommune) {line}" in words
        assert TEXT[language] in words and f"{began} Sundhedstider" in words
