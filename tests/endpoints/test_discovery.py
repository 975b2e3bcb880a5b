"""What the provider announces is what it does."""

import requests

from clients_registry.profiles import DEVICE_CODE
from idp.endpoints.discovery import provider_metadata
from idp.protocol.policy import ProtocolPolicy
from tests.support.deployment import Deployment

POLICY = ProtocolPolicy("https://id.nordhavn.example")


def test_both_profiles_find_what_they_need() -> None:
    metadata = provider_metadata(POLICY, ("ES256", "RS256"))
    assert metadata["issuer"] == "https://id.nordhavn.example"
    assert metadata["response_types_supported"] == ["code"]
    exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
    assert metadata["grant_types_supported"] == ["authorization_code", "refresh_token", exchange, DEVICE_CODE]
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
    """Where a deployment offers no mutual TLS, and until DPoP exists, tokens are not sender-constrained; discovery says so."""
    metadata = provider_metadata(POLICY, ("ES256",))
    assert metadata["tls_client_certificate_bound_access_tokens"] is False
    assert metadata["adgang_sender_constrained_access_tokens"] is False
    assert "dpop_signing_alg_values_supported" not in metadata


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
