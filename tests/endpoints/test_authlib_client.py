"""A foreign library at the token endpoint: Authlib's client, with each method of authentication.

For `fapi2` it gets the demo's adapter, since Authlib by itself makes no DPoP proofs.
"""

from typing import Any

import pytest
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT

from demo.dpop import speak_dpop
from tests.support.deployment import Deployment
from tests.support.refreshing import REGISTERED
from tests.support.relying_party import RelyingParty
from tests.support.signed_in import code_for


def _session(deployment: Deployment, method: str, **metadata: Any) -> tuple[RelyingParty, Any]:
    organisation = deployment.wiring.registry.organisations()[0].organisation_id
    profile = "fapi2" if method == "private_key_jwt" else "oidc"
    client = deployment.add_client(
        "Authlib", organisation, profile=profile, token_endpoint_auth_method=method, **metadata
    )
    arguments = {"redirect_uri": client.redirect_uri, "code_challenge_method": "S256"}
    session = OAuth2Session(client.client_id, client.secret, token_endpoint_auth_method=method, **arguments)
    party = RelyingParty(deployment, client)
    if client.key is not None:
        speak_dpop(client.key, lambda: deployment.clock().timestamp())(session)
    _assert_anew(party, session)
    return party, session


def _assert_anew(party: RelyingParty, session: Any) -> None:
    """Authlib keeps the `jti` that it made in the claims that it was given, so it is given new ones each time."""
    if party.client.key is None:
        return
    issuer, now = party.deployment.issuer, int(party.deployment.clock().timestamp())
    session.client_secret = party.client.key
    # Authlib's own default audience is the token endpoint, which FAPI 2.0 does not take.
    claims = {"aud": issuer, "iat": now, "exp": now + 60}
    session.register_client_auth_method(PrivateKeyJWT(issuer + "/token", claims=claims, alg="ES256"))


@pytest.mark.parametrize("method", ["private_key_jwt", "client_secret_basic", "client_secret_post", "none"])
def test_authlib_redeems_a_code_and_reads_claims(deployment: Deployment, method: str) -> None:
    party, session = _session(deployment, method)
    asked = party.ask()
    token = session.fetch_token(
        deployment.issuer + "/token", code=code_for(party, asked), code_verifier=asked.verifier
    )
    assert token["token_type"] == ("DPoP" if method == "private_key_jwt" else "Bearer")
    claims = session.get(deployment.issuer + "/userinfo").json()
    assert claims["name"] == "Freja Holm"


@pytest.mark.parametrize("method", ["private_key_jwt", "client_secret_basic", "client_secret_post", "none"])
def test_authlib_refreshes_again_and_again(deployment: Deployment, method: str) -> None:
    """Conformance, refresh: usable again, for clients that keep theirs and for one whose token is rotated."""
    party, session = _session(deployment, method, **REGISTERED)
    asked = party.ask()
    address = deployment.issuer + "/token"
    first = dict(session.fetch_token(address, code=code_for(party, asked), code_verifier=asked.verifier))
    kept = {first["refresh_token"]}
    for _ in range(2):
        deployment.clock.forward(seconds=200)
        _assert_anew(party, session)
        token = session.refresh_token(address)
        kept.add(token["refresh_token"])
        assert session.get(deployment.issuer + "/userinfo").json()["name"] == "Freja Holm"
    assert len(kept) == (3 if method == "none" else 1)
