"""What tests of mutual TLS stand on: a deployment behind a proxy, with one authority, and clients of both methods."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.support.certificates import DN, Authority, Holder, add_tls_client, mtls_settings
from tests.support.clock import FrozenClock
from tests.support.deployment import Deployment, TestClient, running_deployment
from tests.support.dpop import DpopKey
from tests.support.ports import free_port
from tests.support.tls_proxy import HOST, TlsProxy, running_proxy

AUTHORITY = Authority.new()
AUTHENTICATED = (400, "invalid_grant")
REFUSED = (401, "invalid_client")
MALFORMED = (400, "invalid_request")


_PROOFS = DpopKey()
"""What a client authenticates by need not be what its tokens are bound to."""


def answer(
    deployment: Deployment,
    client: TestClient,
    told: Holder | str | dict[str, str] | None,
    *,
    by: Any = requests,
    **fields: str,
) -> tuple[int, str]:
    """Status and error of a token request whose code nobody issued: `invalid_grant` means authenticated."""
    headers = told if isinstance(told, dict) else {}
    if isinstance(told, Holder | str):
        headers = {"Client-Cert": told if isinstance(told, str) else told.header}
    grant = {
        "client_id": client.client_id,
        "grant_type": "authorization_code",
        "code": "A" * 43,
        "code_verifier": "v" * 43,
        "redirect_uri": "x",
    }
    url = deployment.issuer + "/token"
    headers = headers | {"DPoP": _PROOFS.proof("POST", url, deployment.clock())}
    found = by.post(url, data=grant | fields, headers=headers, timeout=20)
    return found.status_code, found.json()["error"]


def by_name(deployment: Deployment, called: str = "Navngivet", **metadata: Any) -> TestClient:
    return add_tls_client(deployment, called, **(metadata or {"tls_client_auth_subject_dn": DN}))


def by_key(deployment: Deployment, *holders: Holder) -> TestClient:
    keys = {"keys": [holder.jwk for holder in holders]}
    method = "self_signed_tls_client_auth"
    return add_tls_client(deployment, "Selvsigneret", token_endpoint_auth_method=method, jwks=keys)


@contextmanager
def behind_proxy(folder: Path, sql_url: str, redis_url: str, clock: FrozenClock) -> Iterator[Deployment]:
    """Behind a proxy that asks for certificates."""
    settings = mtls_settings(AUTHORITY, folder)
    with running_deployment(folder, sql_url, redis_url, clock, **settings) as running:
        yield running


@dataclass(frozen=True)
class BehindHaproxy:
    """A deployment whose `mtls_endpoint_aliases` lead to HAProxy."""

    deployment: Deployment
    proxy: TlsProxy
    folder: Path


@contextmanager
def behind_haproxy(
    folder: Path, sql_url: str, redis_url: str, clock: FrozenClock, authority: Authority = AUTHORITY
) -> Iterator[BehindHaproxy]:
    """With the configuration of the compose set-up."""
    port = free_port()
    settings = mtls_settings(authority, folder) | {"ADGANG_MTLS_ORIGIN": f"https://{HOST}:{port}"}
    (folder / "proxy").mkdir()
    with running_deployment(folder, sql_url, redis_url, clock, **settings) as running:
        behind = int(running.issuer.rpartition(":")[2])
        with running_proxy(folder / "proxy", behind, mtls_port=port) as proxy:
            yield BehindHaproxy(running, proxy, folder)


def metadata_of_provider(deployment: Deployment) -> dict[str, Any]:
    found = requests.get(deployment.issuer + "/.well-known/openid-configuration", timeout=20)
    return dict(found.json())
