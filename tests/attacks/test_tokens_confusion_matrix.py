"""Every kind of token that passes here, presented in every place that takes one: each opens its own place and no other."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import requests

from idp.protocol import jarm
from idp.tokens.logout_token import issue_logout_token
from keys.own_tokens import issue_token
from tests.support.deployment import Deployment
from tests.support.exchanging import EXCHANGE, Authorities, authorities, exchanging_party
from tests.support.refreshing import refresh, tokens_of
from tests.support.relying_party import RelyingParty
from tests.support.request_objects import request_object
from tests.support.resource_server import let_use, token_for
from tests.support.signed_in import session_of

SIGNED = "application/token-introspection+jwt"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass
class World:
    """One service with everything that it can hold."""

    among: Authorities
    party: RelyingParty
    tokens: Mapping[str, str]

    @property
    def issuer(self) -> str:
        return self.among.deployment.issuer


def world(deployment: Deployment) -> World:
    among = authorities(deployment)
    party = exchanging_party(
        deployment,
        name="Alt",
        grant_types=["authorization_code", "refresh_token", EXCHANGE],
        userinfo_signed_response_alg="ES256",
    )
    let_use(deployment, party, "bolig:case.list")
    given, client_id = tokens_of(party), party.client.client_id
    api_token = token_for(party, among.own_api)
    answer = {"iss": deployment.issuer, "aud": client_id, "exp": 2**32, "code": "A" * 43, "state": "s"}
    tokens = {
        "id token": given["id_token"],
        "access token": given["access_token"],
        "access token for an API": api_token,
        "exchanged token": among.exchange(api_token, party).json()["access_token"],
        "refresh token": given["refresh_token"],
        "signed userinfo": party.userinfo(given["access_token"]).text,
        "signed introspection": among.own_api.ask(api_token, accept=SIGNED).text,
        "signed authorization response": issue_token(deployment.wiring.key_ring, "ES256", jarm.TYP, answer),
        "logout token": _logout_token(party),
        "client assertion": party.assertion(),
        "request object": request_object(party, party.parameters("v" * 43, "s", "n")),
    }
    return World(among, party, tokens)


def _logout_token(party: RelyingParty) -> str:
    services, session = party.deployment.wiring.services, session_of(party.deployment)
    registered = services.registry.find_client(party.client.client_id)
    assert registered is not None
    return issue_logout_token(
        services.policy,
        services.key_ring,
        services.subjects,
        client=registered.client,
        citizen_id=session.citizen_id,
        session_id=session.session_id,
        now=party.deployment.clock(),
    )


def _ok(answer: requests.Response) -> bool:
    assert answer.status_code < 500, answer.text
    return answer.status_code < 400


def userinfo(world: World, token: str) -> bool:
    return _ok(world.party.userinfo(token))


def introspection(world: World, token: str) -> bool:
    return bool(world.among.own_api.told(token)["active"])


def introspection_elsewhere(world: World, token: str) -> bool:
    return bool(world.among.asked.told(token)["active"])


def exchange(world: World, token: str) -> bool:
    return _ok(world.among.exchange(token, world.party))


def refreshing(world: World, token: str) -> bool:
    return _ok(refresh(world.party, token))


def client_authentication(world: World, token: str) -> bool:
    fields = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": token, "token": "x"}
    return _ok(requests.post(world.issuer + "/revoke", data=fields, timeout=20))


def authorization_request(world: World, token: str) -> bool:
    return _ok(world.party.post("/par", {"request": token}))


def hint(world: World, token: str) -> bool:
    parameters = world.party.parameters("v" * 43, "s", "n", id_token_hint=token)
    return _ok(world.party.post("/par", parameters))


PLACES: dict[Callable[[World, str], bool], set[str]] = {
    userinfo: {"access token"},
    introspection: {"access token for an API"},
    introspection_elsewhere: {"exchanged token"},
    exchange: {"access token", "access token for an API"},
    refreshing: {"refresh token"},
    client_authentication: {"client assertion"},
    authorization_request: {"request object"},
    hint: {"id token"},
}


def test_each_token_opens_its_own_place_and_no_other(deployment: Deployment) -> None:
    """S-063, S-135, S-141, S-150: eleven kinds, eight places."""
    everything = world(deployment)
    opened = {
        place.__name__: {kind for kind, token in everything.tokens.items() if place(everything, token)}
        for place in PLACES
    }
    assert opened == {place.__name__: kinds for place, kinds in PLACES.items()}
