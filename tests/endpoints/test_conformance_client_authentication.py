"""What outsiders will try with a client's authentication (conformance.md, FAPI 2.0), at the pushed request and at the token endpoint."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.support.certificates import CertificateParty, add_tls_client, ec_key, self_signed
from tests.support.clock import FrozenClock
from tests.support.deployment import Deployment
from tests.support.mutual_tls import behind_proxy
from tests.support.refreshing import REGISTERED, refresh
from tests.support.relying_party import RelyingParty
from tests.support.signed_in import code_for

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FIRST, SECOND = self_signed(ec_key(1), "CN=Tjeneste 1"), self_signed(ec_key(2), "CN=Tjeneste 2")


@pytest.fixture
def deployment(tmp_path: Path, sqlite_url: str, valkey_url: str, clock: FrozenClock) -> Iterator[Deployment]:
    with behind_proxy(tmp_path, sqlite_url, valkey_url, clock) as running:
        yield running


# --- private_key_jwt -------------------------------------------------------------------------------------------

Send = Callable[[RelyingParty, dict[str, str]], tuple[int, str]]


def pushed(party: RelyingParty, proof: dict[str, str]) -> tuple[int, str]:
    fields = party.parameters("v" * 43, "s", "n") | proof
    answer = requests.post(party.deployment.issuer + "/par", data=fields, timeout=20)
    return answer.status_code, answer.json().get("error", "")


def redeemed(party: RelyingParty, proof: dict[str, str]) -> tuple[int, str]:
    """With the code of a sign-in, which no refusal spends."""
    asked = party.ask()
    fields = {
        "grant_type": "authorization_code",
        "client_id": party.client.client_id,
        "redirect_uri": party.client.redirect_uri,
        "code": code_for(party, asked),
        "code_verifier": asked.verifier,
        **proof,
    }
    headers = party.proof("POST", "/token")
    answer = requests.post(party.deployment.issuer + "/token", data=fields, headers=headers, timeout=20)
    if answer.status_code == 401:
        again = party.redeem(fields["code"], asked.verifier)
        assert again.status_code == 200, "the code was not spent"
    return answer.status_code, answer.json().get("error", "")


def proof(assertion: str) -> dict[str, str]:
    return {"client_assertion_type": TYPE, "client_assertion": assertion}


@pytest.mark.parametrize("send", [pushed, redeemed])
def test_an_assertion_that_says_too_little_or_comes_too_late_is_refused(
    deployment: Deployment, send: Send
) -> None:
    """S-095, S-096, S-097, S-100: invalid_client at both endpoints."""
    party, issuer = RelyingParty(deployment, deployment.clients["Byggesager"]), deployment.issuer
    now = int(deployment.clock().timestamp())
    refused: list[dict[str, Any]] = [
        {"exp": now - 300, "iat": now - 360},
        {"aud": "https://other.example"},
        {"aud": [issuer]},
        {"aud": [issuer, "https://other.example"]},
        {"aud": f"{issuer}/par"},
        {"aud": f"{issuer}/token"},
        {"aud": None},
        {"sub": None},
        {"iss": None},
        {"jti": None},
        {"exp": None},
        {"nbf": now + 61},
        {"iat": now + 61},
    ]
    for changes in refused:
        assert send(party, proof(party.assertion(**changes))) == (401, "invalid_client"), changes
    assert send(party, {"client_id": party.client.client_id}) == (401, "invalid_client")
    assert send(party, {"client_assertion": party.assertion()}) == (401, "invalid_client")


@pytest.mark.parametrize("send", [pushed, redeemed])
def test_an_assertion_of_a_clock_that_is_a_little_ahead_is_taken(deployment: Deployment, send: Send) -> None:
    """FAPI 2.0 §5.3.2.1: ten seconds at least."""
    party = RelyingParty(deployment, deployment.clients["Byggesager"])
    for changes in ({"nbf": 8}, {"iat": 10}, {"nbf": 10, "iat": 10}):
        now = int(deployment.clock().timestamp())
        ahead = {name: now + seconds for name, seconds in changes.items()}
        assert send(party, proof(party.assertion(**ahead)))[0] in (200, 201), changes


@dataclass
class RsaParty(RelyingParty):
    """Signs by PS256, unless a test says otherwise."""

    rsa: RSAKey | None = None
    algorithm: str = "PS256"

    def assertion(self, **changes: Any) -> str:
        assert self.rsa is not None
        now = int(self.deployment.clock().timestamp())
        own = self.client.client_id
        claims = {"iss": own, "sub": own, "aud": self.deployment.issuer, "iat": now, "exp": now + 60}
        claims["jti"] = secrets.token_urlsafe(16)
        return jwt.encode({"alg": self.algorithm}, claims | changes, self.rsa, algorithms=[self.algorithm])


@pytest.mark.parametrize("send", [pushed, redeemed])
def test_a_strict_client_does_not_sign_by_rs256(deployment: Deployment, send: Send) -> None:
    """FAPI 2.0 §5.4.1, S-153: with the very key whose PS256 is taken."""
    key = RSAKey.generate_key(2048)
    organisation = deployment.wiring.registry.organisations()[0].organisation_id
    client = deployment.add_client(
        "RSA",
        organisation,
        jwks={"keys": [key.as_dict(private=False)]},
        token_endpoint_auth_method="private_key_jwt",
    )
    party = RsaParty(deployment, replace(client, key=deployment.clients["Byggesager"].key), rsa=key)
    weak = replace(party, algorithm="RS256")
    assert send(party, proof(weak.assertion())) == (401, "invalid_client")
    assert send(party, proof(party.assertion()))[0] in (200, 201)


# --- mutual TLS, and two clients -------------------------------------------------------------------------------


def tls_parties(deployment: Deployment) -> tuple[CertificateParty, CertificateParty]:
    return tuple(
        CertificateParty(
            deployment,
            add_tls_client(
                deployment,
                f"Tjeneste {number}",
                token_endpoint_auth_method="self_signed_tls_client_auth",
                tls_client_certificate_bound_access_tokens=True,
                jwks={"keys": [holder.jwk]},
                **REGISTERED,
            ),
            holder=holder,
        )
        for number, holder in enumerate((FIRST, SECOND), 1)
    )  # type: ignore[return-value]


def error_of(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def test_a_code_belongs_to_its_client_whatever_the_other_shows(deployment: Deployment) -> None:
    """S-071, S-101: the second client's name, its certificate, or both, at the token endpoint."""
    first, second = tls_parties(deployment)
    asked = first.ask(push=True)
    code = code_for(first, asked)
    assert error_of(second.redeem(code, asked.verifier)) == (400, "invalid_grant")
    for mixed in (replace(first, holder=SECOND), replace(second, holder=FIRST)):
        assert error_of(mixed.redeem(code, asked.verifier)) == (401, "invalid_client")
    assert error_of(replace(first, holder=None).redeem(code, asked.verifier)) == (401, "invalid_client")
    assert first.redeem(code, asked.verifier).status_code == 200


