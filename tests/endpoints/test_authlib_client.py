"""A foreign library at the token endpoint: Authlib's client, with each method of authentication."""

from typing import Any

import pytest
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT

from tests.support.deployment import Deployment
from tests.support.relying_party import RelyingParty
from tests.support.signed_in import code_for


def _session(deployment: Deployment, method: str) -> tuple[RelyingParty, Any]:
    organisation = deployment.wiring.registry.organisations()[0].organisation_id
    profile = "fapi2" if method == "private_key_jwt" else "oidc"
    client = deployment.add_client(
        "Authlib", organisation, profile=profile, token_endpoint_auth_method=method
    )
    arguments = {"redirect_uri": client.redirect_uri, "code_challenge_method": "S256"}
    session = OAuth2Session(client.client_id, client.secret, token_endpoint_auth_method=method, **arguments)
    if client.key is not None:
        now = int(deployment.clock().timestamp())
        session.client_secret = client.key
        # Authlib's own default audience is the token endpoint, which FAPI 2.0 does not take.
        claims = {"aud": deployment.issuer, "iat": now, "exp": now + 60}
        session.register_client_auth_method(
            PrivateKeyJWT(deployment.issuer + "/token", claims=claims, alg="ES256")
        )
    return RelyingParty(deployment, client), session


@pytest.mark.parametrize("method", ["private_key_jwt", "client_secret_basic", "client_secret_post", "none"])
def test_authlib_redeems_a_code_and_reads_claims(deployment: Deployment, method: str) -> None:
    party, session = _session(deployment, method)
    asked = party.ask()
    token = session.fetch_token(
        deployment.issuer + "/token", code=code_for(party, asked), code_verifier=asked.verifier
    )
    assert token["token_type"] == "Bearer"
    claims = session.get(deployment.issuer + "/userinfo").json()
    assert claims["name"] == "Freja Holm"
