"""A chain of exchanges only ever narrows, by whatever way it goes, and ends with each token that it went through."""

from dataclasses import dataclass

import pytest
import requests

from idp.tokens.opaque_token import is_opaque
from tests.support.deployment import Deployment
from tests.support.exchanging import SCOPE, Authorities, authorities, exchanging_party, organisation
from tests.support.refreshing import tokens_of
from tests.support.relying_party import RelyingParty, claims_of
from tests.support.resource_server import ResourceServer, let_use, resource_server, scope_of, token_for

READ, WRITE, LIST = "own:read", "own:write", "own:list"


def refused(answer: requests.Response, error: str) -> None:
    assert (answer.status_code, answer.json()["error"]) == (400, error), answer.text
    assert "access_token" not in answer.json()


def given(answer: requests.Response) -> tuple[str, set[str]]:
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"]), set(answer.json()["scope"].split())


@dataclass
class Detour:
    """An API of three scopes, the service behind it, another authority's API, and the service behind that one.

    Both services were granted all three scopes at the first API, and the first of them one at the second API.
    """

    among: Authorities
    own: ResourceServer
    there: RelyingParty

    def held(self, scope: str) -> str:
        return token_for(self.among.began, self.own, scope=scope)

    def away(self, token: str) -> str:
        """The first service asks the second API."""
        return given(self.among.exchange(token))[0]

    def back(self, token: str, **more: str) -> requests.Response:
        """The service behind the second API asks the first one."""
        return self.among.exchange(token, self.there, resource=self.own.identifier, **more)


def detour(deployment: Deployment, **metadata: str) -> Detour:
    among = authorities(deployment, **metadata)
    own = resource_server(
        deployment,
        "https://own.nordhavn.example/",
        scopes=[scope_of(READ), scope_of(WRITE), scope_of(LIST)],
        organisation=organisation(deployment, "99000001"),
        **metadata,
    )
    there = exchanging_party(deployment, "99000002", "Boligfonden")
    for party in (among.began, among.service, there):
        for word in (READ, WRITE, LIST):
            let_use(deployment, party, word)
    return Detour(among, own, there)


@pytest.mark.parametrize("form", ["jwt", "opaque"])
def test_a_way_that_leads_back_to_an_api_gives_no_more_there_than_it_began_with(
    deployment: Deployment, form: str
) -> None:
    """S-034: whatever the one who comes back was granted at that API."""
    way = detour(deployment, token_form=form)
    away = way.away(way.held(READ))
    assert is_opaque(away) == (form == "opaque")
    token, scope = given(way.back(away))
    assert scope == {READ} and way.own.told(token)["scope"] == READ
    for wider in (WRITE, f"{READ} {LIST}"):
        refused(way.back(away, scope=wider), "invalid_scope")
    both = way.away(way.held(f"{READ} {LIST}"))
    assert given(way.back(both))[1] == {READ, LIST}
    assert given(way.back(both, scope=LIST))[1] == {LIST}


def test_what_was_given_up_at_an_api_does_not_come_back(deployment: Deployment) -> None:
    """S-034: the narrowest that the chain ever had there counts, and with nothing of it there is no token."""
    way = detour(deployment)
    narrower = way.among.exchange(way.held(f"{READ} {LIST}"), resource=way.own.identifier, scope=LIST)
    away = way.away(given(narrower)[0])
    assert given(way.back(away))[1] == {LIST}
    refused(way.back(away, scope=READ), "invalid_scope")
    only_read = exchanging_party(deployment, "99000002", "Boligarkivet")
    let_use(deployment, only_read, READ)
    refused(way.among.exchange(away, only_read, resource=way.own.identifier), "invalid_target")


