"""A resource server learns what stands in live tokens that are meant for it, and nothing about any other."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from idp.app import create_app
from idp.wiring import Wiring
from keys.endings import compromise
from keys.own_tokens import issue_token
from keys.services import Order
from tests.support.deployment import Deployment
from tests.support.in_process import InProcessBrowser
from tests.support.refreshing import refreshing_party, tokens_of
from tests.support.relying_party import RelyingParty, claims_of
from tests.support.resource_server import ResourceServer, resource_server, token_for
from tests.support.signed_in import session_of

OTHER = "https://api.midtsund.example/"
INACTIVE = b'{"active":false}'


def dead(answer: requests.Response) -> None:
    """S-141: exactly this, whatever the reason."""
    assert (answer.status_code, answer.content) == (200, INACTIVE), answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"


# --- what is told ----------------------------------------------------------------------------------------------


def test_a_resource_is_told_what_stands_in_a_token_that_is_meant_for_it(deployment: Deployment) -> None:
    """RFC 7662 §2.2, RFC 9470 §6.2: everything but our own name for the grant, and nothing that is not in the token."""
    api, party = resource_server(deployment), RelyingParty(deployment, deployment.clients["Byggesager"])
    token = token_for(party, api)
    claims = claims_of(token)
    del claims["grant_id"]
    assert {
        "iss",
        "sub",
        "aud",
        "client_id",
        "iat",
        "exp",
        "jti",
        "scope",
        "acr",
        "auth_time",
        "cnf",
    } == claims.keys()
    assert api.told(token) == {"active": True, "token_type": "DPoP", **claims}
    assert api.told(token) == api.ask(token, token_type_hint="refresh_token").json()


def test_a_binding_and_a_chain_of_actors_are_told(deployment: Deployment) -> None:
    """RFC 8705 §3.2, RFC 9449 §6.2, RFC 9396 §9.2."""
    api, party = resource_server(deployment), RelyingParty(deployment, deployment.clients["Byggesager"])
    details = [{"type": "permit", "number": 7}]
    for cnf, token_type in (({"jkt": "k"}, "DPoP"), ({"x5t#S256": "c"}, "Bearer")):
        told = api.told(token_for(party, api, cnf=cnf, authorization_details=details, nbf=1))
        assert (told["cnf"], told["token_type"]) == (cnf, token_type)
        assert (told["authorization_details"], told["nbf"]) == (details, 1)


def test_a_machines_token_is_told_without_a_citizen(deployment: Deployment) -> None:
    api, party = resource_server(deployment), RelyingParty(deployment, deployment.clients["Byggesager"])
    token = token_for(party, api, sub=party.client.client_id, grant_id=None, acr=None, auth_time=None)
    told = api.told(token)
    assert told["active"] and told["sub"] == told["client_id"] == party.client.client_id
    assert not {"acr", "auth_time", "grant_id"} & told.keys()


# --- who may ask -----------------------------------------------------------------------------------------------


def test_nobody_but_a_resource_server_is_answered(deployment: Deployment) -> None:
    """S-141: no credential, a wrong one, and a client's, also that of the client whose token it is."""
    api, party = resource_server(deployment), refreshing_party(deployment, "secret")
    token, url = token_for(party, api), deployment.issuer + "/introspect"
    arguments: tuple[dict[str, Any], ...] = (
        {},
        {"auth": (api.resource_id, "wrong")},
        {"auth": (api.identifier, api.secret)},
        {"auth": (party.client.client_id, party.client.secret)},
        {"data": {"client_id": api.resource_id}},
        {"data": {"client_id": api.resource_id, "client_secret": api.secret}},
        {"headers": {"Authorization": f"Bearer {token}"}},
    )
    for given in arguments:
        data = {"token": token, **given.get("data", {})}
        answer = requests.post(url, **{**given, "data": data}, timeout=20)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), given
        assert "active" not in answer.json()
    keyed = RelyingParty(deployment, deployment.clients["Byggesager"])
    assert keyed.post("/introspect", {"token": token}).status_code == 401
    assert api.told(token)["active"]


