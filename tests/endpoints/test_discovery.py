"""What the provider announces is what it does. Which test holds which line: tests/architecture/test_discovery_lines.py."""

from dataclasses import replace
from typing import Any

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

from clients_registry.profiles import DEVICE_CODE
from idp.endpoints.discovery import provider_metadata
from idp.protocol.policy import ProtocolPolicy
from tests.support.deployment import Deployment
from tests.support.journey import begin
from tests.support.relying_party import RelyingParty
from tests.support.request_objects import claims_of_request

POLICY = ProtocolPolicy("https://id.nordhavn.example")


def test_both_profiles_find_what_they_need() -> None:
    metadata = provider_metadata(POLICY, ("ES256", "RS256"))
    assert metadata["issuer"] == "https://id.nordhavn.example"
    assert metadata["response_types_supported"] == ["code"]
    exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
    grants = ["authorization_code", "refresh_token", "client_credentials", exchange, DEVICE_CODE]
    assert metadata["grant_types_supported"] == grants
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    assert metadata["authorization_response_iss_parameter_supported"] is True
    assert metadata["id_token_signing_alg_values_supported"] == ["ES256", "RS256"]
    assert metadata["introspection_signing_alg_values_supported"] == ["ES256"]
    assert metadata["introspection_endpoint_auth_methods_supported"] == [
        "client_secret_basic",
        "private_key_jwt",
    ]
    assert metadata["subject_types_supported"] == ["pairwise"]
    assert metadata["acr_values_supported"] == ["urn:adgang:loa:substantial", "phr", "phrh"]
    # Left out, these would mean that foreign request objects are fetched (OIDC Discovery §3).
    assert metadata["request_uri_parameter_supported"] is False
    assert metadata["request_parameter_supported"] is True
    assert metadata["require_signed_request_object"] is False
    for channel in ("backchannel", "frontchannel"):
        assert (
            metadata[f"{channel}_logout_supported"] is metadata[f"{channel}_logout_session_supported"] is True
        )
    for name in ("auth_methods", "auth_signing_alg_values"):
        same = metadata[f"token_endpoint_{name}_supported"]
        assert metadata[f"revocation_endpoint_{name}_supported"] == same
    names = (
        "authorization",
        "pushed_authorization_request",
        "introspection",
        "revocation",
        "token",
        "device_authorization",
        "userinfo",
        "end_session",
    )
    for name in names:
        assert str(metadata[f"{name}_endpoint"]).startswith("https://id.nordhavn.example/")


def test_no_weak_algorithm_is_announced() -> None:
    algorithms = provider_metadata(POLICY, ("ES256",))["token_endpoint_auth_signing_alg_values_supported"]
    assert isinstance(algorithms, list)
    assert set(algorithms) == {"ES256", "PS256", "EdDSA", "Ed25519", "RS256"}


def test_what_is_not_there_yet_is_said_plainly() -> None:
    metadata = provider_metadata(POLICY, ("ES256",))
    assert metadata["tls_client_certificate_bound_access_tokens"] is False
    assert metadata["dpop_signing_alg_values_supported"] == ["ES256", "PS256", "EdDSA", "Ed25519"]


def test_every_announced_endpoint_answers(deployment: Deployment) -> None:
    """Extends discovery: a line without an endpoint behind it would be found here."""
    found = requests.get(deployment.issuer + "/.well-known/openid-configuration", timeout=20)
    assert found.headers["Content-Type"] == "application/json"
    metadata = found.json()
    same = requests.get(deployment.issuer + "/.well-known/oauth-authorization-server", timeout=20)
    assert same.content == found.content
    for name, address in metadata.items():
        if name.endswith("_endpoint") or name == "jwks_uri":
            assert requests.get(address, timeout=20, allow_redirects=False).status_code in (
                200,
                303,
                400,
                401,
                405,
            ), name


# --- each announced word ---------------------------------------------------------------------------------------

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def announced_by(deployment: Deployment) -> dict[str, Any]:
    found = requests.get(deployment.issuer + "/.well-known/openid-configuration", timeout=20)
    return dict(found.json())


def test_every_announced_word_of_a_request_is_taken(deployment: Deployment) -> None:
    """Scopes, levels, prompts, displays and response modes; and a word beside them is refused, or means nothing."""
    metadata = announced_by(deployment)
    modes = metadata["response_modes_supported"]
    purpose = {
        "id": "alt",
        "text": {"da": "prøve alt", "en": "try everything", "nb": "prøve alt"},
        "legal_ground": "consent",
        "claims": ["name", "email", "phone_number", "address", "cpr"],
    }
    client = deployment.add_client(
        "Ordrig",
        "99000001",
        scope=" ".join(metadata["scopes_supported"]),
        purposes=[purpose],
        grant_types=["authorization_code", "refresh_token"],
        response_modes=modes,
    )
    service = RelyingParty(deployment, client)
    words = {
        "scope": [f"openid {scope}" for scope in metadata["scopes_supported"] if scope != "openid"],
        "acr_values": metadata["acr_values_supported"],
        "prompt": metadata["prompt_values_supported"],
        "display": metadata["display_values_supported"],
        "response_mode": modes,
        "ui_locales": metadata["ui_locales_supported"],
    }
    for name, values in words.items():
        for value in values:
            pushed = service.post("/par", service.parameters("v" * 43, "s", "n", **{name: value}))
            assert pushed.status_code == 201, (name, value, pushed.text)
    for name, value in (("prompt", "create"), ("response_mode", "fragment"), ("response_type", "token")):
        pushed = service.post("/par", service.parameters("v" * 43, "s", "n") | {name: value})
        assert pushed.status_code == 400, (name, value)