def test_an_api_does_not_read_in_its_token_what_may_be_done_at_another(deployment: Deployment) -> None:
    """RFC 8693 §6: what the chain had elsewhere is for us alone."""
    way = detour(deployment)
    held = way.held(READ)
    away = way.away(held)
    seen = str(claims_of(away)) + str(way.among.asked.told(away))
    assert claims_of(away)["scope"] == SCOPE
    for hidden in (READ, way.own.identifier, claims_of(held)["sub"]):
        assert hidden not in seen
    assert "chain" not in way.among.asked.told(away)


# --- a service's own sign-in -----------------------------------------------------------------------------------


def signed_in(party: RelyingParty, api: ResourceServer, scope: str) -> str:
    """A token for userinfo, of a sign-in that asked for this much at the API too."""
    party.scope, party.extra = f"openid profile {scope}", {"resource": api.identifier}
    token = tokens_of(party, resource=party.deployment.issuer)["access_token"]
    assert claims_of(token)["aud"] == party.deployment.issuer
    return str(token)


def test_a_token_for_userinfo_gives_no_more_at_an_api_than_the_citizen_agreed_to_there(
    deployment: Deployment,
) -> None:
    """S-034: neither at once nor by a way around."""
    way = detour(deployment)
    token = signed_in(way.among.service, way.own, READ)
    own = way.own.identifier
    assert given(way.among.exchange(token, resource=own))[1] == {READ}
    refused(way.among.exchange(token, resource=own, scope=WRITE), "invalid_scope")
    away = way.away(token)
    assert given(way.back(away))[1] == {READ}
    refused(way.back(away, scope=WRITE), "invalid_scope")


def test_where_a_purpose_rests_on_consent_the_own_sign_in_opens_no_api_that_was_not_in_it(
    deployment: Deployment,
) -> None:
    """S-034: the page that asks the citizen is not gone around by an exchange."""
    way = detour(deployment)
    known = deployment.wiring.registry.find_client(way.there.client.client_id)
    assert known is not None
    purpose = {**known.client.purposes[0].as_json(), "legal_ground": "consent"}
    asking = exchanging_party(deployment, "99000001", "Spørgeren", purposes=[purpose])
    for word in (READ, WRITE, SCOPE):
        let_use(deployment, asking, word)
    token = signed_in(asking, way.own, READ)
    assert given(way.among.exchange(token, asking, resource=way.own.identifier))[1] == {READ}
    at_its_own_api = tokens_of(asking)["access_token"]
    assert claims_of(at_its_own_api)["aud"] == way.own.identifier
    for held in (token, at_its_own_api):
        refused(way.among.exchange(held, asking), "invalid_target")
        refused(way.among.exchange(held, asking, scope=SCOPE), "invalid_target")
    by_whom_was_asked = given(way.among.exchange(at_its_own_api))
    assert by_whom_was_asked[1] == {SCOPE}


# --- and its end -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["jwt", "opaque"])
def test_what_came_from_a_revoked_token_ends_with_it(deployment: Deployment, form: str) -> None:
    """S-142: within a second, however many hands it went through; and it is worth no other token."""
    way = detour(deployment, token_form=form)
    held, other = way.held(READ), way.held(READ)
    away = way.away(held)
    back, beside = given(way.back(away))[0], way.away(other)
    assert way.own.told(back)["active"] and way.among.asked.told(away)["active"]
    assert way.among.began.post("/revoke", {"token": held}).status_code == 200
    deployment.clock.forward(seconds=1)
    assert way.among.asked.told(away) == way.own.told(back) == {"active": False}
    refused(way.back(away), "invalid_request")
    assert way.among.asked.told(beside)["active"] and way.own.told(other)["active"]


def test_one_in_the_middle_ends_what_came_from_it_and_not_what_it_came_from(deployment: Deployment) -> None:
    """S-142, RFC 7009 §2.1."""
    way = detour(deployment)
    held = way.held(READ)
    away = way.away(held)
    back = given(way.back(away))[0]
    assert way.among.service.post("/revoke", {"token": away}).status_code == 200
    deployment.clock.forward(seconds=1)
    assert way.own.told(back) == {"active": False}
    assert way.own.told(held)["active"]
