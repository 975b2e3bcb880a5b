"""Mutual TLS (RFC 8705 §2): only the registered certificate authenticates, and only as our proxy tells it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509

from idp.app import create_app
from idp.endpoints.discovery import provider_metadata
from idp.protocol.policy import ProtocolPolicy
from tests.support.certificates import (
    DN,
    MTLS_ORIGIN,
    Authority,
    Holder,
    add_tls_client,
    ec_key,
    mtls_settings,
    self_signed,
    stranger,
)
from tests.support.clock import FrozenClock
from tests.support.deployment import Deployment, TestClient, running_deployment
from tests.support.relying_party import RelyingParty

AUTHORITY = Authority.new()
AUTHENTICATED = (400, "invalid_grant")
REFUSED = (401, "invalid_client")
MALFORMED = (400, "invalid_request")


@pytest.fixture
def deployment(tmp_path: Path, sqlite_url: str, valkey_url: str, clock: FrozenClock) -> Iterator[Deployment]:
    """Behind a proxy that asks for certificates, with one authority."""
    settings = mtls_settings(AUTHORITY, tmp_path)
    with running_deployment(tmp_path, sqlite_url, valkey_url, clock, **settings) as running:
        yield running


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
    found = by.post(deployment.issuer + "/token", data=grant | fields, headers=headers, timeout=20)
    return found.status_code, found.json()["error"]


def by_name(deployment: Deployment, called: str = "Navngivet", **metadata: Any) -> TestClient:
    return add_tls_client(deployment, called, **(metadata or {"tls_client_auth_subject_dn": DN}))


def by_key(deployment: Deployment, *holders: Holder) -> TestClient:
    keys = {"keys": [holder.jwk for holder in holders]}
    method = "self_signed_tls_client_auth"
    return add_tls_client(deployment, "Selvsigneret", token_endpoint_auth_method=method, jwks=keys)


# --- whose certificate -----------------------------------------------------------------------------------------


def test_the_registered_certificate_authenticates_and_no_other(deployment: Deployment) -> None:
    """S-109: expired, of another authority, of another name, in another order, for another purpose, of nobody."""
    client = by_name(deployment)
    assert answer(deployment, client, AUTHORITY.issue()) == AUTHENTICATED
    now = deployment.clock()
    for holder in (
        AUTHORITY.issue(ends=now - timedelta(seconds=1)),
        AUTHORITY.issue(begins=now + timedelta(seconds=1)),
        Authority.new().issue(),
        AUTHORITY.issue("C=DK,O=Nordhavn Kommune,CN=Byggesager"),
        AUTHORITY.issue("CN=Byggesager,O=Nordhavn Kommune,C=NO"),
        AUTHORITY.issue("CN=Byggesager", x509.DirectoryName(AUTHORITY.issue().certificate.subject)),
        self_signed(),
    ):
        assert answer(deployment, client, holder) == REFUSED, holder
    assert answer(deployment, client, None) == REFUSED


def test_a_certificate_ends_by_our_clock(deployment: Deployment) -> None:
    """S-109: whatever the proxy's TLS took."""
    client, key = by_name(deployment), self_signed()
    keyed = by_key(deployment, key)
    holder = AUTHORITY.issue(ends=deployment.clock() + timedelta(seconds=100))
    for each, shown in (
        (client, holder),
        (keyed, self_signed(ends=deployment.clock() + timedelta(seconds=100))),
    ):
        assert answer(deployment, each, shown) == AUTHENTICATED
    deployment.clock.forward(seconds=101)
    for each, shown in (
        (client, holder),
        (keyed, self_signed(ends=deployment.clock() - timedelta(seconds=1))),
    ):
        assert answer(deployment, each, shown) == REFUSED
    assert answer(deployment, client, AUTHORITY.issue()) == AUTHENTICATED


@pytest.mark.parametrize(
    ("registered", "san", "other"),
    [
        (
            {"tls_client_auth_san_dns": "byg.nordhavn.example"},
            x509.DNSName("byg.nordhavn.example"),
            x509.DNSName("byg.nordhavn.example.evil.example"),
        ),
        (
            {"tls_client_auth_san_uri": "https://nordhavn.example/byg"},
            x509.UniformResourceIdentifier("https://nordhavn.example/byg"),
            x509.UniformResourceIdentifier("https://nordhavn.example/byg/2"),
        ),
    ],
    ids=["dns", "uri"],
)
def test_a_client_is_its_registered_name_and_no_suffix_of_it(
    deployment: Deployment, registered: dict[str, str], san: x509.GeneralName, other: x509.GeneralName
) -> None:
    """S-109: every kind of name is in tests/rules/test_client_certificates.py."""
    client = by_name(deployment, **registered)
    assert answer(deployment, client, AUTHORITY.issue(DN, san)) == AUTHENTICATED
    assert answer(deployment, client, AUTHORITY.issue(DN, other)) == REFUSED
    assert answer(deployment, client, AUTHORITY.issue(DN)) == REFUSED