def test_every_announced_grant_type_is_one(deployment: Deployment) -> None:
    """A client that registered it is asked for what the grant needs; one that is not announced is unknown."""
    grants = announced_by(deployment)["grant_types_supported"]
    client = deployment.add_client(
        "Alt",
        "99000001",
        profile="oidc",
        token_endpoint_auth_method="private_key_jwt",
        grant_types=grants,
    )
    service = RelyingParty(deployment, client)
    for grant in grants:
        assert service.post("/token", {"grant_type": grant}).json()["error"] != "unsupported_grant_type", (
            grant
        )
    for grant in ("password", "implicit", "urn:ietf:params:oauth:grant-type:jwt-bearer"):
        assert service.post("/token", {"grant_type": grant}).json()["error"] == "unsupported_grant_type", (
            grant
        )


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_every_announced_algorithm_of_clients_is_verified(deployment: Deployment) -> None:
    """Of assertions at the token and the revocation endpoint, and of request objects."""
    metadata = announced_by(deployment)
    algorithms = metadata["token_endpoint_auth_signing_alg_values_supported"]
    assert metadata["revocation_endpoint_auth_signing_alg_values_supported"] == algorithms
    assert metadata["request_object_signing_alg_values_supported"] == algorithms
    rsa = RSAKey.generate_key(2048)
    keys: dict[str, Any] = {
        "ES256": ECKey.generate_key("P-256"),
        "PS256": rsa,
        "RS256": rsa,
        "EdDSA": OKPKey.generate_key("Ed25519"),
        "Ed25519": OKPKey.generate_key("Ed25519"),
    }
    for algorithm in algorithms:
        key = keys[algorithm]
        client = deployment.add_client(
            f"Signerer med {algorithm}",
            "99000001",
            profile="oidc",
            token_endpoint_auth_method="private_key_jwt",
            token_endpoint_auth_signing_alg=algorithm,
            request_object_signing_alg=algorithm,
            jwks={"keys": [{**key.as_dict(private=False), "kid": "k"}]},
        )
        service = RelyingParty(deployment, client)

        def signed(claims: dict[str, Any], key: Any = key, algorithm: str = algorithm) -> str:
            return jwt.encode({"alg": algorithm, "kid": "k"}, claims, key, algorithms=[algorithm])

        def authenticated(path: str, service: Any = service, signed: Any = signed, **fields: str) -> int:
            plain = replace(service.client, key=ECKey.generate_key("P-256"))
            made = RelyingParty(deployment, plain).assertion()
            claims = jwt.decode(made, plain.key, algorithms=["ES256"]).claims
            data = {"client_assertion_type": _ASSERTION_TYPE, "client_assertion": signed(claims), **fields}
            return requests.post(deployment.issuer + path, data=data, timeout=20).status_code

        request = signed(claims_of_request(service, service.parameters("v" * 43, "s", "n")))
        assert authenticated("/par", request=request) == 201, algorithm
        assert authenticated("/revoke", token="A" * 43) == 200, algorithm


def test_everything_signed_is_signed_by_each_announced_algorithm(deployment: Deployment) -> None:
    """ID tokens, userinfo and authorization responses."""
    metadata = announced_by(deployment)
    algorithms = metadata["id_token_signing_alg_values_supported"]
    assert metadata["userinfo_signing_alg_values_supported"] == algorithms
    assert metadata["authorization_signing_alg_values_supported"] == algorithms
    ours = KeySet.import_key_set(requests.get(metadata["jwks_uri"], timeout=20).json())
    for algorithm in algorithms:
        client = deployment.add_client(
            f"Får {algorithm}",
            "99000001",
            profile="oidc",
            token_endpoint_auth_method="client_secret_basic",
            id_token_signed_response_alg=algorithm,
            userinfo_signed_response_alg=algorithm,
            response_modes=["jwt"],
        )
        service = RelyingParty(deployment, client)
        journey = begin(deployment, service=service, response_mode="jwt")
        journey.sign_in()
        page = journey.answer()
        assert page.answer is not None
        answer = jwt.decode(page.answer["response"], ours, algorithms=[algorithm])
        tokens = service.redeem(answer.claims["code"], journey.asked.verifier).json()
        told = service.userinfo(tokens["access_token"]).text
        for token in (tokens["id_token"], told):
            assert jwt.decode(token, ours, algorithms=[algorithm]).header["alg"] == algorithm
        deployment.clock.forward(seconds=30)
