"""From a code to tokens to claims, as a client sees it."""

import hashlib
from base64 import urlsafe_b64encode
from typing import Any

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.support.deployment import Deployment
from tests.support.relying_party import RelyingParty
from tests.support.signed_in import code_for, session_of


def _verified(deployment: Deployment, token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, verified by a foreign library with the published keys."""
    keys = KeySet.import_key_set(requests.get(deployment.issuer + "/jwks", timeout=20).json())
    verified = jwt.decode(token, keys, algorithms=["ES256", "RS256"])
    return verified.header, verified.claims


@pytest.mark.parametrize("name", ["Byggesager", "Sundhedstider"])
def test_a_code_becomes_tokens_and_the_token_opens_userinfo(deployment: Deployment, name: str) -> None:
    """S-091: and nobody keeps the answer."""
    party = RelyingParty(deployment, deployment.clients[name])
    asked = party.ask()
    answer = party.redeem(code_for(party, asked), asked.verifier)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"] == "application/json"
    assert "Set-Cookie" not in answer.headers
    tokens = answer.json()
    assert tokens["token_type"] == ("DPoP" if party.dpop else "Bearer")
    assert tokens["expires_in"] == 300
    claims = party.userinfo(tokens["access_token"])
    assert claims.status_code == 200, claims.text
    _, identity = _verified(deployment, tokens["id_token"])
    assert claims.json() == {
        "sub": identity["sub"],
        "name": "Freja Holm",
        "given_name": "Freja",
        "family_name": "Holm",
        "birthdate": "1970-02-28",
    }


def test_the_id_token_says_who_signed_in_when_and_how_and_nothing_personal(deployment: Deployment) -> None:
    """S-133."""
    party = RelyingParty(deployment, deployment.clients["Byggesager"])
    asked = party.ask()
    session = session_of(deployment)
    deployment.clock.forward(seconds=7)
    tokens = party.redeem(code_for(party, asked, session), asked.verifier).json()
    header, claims = _verified(deployment, tokens["id_token"])
    now = int(deployment.clock().timestamp())
    left_half = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
    assert header["alg"] == "ES256"
    assert len(claims.pop("jti")) >= 22
    assert claims.pop("sub").startswith("c.")
    assert len(claims.pop("sid")) == 43
    assert claims == {
        "iss": deployment.issuer,
        "aud": party.client.client_id,
        "iat": now,
        "exp": now + 300,
        "auth_time": now - 7,
        "acr": "urn:adgang:loa:substantial",
        "amr": ["pwd", "otp", "mfa"],
        "nonce": asked.nonce,
        "at_hash": urlsafe_b64encode(left_half).rstrip(b"=").decode(),
    }


def test_the_access_token_is_typed_and_meant_for_one_audience(deployment: Deployment) -> None:
    """S-134."""
    party = RelyingParty(deployment, deployment.clients["Byggesager"])
    asked = party.ask()
    tokens = party.redeem(code_for(party, asked), asked.verifier).json()
    header, claims = _verified(deployment, tokens["access_token"])
    assert header["typ"] == "at+jwt"
    assert claims["aud"] == deployment.issuer
    assert claims["client_id"] == party.client.client_id
    assert len(claims["jti"]) == 43
    assert "name" not in claims


def test_each_client_gets_the_algorithm_it_registered(deployment: Deployment) -> None:
    """S-387: RS256 where an `oidc` client registered none, ES256 otherwise."""
    for name, algorithm in (("Byggesager", "ES256"), ("Sundhedstider", "RS256")):
        party = RelyingParty(deployment, deployment.clients[name])
        asked = party.ask()
        tokens = party.redeem(code_for(party, asked), asked.verifier).json()
        assert _verified(deployment, tokens["id_token"])[0]["alg"] == algorithm


def test_two_organisations_know_a_citizen_by_different_subjects_and_sessions(deployment: Deployment) -> None:
    session, seen = session_of(deployment), []
    for name in ("Byggesager", "Sundhedstider"):
        party = RelyingParty(deployment, deployment.clients[name])
        asked = party.ask()
        tokens = party.redeem(code_for(party, asked, session), asked.verifier).json()
        claims = _verified(deployment, tokens["id_token"])[1]
        seen.append((claims["sub"], claims["sid"]))
    assert seen[0][0] != seen[1][0]
    assert seen[0][1] != seen[1][1]
    assert session.citizen_id not in str(seen) and session.session_id not in str(seen)


def test_the_ledger_says_which_claims_a_token_released_and_on_which_ground(deployment: Deployment) -> None:
    party = RelyingParty(deployment, deployment.clients["Boligstøtte"], scope="openid profile email cpr")
    asked, session = party.ask(), session_of(deployment)
    tokens = party.redeem(code_for(party, asked, session), asked.verifier).json()
    claims = party.userinfo(tokens["access_token"]).json()
    assert claims["cpr"] == "8802701234"
    rows = list(deployment.wiring.services.ledger.of_citizen(session.citizen_id))
    issued = [row for row in rows if row.event == "token-issued"]
    assert len(issued) == 1
    assert issued[0].actor == f"client:{party.client.client_id}"
    assert issued[0].facts["legal_ground"] == "consent"
    assert set(claims) - {"sub"} <= set(issued[0].facts["claims"])  # type: ignore[arg-type]


def test_claims_that_were_not_asked_for_are_not_given(deployment: Deployment) -> None:
    """S-152: a client that asks for a profile gets no CPR number, though its purpose would allow it."""
    party = RelyingParty(deployment, deployment.clients["Boligstøtte"], scope="openid profile")
    asked = party.ask()
    tokens = party.redeem(code_for(party, asked), asked.verifier).json()
    assert "cpr" not in party.userinfo(tokens["access_token"]).json()
    assert "email" not in party.userinfo(tokens["access_token"]).json()


def test_a_client_may_get_its_claims_signed(deployment: Deployment) -> None:
    """S-151."""
    organisation = deployment.wiring.registry.organisations()[0].organisation_id
    client = deployment.add_client("Signeret", organisation, userinfo_signed_response_alg="ES256")
    party = RelyingParty(deployment, client)
    asked = party.ask()
    tokens = party.redeem(code_for(party, asked), asked.verifier).json()
    answer = party.userinfo(tokens["access_token"])
    assert answer.headers["Content-Type"] == "application/jwt"
    header, claims = _verified(deployment, answer.text)
    assert header["alg"] == "ES256"
    assert claims["iss"] == deployment.issuer
    assert claims["aud"] == client.client_id
    assert claims["name"] == "Freja Holm"
    assert claims["sub"] == _verified(deployment, tokens["id_token"])[1]["sub"]
