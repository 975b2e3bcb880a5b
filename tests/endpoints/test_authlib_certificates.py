"""A foreign library with a client certificate: Authlib's client, through HAProxy, by what discovery says."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session

from tests.support.certificates import DN, CertificateParty, Holder, add_tls_client, self_signed
from tests.support.clock import FrozenClock
from tests.support.mutual_tls import AUTHORITY, BehindHaproxy, behind_haproxy
from tests.support.refreshing import REGISTERED
from tests.support.signed_in import code_for
from tests.support.tls_proxy import arm


@pytest.fixture
def world(tmp_path: Path, sqlite_url: str, valkey_url: str, clock: FrozenClock) -> Iterator[BehindHaproxy]:
    with behind_haproxy(tmp_path, sqlite_url, valkey_url, clock) as running:
        yield running


METHODS: dict[str, tuple[Holder, dict[str, Any]]] = {
    "tls_client_auth": (AUTHORITY.issue(), {"tls_client_auth_subject_dn": DN}),
    "self_signed_tls_client_auth": (self_signed(), {"jwks": {"keys": [self_signed().jwk]}}),
}


@pytest.mark.parametrize("method", METHODS)
def test_authlib_signs_a_citizen_in_with_a_certificate(world: BehindHaproxy, method: str) -> None:
    """RFC 8705: a library needs no word of it, only `client_id` in the body, a certificate, and the aliases."""
    holder, names = METHODS[method]
    deployment, registered = world.deployment, {"token_endpoint_auth_method": method, **names, **REGISTERED}
    bound = {"tls_client_certificate_bound_access_tokens": True}
    client = add_tls_client(deployment, "Authlib", **registered, **bound)
    told = requests.get(deployment.issuer + "/.well-known/openid-configuration", timeout=20).json()
    at = {
        name: f"https://127.0.0.1:{world.proxy.mtls_port}{address.removeprefix(deployment.settings.mtls_origin)}"
        for name, address in told["mtls_endpoint_aliases"].items()
    }
    session = OAuth2Session(
        client.client_id, token_endpoint_auth_method="none", redirect_uri=client.redirect_uri
    )
    arm(session, world.proxy, holder.write(world.folder))

    asked = CertificateParty(deployment, client, holder=holder).ask(push=True)
    code = code_for(CertificateParty(deployment, client, holder=holder), asked)
    token = session.fetch_token(at["token_endpoint"], code=code, code_verifier=asked.verifier)
    assert token["token_type"] == "Bearer"
    assert session.get(at["userinfo_endpoint"]).json()["name"] == "Freja Holm"
    session.refresh_token(at["token_endpoint"])
    assert session.get(at["userinfo_endpoint"]).json()["name"] == "Freja Holm"

    session.cert = None
    session.close()  # the connections that were opened with it
    assert session.get(at["userinfo_endpoint"]).status_code == 401
    with pytest.raises(OAuthError, match="invalid_client"):
        session.refresh_token(at["token_endpoint"])