def test_a_self_signed_certificate_stands_for_its_registered_key(deployment: Deployment) -> None:
    """S-109: renewed, it is the same client; a key that was registered for assertions alone is nobody's certificate."""
    holder, second = self_signed(), self_signed(ec_key(1))
    client = by_key(deployment, holder, second)
    for shown in (holder, second, self_signed(), AUTHORITY.issue(), self_signed(called="CN=renewed")):
        assert answer(deployment, client, shown) == AUTHENTICATED
    for shown in (self_signed(ec_key(2)), AUTHORITY.issue(key=ec_key(2))):
        assert answer(deployment, client, shown) == REFUSED
    bare = {name: value for name, value in self_signed(ec_key(3)).jwk.items() if name != "x5c"}
    mixed = add_tls_client(
        deployment,
        "Blandet",
        token_endpoint_auth_method="self_signed_tls_client_auth",
        jwks={"keys": [bare, holder.jwk]},
    )
    assert answer(deployment, mixed, self_signed(ec_key(3))) == REFUSED
    assert answer(deployment, mixed, holder) == AUTHENTICATED


def test_a_certificate_opens_one_client(deployment: Deployment) -> None:
    """S-109: two clients of one authority, or with keys of their own, are two."""
    names = {"tls_client_auth_subject_dn": "CN=Andre,O=Nordhavn Kommune,C=DK"}
    first, second = by_name(deployment), by_name(deployment, "Andre", **names)
    keyed = by_key(deployment, self_signed(ec_key(1)))
    shown = {first.client_id: AUTHORITY.issue(), second.client_id: AUTHORITY.issue(names["tls_client_auth_subject_dn"]),
             keyed.client_id: self_signed(ec_key(1))}  # fmt: skip
    for client in (first, second, keyed):
        for whose, holder in shown.items():
            expected = AUTHENTICATED if whose == client.client_id else REFUSED
            assert answer(deployment, client, holder) == expected


# --- S-101: the method is the registered one -------------------------------------------------------------------


def test_a_certificate_stands_in_for_no_other_method_and_no_other_method_for_it(
    deployment: Deployment,
) -> None:
    """S-101: nothing that is sent beside the registered proof counts for it, or against it."""
    holder, client = AUTHORITY.issue(), by_name(deployment)
    keyed, secret = deployment.clients["Byggesager"], deployment.clients["Sundhedstider"]
    party = RelyingParty(deployment, keyed)
    for other in (keyed, secret):
        assert answer(deployment, other, holder) == REFUSED
    signs = add_tls_client(
        deployment,
        "Signerer",
        token_endpoint_auth_method="private_key_jwt",
        jwks={"keys": [self_signed().jwk]},
    )
    assert answer(deployment, signs, self_signed()) == REFUSED
    assert answer(deployment, keyed, holder, **party.authentication()["data"]) == AUTHENTICATED
    assert answer(deployment, client, holder, client_secret="x") == REFUSED
    assert answer(deployment, client, holder, **_assertion(party, client)) == REFUSED
    assert answer(deployment, client, holder, client_id=keyed.client_id) == REFUSED
    basic = {"Authorization": "Basic " + "eDp5", **holder.headers}
    assert answer(deployment, client, basic) == REFUSED
    assert answer(deployment, client, holder, client_secret="x", client_assertion="y") == MALFORMED
    assert answer(deployment, client, holder) == AUTHENTICATED


def _assertion(party: RelyingParty, client: TestClient) -> dict[str, str]:
    """In the certificate client's name, by a key that it never registered."""
    fields = party.authentication()["data"]
    own = {"iss": client.client_id, "sub": client.client_id}
    return {**fields, "client_id": client.client_id, "client_assertion": party.assertion(**own)}


def test_a_public_client_gains_nothing_by_a_certificate(deployment: Deployment) -> None:
    organisation = deployment.wiring.registry.organisations()[0].organisation_id
    public = deployment.add_client("Browser", organisation, profile="oidc", token_endpoint_auth_method="none")
    assert answer(deployment, public, AUTHORITY.issue()) == AUTHENTICATED
    assert answer(deployment, public, None) == AUTHENTICATED


def test_wrong_certificates_are_throttled_like_wrong_secrets(deployment: Deployment) -> None:
    """S-111: and the right one is never refused for the failures of others."""
    client, wrong = by_name(deployment), self_signed()
    found = [answer(deployment, client, wrong) for _ in range(32)]
    assert found == [REFUSED] * 30 + [(429, "temporarily_unavailable")] * 2
    assert answer(deployment, client, AUTHORITY.issue()) == AUTHENTICATED


def test_a_disabled_client_s_certificate_opens_nothing(deployment: Deployment) -> None:
    """S-035."""
    client, registry = by_name(deployment), deployment.wiring.registry_services
    registry.transact(lambda tx: registry.registrations.disable(tx, client.client_id, actor="operator:test"))
    deployment.clock.forward(seconds=1)
    assert answer(deployment, client, AUTHORITY.issue()) == REFUSED


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


def _metadata(deployment: Deployment) -> dict[str, Any]:
    found = requests.get(deployment.issuer + "/.well-known/openid-configuration", timeout=20)
    return dict(found.json())


def test_discovery_tells_the_methods_and_where_they_are_used(deployment: Deployment) -> None:
    """Extends discovery (RFC 8705 §3.3, §5): the aliases are the same endpoints at the address that asks for certificates."""
    told = _metadata(deployment)
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
        told = _metadata(running)
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
