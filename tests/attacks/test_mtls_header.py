"""Mutual TLS (RFC 9440, RFC 8705 §5): a certificate is what our proxy tells, where the deployment offers it."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
import requests

from idp.app import create_app
from idp.endpoints.discovery import provider_metadata
from idp.protocol.policy import ProtocolPolicy
from tests.support.certificates import (
    DN,
    MTLS_ORIGIN,
    mtls_settings,
    self_signed,
    stranger,
)
from tests.support.clock import FrozenClock
from tests.support.deployment import Deployment, TestClient, running_deployment
from tests.support.mutual_tls import (
    AUTHENTICATED,
    AUTHORITY,
    MALFORMED,
    REFUSED,
    answer,
    behind_proxy,
    by_key,
    by_name,
    metadata_of_provider,
)


@pytest.fixture
def deployment(tmp_path: Path, sqlite_url: str, valkey_url: str, clock: FrozenClock) -> Iterator[Deployment]:
    with behind_proxy(tmp_path, sqlite_url, valkey_url, clock) as running:
        yield running


# --- S-108: who says so ----------------------------------------------------------------------------------------


def test_the_header_counts_from_our_proxy_alone(deployment: Deployment) -> None:
    """S-108: around the proxy it is only what a client says of itself."""
    named, keyed = by_name(deployment), by_key(deployment, self_signed())
    for client, holder in ((named, AUTHORITY.issue()), (keyed, self_signed())):
        assert answer(deployment, client, holder, by=stranger()) == REFUSED
        assert answer(deployment, client, "junk", by=stranger()) == REFUSED
        for spoken_for in ("127.0.0.1", "127.0.0.1, 127.0.0.1"):
            forged = holder.headers | {"X-Forwarded-For": spoken_for, "Forwarded": "for=127.0.0.1"}
            assert answer(deployment, client, forged, by=stranger()) == REFUSED
        assert answer(deployment, client, holder) == AUTHENTICATED


OTHER_HEADERS = (
    "X-SSL-Client-Cert",
    "X-Client-Cert",
    "X-Forwarded-Client-Cert",
    "SSL-Client-Cert",
    "X-ARR-ClientCert",
    "Client-Cert-Chain",
    "X-Forwarded-Tls-Client-Cert",
)


def test_no_other_header_is_looked_at(deployment: Deployment) -> None:
    """S-108: whoever sends it."""
    client, holder = by_name(deployment), AUTHORITY.issue()
    verified = {"X-SSL-Client-Verify": "SUCCESS", "X-Client-Verify": "SUCCESS", "X-SSL-Client-S-DN": DN}
    for name in OTHER_HEADERS:
        assert answer(deployment, client, {name: holder.header, **verified}) == REFUSED, name


def test_what_the_proxy_garbles_is_a_clean_refusal(deployment: Deployment) -> None:
    """S-108: also for a client that needs no certificate, since nobody can say whose connection it was."""
    header = AUTHORITY.issue().header
    garbled = ("x", "::", ":MAA=:", ":%:", f"{header},{header}", f":{'A' * 8_190}:")
    for client in (by_name(deployment), deployment.clients["Byggesager"]):
        for path, told in product(("/token", "/par"), garbled):
            found = requests.post(
                deployment.issuer + path,
                data={"client_id": client.client_id},
                headers={"Client-Cert": told},
                timeout=20,
            )
            assert (found.status_code, found.json()["error"]) == MALFORMED
            assert told not in found.text


# --- what a deployment offers ----------------------------------------------------------------------------------


def test_discovery_tells_the_methods_and_where_they_are_used(deployment: Deployment) -> None:
    """Extends discovery (RFC 8705 §3.3, §5): the aliases are the same endpoints at the address that asks for certificates."""
    told = metadata_of_provider(deployment)
    methods = told["token_endpoint_auth_methods_supported"]
    assert {"tls_client_auth", "self_signed_tls_client_auth", "private_key_jwt"} <= set(methods)
    assert told["revocation_endpoint_auth_methods_supported"] == methods
    assert told["tls_client_certificate_bound_access_tokens"] is True
    for name, address in told["mtls_endpoint_aliases"].items():
        assert address == MTLS_ORIGIN + told[name].removeprefix(told["issuer"])
    endpoints = {name for name in told if name.endswith("_endpoint")}
    assert set(told["mtls_endpoint_aliases"]) == endpoints - {
        "authorization_endpoint",
        "end_session_endpoint",
        "introspection_endpoint",  # for APIs, which have a credential of their own
    }


def test_one_address_for_everything_needs_no_aliases() -> None:
    told = provider_metadata(
        ProtocolPolicy("https://id.example", mtls_origin="https://id.example"), ("ES256",)
    )
    assert "mtls_endpoint_aliases" not in told
    assert "self_signed_tls_client_auth" in told["token_endpoint_auth_methods_supported"]  # type: ignore[operator]


@pytest.mark.parametrize("offered", ["nothing", "without authorities"])
def test_what_is_not_offered_is_not_announced_and_does_not_work(
    tmp_path: Path, sqlite_url: str, valkey_url: str, clock: FrozenClock, offered: str
) -> None:
    """S-108, S-109: fail closed. Clients that were registered in other times authenticate by nothing."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir(), second.mkdir()
    settings = (
        {"ADGANG_TRUSTED_PROXIES": "127.0.0.1/32"} if offered == "nothing" else mtls_settings(None, first)
    )
    with running_deployment(second, sqlite_url, valkey_url, clock, **settings) as running:
        keyed_works = offered != "nothing"
        named, keyed = _as_registered_elsewhere(running)
        assert answer(running, named, AUTHORITY.issue()) == REFUSED
        assert answer(running, keyed, self_signed()) == (AUTHENTICATED if keyed_works else REFUSED)
        assert answer(running, named, "junk") == (MALFORMED if keyed_works else REFUSED)
        told = metadata_of_provider(running)
        assert "tls_client_auth" not in told["token_endpoint_auth_methods_supported"]
        assert ("self_signed_tls_client_auth" in told["token_endpoint_auth_methods_supported"]) is keyed_works
        assert told["tls_client_certificate_bound_access_tokens"] is keyed_works
        assert ("mtls_endpoint_aliases" in told) is keyed_works


def _as_registered_elsewhere(running: Deployment) -> tuple[TestClient, TestClient]:
    """Clients of both methods, registered by a process of the same deployment with other settings."""
    own = running.settings
    generous = replace(own, mtls_origin=MTLS_ORIGIN, mtls_ca_file=AUTHORITY.write(own.state_directory))
    other = Deployment(generous, running.clock, create_app(generous, running.clock))
    try:
        return by_name(other), by_key(other, self_signed())
    finally:
        other.wiring.close()
