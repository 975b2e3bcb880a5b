"""JARM: the answer to an authorization request as one signed JWT, whatever the answer is."""

from typing import Any

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet

from keys.errors import KeysUnavailable
from tests.support.citizen_browser import Page
from tests.support.deployment import Deployment
from tests.support.journey import begin
from tests.support.relying_party import RelyingParty
from tests.support.request_objects import request_object


@pytest.fixture
def service(deployment: Deployment) -> RelyingParty:
    """A `fapi2` client whose answers are signed and nothing else."""
    organisation = deployment.add_organisation("Prøvestaten", "99000009", "state")
    client = deployment.add_client("Signeret", organisation, response_modes=["jwt", "form_post.jwt"])
    return RelyingParty(deployment, client)


def told(deployment: Deployment, page: Page, party: RelyingParty, algorithm: str = "ES256") -> dict[str, Any]:
    """What the answer says, verified as its client must (JARM §2.4)."""
    assert page.answer is not None and set(page.answer) == {"response"}
    keys = KeySet.import_key_set(requests.get(deployment.issuer + "/jwks", timeout=20).json())
    token = jwt.decode(page.answer["response"], keys, algorithms=[algorithm])
    now = int(deployment.clock().timestamp())
    claims = token.claims
    assert token.header["typ"] not in ("JWT", "at+jwt")
    assert (claims["iss"], claims["aud"]) == (deployment.issuer, party.client.client_id)
    assert now < claims["exp"] <= now + 600
    return claims


@pytest.mark.parametrize("mode", ["jwt", "query.jwt", "form_post.jwt"])
def test_a_code_comes_in_a_signed_answer(deployment: Deployment, service: RelyingParty, mode: str) -> None:
    journey = begin(deployment, service=service, response_mode=mode)
    journey.sign_in()
    page = journey.answer()
    claims = told(deployment, page, service)
    assert claims["state"] == journey.asked.state
    assert page.url.startswith(service.client.redirect_uri) is (mode != "form_post.jwt")
    assert service.redeem(claims["code"], journey.asked.verifier).status_code == 200


def test_a_refusal_is_signed_too(deployment: Deployment, service: RelyingParty) -> None:
    """Cancelled by the citizen, and refused by us before any page."""
    journey = begin(deployment, service=service, response_mode="jwt")
    journey.page = journey.browser.submit(journey.page, "/cancel")
    claims = told(deployment, journey.page, service)
    assert (claims["error"], claims["state"]) == ("access_denied", journey.asked.state)
    assert "error_description" in claims and "code" not in claims
    silent = begin(deployment, service=service, response_mode="form_post.jwt", prompt="none")
    assert told(deployment, silent.page, service)["error"] == "login_required"


def test_an_error_never_travels_unsigned_to_a_client_that_registered_signed_answers_only(
    deployment: Deployment,
) -> None:
    """S-015: whatever response_mode it asks for by mistake."""
    organisation = deployment.add_organisation("Prøvestaten", "99000009", "state")
    metadata = {"profile": "oidc", "token_endpoint_auth_method": "client_secret_basic"}
    client = deployment.add_client("Signeret", organisation, response_modes=["jwt"], **metadata)
    service = RelyingParty(deployment, client)
    for mode in ("query", "fragment", "form_post", "form_post.jwt", "fragment.jwt", "nonsense"):
        page = begin(deployment, service=service, response_mode=mode).page
        claims = told(deployment, page, service, "RS256")
        assert claims["error"] == "invalid_request", mode


def test_signed_answers_are_for_who_registered_them(deployment: Deployment) -> None:
    """S-015."""
    service = RelyingParty(deployment, deployment.clients["Sundhedstider"])
    for mode in ("jwt", "query.jwt", "form_post.jwt", "fragment.jwt"):
        page = begin(deployment, service=service, response_mode=mode).page
        assert page.answer is not None and page.answer["error"] == "invalid_request", mode


class _Away:
    """A store of keys that does not answer."""

    def version(self) -> int:
        raise KeysUnavailable("The store is away.")


def test_a_key_that_cannot_sign_now_costs_nobody_the_sign_in(
    deployment: Deployment, service: RelyingParty
) -> None:
    """S-379: nothing is decided while the answer could not be signed; then the same attempt goes on."""
    journey = begin(deployment, service=service, response_mode="jwt")
    journey.sign_in()
    ring: Any = deployment.wiring.services.key_ring
    store, ring._keys = ring._keys, _Away()
    deployment.clock.forward(seconds=301)
    page = journey.answer()
    assert page.status == 503 and page.answer is None and "Retry-After" in page.headers
    ring._keys = store
    deployment.clock.forward(seconds=2)
    claims = told(deployment, journey.browser.get(journey.address), service)
    assert service.redeem(claims["code"], journey.asked.verifier).status_code == 200


def test_an_answer_is_no_token_of_any_other_kind(deployment: Deployment, service: RelyingParty) -> None:
    """S-063."""
    journey = begin(deployment, service=service, response_mode="jwt", prompt="none")
    assert journey.page.answer is not None
    response = journey.page.answer["response"]
    assert service.userinfo(response).status_code == 401
    refused = service.post("/par", service.parameters("v" * 43, "s", "n", id_token_hint=response))
    assert refused.json()["error"] == "invalid_request"
    refused = service.post("/par", {"request": response})
    assert refused.json()["error"] == "invalid_request_object"


def test_signed_request_and_signed_answer_go_together(deployment: Deployment, service: RelyingParty) -> None:
    """FAPI 2.0 Message Signing: the mode stands inside the request object."""
    asked = service.ask(response_mode="jwt")
    fields = service.parameters(asked.verifier, asked.state, asked.nonce, response_mode="jwt", prompt="none")
    pushed = service.post("/par", {"request": request_object(service, fields), "response_mode": "query"})
    url = f"/authorize?client_id={service.client.client_id}&request_uri={pushed.json()['request_uri']}"
    journey = begin(deployment, service=service, response_mode="jwt")
    assert told(deployment, journey.browser.get(url), service)["state"] == asked.state


def test_discovery_says_so(deployment: Deployment) -> None:
    metadata = requests.get(deployment.issuer + "/.well-known/openid-configuration", timeout=20).json()
    assert set(metadata["response_modes_supported"]) == {
        "query", "form_post", "jwt", "query.jwt", "form_post.jwt",
    }  # fmt: skip
    assert "ES256" in metadata["authorization_signing_alg_values_supported"]
    assert "none" not in metadata["authorization_signing_alg_values_supported"]