def test_a_resources_credential_opens_nothing_but_introspection(deployment: Deployment) -> None:
    """S-112."""
    for api in (
        resource_server(deployment),
        resource_server(deployment, OTHER, introspection_auth_method="private_key_jwt"),
    ):
        for path, fields in (
            ("/token", {"grant_type": "client_credentials"}),
            ("/token", {"grant_type": "authorization_code", "code": "A" * 43}),
            ("/par", {"response_type": "code"}),
            ("/revoke", {"token": "A" * 43}),
        ):
            given = api.authentication()
            data = {**fields, **given.pop("data", {})}
            answer = requests.post(deployment.issuer + path, data=data, timeout=20, **given)
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), path


def test_an_assertion_of_a_resource_is_its_own_fresh_and_used_once(deployment: Deployment) -> None:
    """S-096, S-099: as for clients."""
    api = resource_server(deployment, introspection_auth_method="private_key_jwt")
    token = token_for(RelyingParty(deployment, deployment.clients["Byggesager"]), api)
    assert api.told(token)["active"]
    good = api.assertion()
    thief = ResourceServer(deployment, api.identifier, api.resource_id, key=ECKey.generate_key("P-256"))
    endpoint = f"{deployment.issuer}/introspect"

    def status(assertion: str) -> int:
        kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        data = {"client_assertion_type": kind, "client_assertion": assertion, "token": token}
        return requests.post(endpoint, data=data, timeout=20).status_code

    assert [status(good), status(good)] == [200, 401]
    past = int(deployment.clock().timestamp()) - 1
    for wrong in (
        thief.assertion(),
        api.assertion(aud=endpoint),
        api.assertion(exp=past),
        api.assertion(sub="x"),
    ):
        assert status(wrong) == 401


def test_a_disabled_resource_or_organisation_is_told_of_none(deployment: Deployment) -> None:
    """S-142: within a second."""
    registry = deployment.wiring.registry_services
    api, party = resource_server(deployment), RelyingParty(deployment, deployment.clients["Byggesager"])
    token = token_for(party, api)
    registry.transact(
        lambda tx: registry.resource_registrations.disable(tx, api.identifier, actor="operator:test")
    )
    deployment.clock.forward(seconds=1)
    assert api.ask(token).status_code == 401
    organisation = deployment.add_organisation("Statens Register", "99000008", "state")
    other = resource_server(deployment, OTHER, organisation=organisation)
    token = token_for(party, other)
    assert other.told(token)["active"]
    registry.transact(
        lambda tx: registry.registrations.disable_organisation(tx, organisation, actor="operator:test")
    )
    deployment.clock.forward(seconds=1)
    assert other.ask(token).status_code == 401


# --- what is not told ------------------------------------------------------------------------------------------


def test_every_token_that_is_not_for_this_resource_is_the_same_nothing(deployment: Deployment) -> None:
    """S-141, S-150, S-063: another's, our own userinfo's, other kinds, edited ones, garbage."""
    api, other = resource_server(deployment), resource_server(deployment, OTHER)
    party = refreshing_party(deployment)
    tokens, token = tokens_of(party), token_for(party, api)
    head, body, signature = token.split(".")
    last = "A" if signature[-1] != "A" else "Q"
    claims = claims_of(token)
    ring = deployment.wiring.key_ring
    wrong = [
        token_for(party, other),
        token_for(party, api, aud=api.identifier + "/"),
        token_for(party, api, iss="https://evil.test"),
        tokens["access_token"],
        tokens["refresh_token"],
        tokens["id_token"],
        party.assertion(),
        issue_token(ring, "ES256", "JWT", claims),
        issue_token(ring, "ES256", "token-introspection+jwt", claims),
        issue_token(ring, "ES256", "userinfo+jwt", claims),
        jwt.encode({"alg": "ES256", "typ": "at+jwt"}, claims, ECKey.generate_key("P-256")),
        f"{head}.{body}.{signature[:-1]}{last}",
        f"{head}.{body}.",
        token + "A",
        token[:-1],
        "A" * 43,
        "x",
        "æ",
        "x" * 60_000,
    ]
    for presented in wrong:
        dead(api.ask(presented))
    assert api.told(token)["active"]