def test_a_pushed_request_belongs_to_the_certificate_that_pushed_it(deployment: Deployment) -> None:
    """S-048: without one, nothing is pushed in anybody's name."""
    first, second = tls_parties(deployment)
    fields = first.parameters("v" * 43, "s", "n")
    assert first.post("/par", fields).status_code == 201
    for party in (replace(first, holder=None), replace(first, holder=SECOND)):
        assert error_of(party.post("/par", fields)) == (401, "invalid_client")
    assert second.post("/par", fields).json()["error"] in ("invalid_client", "invalid_request")


def test_a_refresh_token_belongs_to_its_client_and_its_certificate(deployment: Deployment) -> None:
    """S-084: usable again and again by its own client; the first use by another ends what it stands for."""
    first, second = tls_parties(deployment)
    asked = first.ask(push=True)
    token = first.redeem(code_for(first, asked), asked.verifier).json()["refresh_token"]
    assert error_of(refresh(replace(first, holder=SECOND), token)) == (401, "invalid_client")
    for _ in range(2):
        answer = refresh(first, token)
        assert answer.status_code == 200 and answer.json()["refresh_token"] == token
    assert error_of(refresh(second, token)) == (400, "invalid_grant")
    assert error_of(refresh(first, token)) == (400, "invalid_grant")
