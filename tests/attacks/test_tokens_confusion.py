"""A token opens what it was made for, while its grant lives, and nothing else."""

import base64
import json
from typing import Any

import requests
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from idp.protocol import dpop
from tests.support.deployment import Deployment
from tests.support.refreshing import tokens_of
from tests.support.relying_party import RelyingParty
from tests.support.signed_in import code_for, session_of
from tests.support.signing_out import given_in


def _tokens(deployment: Deployment, name: str = "Byggesager") -> tuple[RelyingParty, dict[str, Any], str]:
    party = RelyingParty(deployment, deployment.clients[name])
    asked, session = party.ask(), session_of(deployment)
    answer = party.redeem(code_for(party, asked, session), asked.verifier)
    return party, answer.json(), session.session_id


def _refused(answer: requests.Response) -> None:
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token"), answer.text
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def logout_token(deployment: Deployment, client_id: str) -> str:
    """Of a session in which this client was given something."""
    session, queue = session_of(deployment), deployment.wiring.logout_notices
    given_in(deployment, session, client_id)
    deployment.wiring.services.transact(lambda tx: queue.write(tx, session.session_id, at=deployment.clock()))
    (notice,) = queue.of_sessions([session.session_id])
    registered = deployment.wiring.registry.find_client(client_id)
    assert registered is not None
    return deployment.wiring.logout_token(registered, notice)


def test_a_logout_token_is_no_id_token_hint(deployment: Deployment) -> None:
    """S-063: neither at the authorization endpoint nor at the end session endpoint."""
    party, _, _ = _tokens(deployment)
    token = logout_token(deployment, party.client.client_id)
    answer = party.post("/par", party.parameters("v" * 43, "s", "n", id_token_hint=token))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    answer = requests.get(f"{deployment.issuer}/end-session?id_token_hint={token}", timeout=20)
    assert answer.status_code == 400


def test_no_token_but_an_access_token_of_ours_opens_userinfo(deployment: Deployment) -> None:
    """S-063, S-135, S-150, S-153, S-154."""
    party, tokens, _ = _tokens(deployment)
    access = tokens["access_token"]
    head, body, signature = access.split(".")
    header = json.loads(base64.urlsafe_b64decode(head + "=="))
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    thief = ECKey.generate_key("P-256")
    wrong = [
        tokens["id_token"],
        logout_token(deployment, party.client.client_id),
        party.assertion(),
        access[:-1],
        access + "A",
        access + "=",
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{head}.{body}.{signature[:-1]}{'A' if signature[-1] != 'A' else 'Q'}",
        jwt.encode(header, claims, thief),
        jwt.encode({**header, "jwk": thief.as_dict(private=False)}, claims, thief),
        jwt.encode({**header, "kid": "x"}, claims, thief),
        "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0." + body + ".",
        "x",
    ]
    url = deployment.issuer + "/userinfo"
    for token in wrong:
        bound = {"DPoP": party.proof("GET", "/userinfo", token)["DPoP"].encode()}
        for headers in (
            {"Authorization": b"Bearer " + token.encode()},
            bound | {"Authorization": b"DPoP " + token.encode()},
        ):
            _refused(requests.get(url, headers=headers, timeout=20))
    for scheme in ("Bearer", "DPoP"):  # no token at all: no header has such characters
        answer = requests.get(url, headers={"Authorization": f"{scheme} æ".encode()}, timeout=20)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert party.userinfo(access).status_code == 200


def test_an_access_token_is_no_client_assertion_and_no_id_token_either(deployment: Deployment) -> None:
    """S-063."""
    party, tokens, _ = _tokens(deployment)
    logout = logout_token(deployment, party.client.client_id)
    for token in (tokens["access_token"], tokens["id_token"], logout):
        answer = requests.post(
            deployment.issuer + "/par",
            data={
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "client_assertion": token,
            },
            timeout=20,
        )
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_token_is_taken_from_one_place_and_never_from_the_query(deployment: Deployment) -> None:
    """S-136: from the body only where the profile allows it."""
    url = deployment.issuer + "/userinfo"
    for name, in_body in (("Byggesager", 400), ("Sundhedstider", 200)):
        party, tokens, _ = _tokens(deployment, name)
        access = tokens["access_token"]
        sent = {"access_token": access}
        assert requests.get(url, params=sent, timeout=20).status_code == 400
        headers = party.presented(access)
        assert requests.get(url, params=sent, headers=headers, timeout=20).status_code == 400
        headers = party.presented(access, "POST")
        assert requests.post(url, headers=headers, timeout=20).status_code == 200
        assert requests.post(url, data=sent, timeout=20).status_code == in_body
        headers = party.presented(access, "POST")
        assert requests.post(url, data=sent, headers=headers, timeout=20).status_code == 400
        headers = party.presented(access)
        lower = headers | {"Authorization": headers["Authorization"].replace("Bearer", "bearer")}
        assert requests.get(url, headers=lower, timeout=20).status_code == 200