End = Callable[[Deployment, RelyingParty, str], None]


def _its_time(deployment: Deployment, party: RelyingParty, token: str) -> None:
    deployment.clock.forward(seconds=300)


def _itself(deployment: Deployment, party: RelyingParty, token: str) -> None:
    assert party.post("/revoke", {"token": token}).status_code == 200


def _its_grant(deployment: Deployment, party: RelyingParty, token: str) -> None:
    services, grant_id = deployment.wiring.services, claims_of(token)["grant_id"]
    services.transact(lambda tx: services.grants.revoke(tx, grant_id, deployment.clock()))


def _its_session(deployment: Deployment, party: RelyingParty, token: str) -> None:
    citizen = deployment.citizens["freja.holm"].citizen
    deployment.wiring.citizens.end_sessions(citizen, actor="operator:test", reason="a test")


def _its_citizen(deployment: Deployment, party: RelyingParty, token: str) -> None:
    citizen = deployment.citizens["freja.holm"].citizen
    deployment.wiring.citizens.block(citizen, actor="operator:test", reason="a test")


def _its_client(deployment: Deployment, party: RelyingParty, token: str) -> None:
    registry = deployment.wiring.registry_services
    registry.transact(
        lambda tx: registry.registrations.disable(tx, party.client.client_id, actor="operator:test")
    )


def _its_scope(deployment: Deployment, party: RelyingParty, token: str) -> None:
    registry, (word,) = deployment.wiring.registry_services, claims_of(token)["scope"].split()
    take_back, client_id = registry.scope_registrations.revoke, party.client.client_id
    registry.transact(lambda tx: take_back(tx, word, client_id, actor="operator:test"))


def _its_key(deployment: Deployment, party: RelyingParty, token: str) -> None:
    compromise(deployment.wiring.keys_services, _kid(token), Order("operator:test", "a test"))
    deployment.clock.forward(seconds=5)  # keys.md, rule 6


def _kid(token: str) -> str:
    header = token.partition(".")[0]
    return str(json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["kid"])


ENDS: tuple[End, ...] = (
    _its_time, _itself, _its_grant, _its_session, _its_citizen, _its_client, _its_scope, _its_key,
)  # fmt: skip


@pytest.mark.parametrize("end", ENDS, ids=[end.__name__.lstrip("_") for end in ENDS])
def test_a_token_is_not_active_once_anything_ended_it(deployment: Deployment, end: End) -> None:
    """S-142: each by itself, in every process within a second, a compromised key within five."""
    party, api = refreshing_party(deployment), resource_server(deployment)
    session = session_of(deployment)
    deployment.wiring.services.browser_sessions.put("s" * 43, session)
    token = token_for(party, api, session)
    neighbour = create_app(deployment.settings, deployment.clock)
    try:
        there = InProcessBrowser(neighbour, deployment.issuer)
        assert api.secret is not None
        basic = requests.Request("POST", "http://x", auth=(api.resource_id, api.secret)).prepare().headers

        def elsewhere() -> str:
            return there.send("POST", "/introspect", {"token": token}, str(basic["Authorization"])).body

        assert api.told(token)["active"] and '"active":true' in elsewhere()
        end(deployment, party, token)
        deployment.clock.forward(seconds=1)
        dead(api.ask(token))
        assert elsewhere() == INACTIVE.decode()
    finally:
        neighbour.wiring.close()


