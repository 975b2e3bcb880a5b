"""The Config plan (conformance.md): what discovery says, read and judged by three libraries that nobody here wrote."""

from typing import Any

import pytest
import requests
from authlib.oidc.discovery import OpenIDProviderMetadata
from idpyoidc.message.oidc import ProviderConfigurationResponse

from tests.support.deployment import Deployment
from tests.support.openid_client import OpenidClient

PATH = "/.well-known/openid-configuration"


@pytest.fixture
def told(live_deployment: Deployment) -> dict[str, Any]:
    answer = requests.get(live_deployment.issuer + PATH, timeout=20)
    assert answer.headers["Content-Type"] == "application/json"
    return dict(answer.json())


def test_openid_client_discovers_by_the_issuer_alone(
    live_deployment: Deployment, library: OpenidClient
) -> None:
    """It refuses a document with another issuer, and any answer that is not JSON."""
    found = library("configure", issuer=live_deployment.issuer, client_id="x", auth={"method": "none"})
    assert found["issuer"] == live_deployment.issuer
    missing = library.refused(
        "configure", issuer=f"{live_deployment.issuer}/elsewhere", client_id="x", auth={"method": "none"}
    )
    assert missing.told["code"]


def test_authlib_finds_every_line_well_formed(told: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenID Connect Discovery §3, by a judge of its own for each of the registered members."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")  # of the loopback address alone
    OpenIDProviderMetadata(told).validate()
    broken = {name: value for name, value in told.items() if name != "subject_types_supported"}
    with pytest.raises(ValueError, match="subject_types_supported"):
        OpenIDProviderMetadata(broken).validate()


def test_idpyoidc_finds_the_document_whole(told: dict[str, Any]) -> None:
    assert ProviderConfigurationResponse(**told).verify(allow_http=True)


def test_every_address_is_the_issuers_own_and_answers(told: dict[str, Any]) -> None:
    """None is a page that is not there, whatever else it says of a request without anything."""
    for name, address in told.items():
        if name.endswith(("_endpoint", "_uri")):
            assert address.startswith(f"{told['issuer']}/"), name
            assert requests.get(address, allow_redirects=False, timeout=20).status_code != 404, name


def test_its_keys_are_read_and_none_is_private(told: dict[str, Any]) -> None:
    """OpenID Connect Core §10.1: each with its own `kid`, for signing."""
    keys = requests.get(told["jwks_uri"], timeout=20).json()["keys"]
    assert len({key["kid"] for key in keys}) == len(keys)
    assert {key["alg"] for key in keys} >= {"ES256", "RS256"}
    for key in keys:
        assert key["use"] == "sig" and not key.keys() & {"d", "p", "q", "dp", "dq", "qi", "k"}


def test_what_the_profiles_need_is_declared(told: dict[str, Any]) -> None:
    """FAPI 2.0 Security Profile §5.3.2.1, Message Signing, and the logout specifications."""
    assert set(told["response_types_supported"]) == {"code"}
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert told["authorization_response_iss_parameter_supported"] is True
    assert {"private_key_jwt"} <= set(told["token_endpoint_auth_methods_supported"])
    assert {"ES256", "PS256", "EdDSA"} <= set(told["token_endpoint_auth_signing_alg_values_supported"])
    assert {"ES256", "PS256"} <= set(told["dpop_signing_alg_values_supported"])
    assert told["pushed_authorization_request_endpoint"]
    assert {"ES256"} <= set(told["request_object_signing_alg_values_supported"])
    assert {"jwt"} <= set(told["response_modes_supported"])
    assert told["claims_parameter_supported"] is True and told["request_parameter_supported"] is True
    assert told["request_uri_parameter_supported"] is False
    for channel in ("backchannel", "frontchannel"):
        assert told[f"{channel}_logout_supported"] is told[f"{channel}_logout_session_supported"] is True