def test_a_request_without_the_verb_for_it_has_no_body(deployment: Deployment) -> None:
    """S-136, RFC 6750 §2.2: a GET with a token in its body is what a cache or a proxy in between has no eyes for."""
    party, url = (
        RelyingParty(deployment, deployment.clients["Sundhedstider"]),
        deployment.issuer + "/userinfo",
    )
    token = tokens_of(party)["access_token"]
    sent, header = {"access_token": token}, {"Authorization": f"Bearer {token}"}
    assert requests.post(url, data=sent, timeout=20).status_code == 200
    for method, headers, body in (("GET", {}, sent), ("HEAD", {}, sent), ("GET", header, {"a": "b"})):
        answer = requests.request(method, url, data=body, headers=headers, timeout=20)
        assert answer.status_code == 400, (method, headers)
    assert requests.get(url, headers=header, timeout=20).status_code == 200


def test_a_request_without_a_token_is_told_which_scheme_to_use(deployment: Deployment) -> None:
    """RFC 6750 §3.1, RFC 9449 §7.1: and no error code."""
    for headers in (
        {},
        {"Authorization": "Basic x"},
        {"Authorization": "Bearer"},
        {"Authorization": "DPoP"},
    ):
        answer = requests.get(deployment.issuer + "/userinfo", headers=headers, timeout=20)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == f'Bearer realm="adgang", {dpop.CHALLENGE}'


def test_a_token_ends_with_its_time_its_session_its_citizen_or_its_client(deployment: Deployment) -> None:
    """S-035: each by itself."""
    services = deployment.wiring.services

    party, tokens, _ = _tokens(deployment)
    deployment.clock.forward(seconds=299)
    assert party.userinfo(tokens["access_token"]).status_code == 200
    deployment.clock.forward(seconds=1)
    _refused(party.userinfo(tokens["access_token"]))

    party, tokens, session_id = _tokens(deployment)
    services.transact(
        lambda tx: services.grants.revoke_all_of(tx, at=deployment.clock(), session_id=session_id)
    )
    _refused(party.userinfo(tokens["access_token"]))

    party, tokens, _ = _tokens(deployment)
    citizen = services.citizens.find_by_user_id("freja.holm")
    assert citizen is not None
    services.transact(lambda tx: services.citizens.set_status(tx, citizen.citizen_id, "blocked"))
    _refused(party.userinfo(tokens["access_token"]))
    services.transact(lambda tx: services.citizens.set_status(tx, citizen.citizen_id, "active"))

    party, tokens, _ = _tokens(deployment)
    registry = deployment.wiring.registry_services
    registry.transact(
        lambda tx: registry.registrations.disable(tx, party.client.client_id, actor="operator:test")
    )
    deployment.clock.forward(seconds=2)
    _refused(party.userinfo(tokens["access_token"]))


def test_a_token_is_never_signed_by_a_key_that_is_not_published(deployment: Deployment) -> None:
    """S-374, S-385: and the JWKS has public members only."""
    published = requests.get(deployment.issuer + "/jwks", timeout=20).json()
    for key in published["keys"]:
        assert not {"d", "p", "q", "k"} & key.keys()
    keys = KeySet.import_key_set(published)
    for name in ("Byggesager", "Sundhedstider"):
        tokens = _tokens(deployment, name)[1]
        for token in (tokens["access_token"], tokens["id_token"]):
            jwt.decode(token, keys, algorithms=["ES256", "RS256"])


def test_a_subject_is_never_a_client_id(deployment: Deployment) -> None:
    """S-140: the two name spaces are disjoint."""
    party, tokens, _ = _tokens(deployment)
    subject = party.userinfo(tokens["access_token"]).json()["sub"]
    assert "." in subject
    assert all("." not in client.client_id for client in deployment.clients.values())