def test_a_request_without_a_token_is_told_so(deployment: Deployment) -> None:
    api = resource_server(deployment)
    answer = api.ask("")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_random_tokens_are_throttled_and_honest_ones_are_not(deployment: Deployment) -> None:
    """S-144: only what was never issued counts, so that nobody can shut out a resource's honest callers."""
    api, other = resource_server(deployment), resource_server(deployment, OTHER)
    party = RelyingParty(deployment, deployment.clients["Byggesager"])
    token = token_for(party, api)
    rates, window = deployment.wiring.services.rates, deployment.wiring.policy.failure_window
    for _ in range(299):
        rates.count("introspection-miss", api.resource_id, window)
    dead(api.ask("A" * 43))
    throttled = api.ask("A" * 43)
    assert throttled.status_code == 429 and int(throttled.headers["Retry-After"]) > 0
    assert api.told(token)["active"]
    dead(api.ask(token_for(party, other)))
    dead(other.ask("A" * 43))


# --- signed answers --------------------------------------------------------------------------------------------

SIGNED = "application/token-introspection+jwt"


def _opened(deployment: Deployment, answer: requests.Response) -> tuple[dict[str, Any], dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    assert (answer.headers["Content-Type"], answer.headers["Cache-Control"]) == (SIGNED, "no-store")
    keys = KeySet.import_key_set(requests.get(deployment.issuer + "/jwks", timeout=20).json())
    opened = jwt.decode(answer.content, keys, algorithms=["ES256", "PS256"])
    return dict(opened.header), dict(opened.claims)


def test_an_answer_is_signed_for_who_asks_for_that(deployment: Deployment) -> None:
    """RFC 9701 §4, §5: for this resource, of its own type, and no token by itself."""
    api, party = resource_server(deployment), RelyingParty(deployment, deployment.clients["Byggesager"])
    token = token_for(party, api)
    header, claims = _opened(deployment, api.ask(token, accept=f"application/json;q=0.5, {SIGNED}"))
    assert (header["alg"], header["typ"]) == ("ES256", "token-introspection+jwt")
    now = int(deployment.clock().timestamp())
    assert claims == {
        "iss": deployment.issuer,
        "aud": [api.identifier, api.resource_id],
        "iat": now,
        "token_introspection": api.told(token),
    }
    _, claims = _opened(deployment, api.ask("A" * 43, accept=SIGNED.upper()))
    assert claims["token_introspection"] == {"active": False}
    for accept in ("*/*", "application/*", "application/jwt", "x" + SIGNED):
        assert api.ask(token, accept=accept).headers["Content-Type"] == "application/json"


def test_a_resource_that_registered_for_it_is_told_nothing_unsigned(deployment: Deployment) -> None:
    """RFC 9701 §6; FAPI 2.0 Message Signing §5.5: also what it is not told, and by the algorithm that it named."""
    able = Wiring(replace(deployment.settings, key_algorithms=("ES256", "EdDSA")), deployment.clock)
    metadata = {"token_algorithm": "EdDSA", "introspection_signed_response_alg": "ES256"}
    api = resource_server(deployment, services=able.registry_services, **metadata)
    able.close()
    party = RelyingParty(deployment, deployment.clients["Byggesager"])
    header, claims = _opened(deployment, api.ask(token_for(party, api)))
    assert header["alg"] == "ES256" and claims["token_introspection"]["active"] is True
    _, claims = _opened(deployment, api.ask(tokens_of(party)["access_token"]))
    assert claims["token_introspection"] == {"active": False}


def test_a_signed_answer_passes_for_no_other_token(deployment: Deployment) -> None:
    """S-063: RFC 9701 §8.1."""
    api, party = resource_server(deployment), RelyingParty(deployment, deployment.clients["Byggesager"])
    answer = api.ask(token_for(party, api), accept=SIGNED).text
    assert party.userinfo(answer).status_code == 401
    dead(api.ask(answer))
    assert party.post("/revoke", {"token": answer}).status_code == 200
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    data = {"client_assertion_type": kind, "client_assertion": answer}
    assert requests.post(deployment.issuer + "/token", data=data, timeout=20).status_code == 401
