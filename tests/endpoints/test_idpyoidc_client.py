"""idpyoidc, a certified client library, signs a citizen in: what it discovers, sends and checks by itself.

In the profile `oidc`: its pushed authorization requests take 200 for an answer where RFC 9126 §2.2 says 201, and its
DPoP proofs at userinfo carry `ath` in hexadecimal where RFC 9449 §4.2 says base64url, so `fapi2` is beyond it.
"""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptojwt.key_jar import init_key_jar
from idpyoidc.client.rp_handler import RPHandler

from tests.support.citizen_browser import CitizenBrowser
from tests.support.deployment import PASSWORD, Deployment

USER = "freja.holm"
ISSUER = "adgang"
ADD_ON = "idpyoidc.client.oauth2.add_on"
PKCE = {
    "function": f"{ADD_ON}.pkce.add_support",
    "kwargs": {"code_challenge_length": 64, "code_challenge_method": "S256"},
}
JAR = {
    "function": f"{ADD_ON}.jar.add_support",
    "kwargs": {"request_type": "request_parameter", "request_object_signing_alg": "RS256"},
}


def relying_party(
    deployment: Deployment, method: str, add_ons: dict[str, Any], **metadata: Any
) -> tuple[RPHandler, str]:
    """The library, registered as a client and knowing no more than the issuer."""
    jar = init_key_jar(key_defs=[{"type": "RSA", "size": 2048, "use": ["sig"]}])
    client = deployment.add_client(
        "idpyoidc",
        deployment.add_organisation("Prøvegården", "99000009"),
        profile="oidc",
        token_endpoint_auth_method=method,
        jwks=jar.export_jwks(),
        **metadata,
    )
    configuration = {
        "client_type": "oidc",
        "issuer": deployment.issuer,
        "client_id": client.client_id,
        "client_secret": client.secret or "",
        "redirect_uris": [client.redirect_uri],
        "response_types_supported": ["code"],
        "scopes_supported": ["openid", "profile"],
        "token_endpoint_auth_methods_supported": [method],
        "client_authn_methods": [method, "bearer_header"],
        "add_ons": add_ons,
    }
    return RPHandler("https://rp.example", {ISSUER: configuration}, keyjar=jar), client.redirect_uri


def signed_in(deployment: Deployment, handler: RPHandler) -> dict[str, Any]:
    """From the library's address to what it found out about the citizen."""
    browser = CitizenBrowser(deployment.issuer)
    page = browser.get(handler.begin(ISSUER))
    page = browser.sign_in(page, USER, PASSWORD, deployment.code_of(USER))
    page = browser.submit(page, "/consent", decision="accept")
    assert page.answer is not None and "code" in page.answer, page.words
    done = handler.finalize(deployment.issuer, page.answer)
    assert isinstance(done, dict) and "error" not in done, done
    return done


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "private_key_jwt"])
def test_it_signs_a_citizen_in(live_deployment: Deployment, method: str) -> None:
    handler, _ = relying_party(live_deployment, method, {"pkce": PKCE})
    done = signed_in(live_deployment, handler)
    assert done["userinfo"]["name"] == "Freja Holm"
    assert done["userinfo"]["sub"] == done["id_token"]["sub"]


def test_its_signed_request_objects_are_understood(live_deployment: Deployment) -> None:
    """RFC 9101, by value."""
    handler, _ = relying_party(
        live_deployment,
        "private_key_jwt",
        {"pkce": PKCE, "jar": JAR},
        request_object_signing_alg="RS256",
        require_signed_request_object=True,
    )
    sent = parse_qs(urlsplit(handler.begin(ISSUER)).query)
    assert "request" in sent and "code_challenge" not in sent
    assert signed_in(live_deployment, handler)["userinfo"]["name"] == "Freja Holm"


def test_it_sees_that_a_citizen_said_no(live_deployment: Deployment) -> None:
    handler, _ = relying_party(live_deployment, "client_secret_basic", {"pkce": PKCE})
    browser = CitizenBrowser(live_deployment.issuer)
    page = browser.submit(browser.get(handler.begin(ISSUER)), "/cancel")
    assert page.answer is not None
    done = handler.finalize(live_deployment.issuer, page.answer)
    assert done["error"] == "access_denied"
