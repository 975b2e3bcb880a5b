"""Mutual TLS (RFC 8705 §2): only the registered certificate authenticates, at every endpoint."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509

from tests.support.certificates import (
    DN,
    MTLS_ORIGIN,
    Authority,
    Holder,
    add_tls_client,
    ec_key,
    self_signed,
)
from tests.support.clock import FrozenClock
from tests.support.deployment import Deployment, TestClient
from tests.support.key_server import running_key_server
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
from tests.support.relying_party import RelyingParty


@pytest.fixture
def deployment(tmp_path: Path, sqlite_url: str, valkey_url: str, clock: FrozenClock) -> Iterator[Deployment]:
    with behind_proxy(tmp_path, sqlite_url, valkey_url, clock) as running:
        yield running


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
    mixed = add_tls_client(
        deployment,
        "Blandet",
        token_endpoint_auth_method="self_signed_tls_client_auth",
        jwks={"keys": [_bare(self_signed(ec_key(3))), holder.jwk]},
    )
    assert answer(deployment, mixed, self_signed(ec_key(3))) == REFUSED
    assert answer(deployment, mixed, holder) == AUTHENTICATED


def _bare(holder: Holder) -> dict[str, Any]:
    """Its key, registered for signatures alone."""
    return {name: value for name, value in holder.jwk.items() if name != "x5c"}


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


ENDPOINTS = (
    "pushed_authorization_request_endpoint",
    "token_endpoint",
    "revocation_endpoint",
    "device_authorization_endpoint",
)


def test_every_endpoint_takes_the_certificate_and_nothing_in_its_place(deployment: Deployment) -> None:
    """S-078, S-101: one phase for all of them. An endpoint where clients authenticate has to be added here."""
    aliases = metadata_of_provider(deployment)["mtls_endpoint_aliases"]
    assert set(ENDPOINTS) == aliases.keys() - {"userinfo_endpoint"}
    named, keyed = by_name(deployment), by_key(deployment, self_signed(ec_key(1)))
    assertion = _assertion(RelyingParty(deployment, deployment.clients["Byggesager"]), named)
    wrong: list[tuple[Holder | None, dict[str, str]]] = [
        (None, {}),
        (self_signed(), {}),
        (AUTHORITY.issue(), {"client_secret": "x"}),
        (AUTHORITY.issue(), assertion),
    ]
    for name, (client, holder) in product(
        ENDPOINTS, ((named, AUTHORITY.issue()), (keyed, self_signed(ec_key(1))))
    ):
        path = aliases[name].removeprefix(MTLS_ORIGIN)
        own = {"client_id": client.client_id}
        found = requests.post(deployment.issuer + path, data=own, headers=holder.headers, timeout=20)
        assert found.json()["error"] in ("invalid_request", "unauthorized_client"), (name, found.text)
        for shown, fields in wrong:
            headers = {} if shown is None else shown.headers
            found = requests.post(deployment.issuer + path, data=own | fields, headers=headers, timeout=20)
            assert found.status_code in (401, 429), (name, fields)


def test_a_certificate_s_key_may_be_published(deployment: Deployment) -> None:
    """RFC 8705 §2.2.2: at a `jwks_uri`; a key that is published without its certificate stays one for signatures."""
    with running_key_server() as server:
        server.publish_raw([self_signed().jwk, _bare(self_signed(ec_key(1)))])
        client = add_tls_client(
            deployment,
            "Udgivet",
            token_endpoint_auth_method="self_signed_tls_client_auth",
            jwks_uri=server.uri,
        )
        assert answer(deployment, client, self_signed()) == AUTHENTICATED
        assert answer(deployment, client, self_signed(ec_key(1))) == REFUSED
        server.publish_raw([self_signed(ec_key(2)).jwk])
        deployment.clock.forward(seconds=120)
        assert answer(deployment, client, self_signed(ec_key(2))) == AUTHENTICATED


def test_an_assertion_may_be_meant_for_the_address_it_is_sent_to(deployment: Deployment) -> None:
    """S-095: the lenient profile's list has the alias of the token endpoint too, and no other address of that host."""
    client = add_tls_client(
        deployment, "Lempelig", profile="oidc", token_endpoint_auth_method="private_key_jwt"
    )
    for party, expected in (
        (RelyingParty(deployment, client), AUTHENTICATED),
        (RelyingParty(deployment, deployment.clients["Byggesager"]), REFUSED),
    ):
        for audience, taken in (
            (f"{MTLS_ORIGIN}/token", True),
            (f"{MTLS_ORIGIN}/par", False),
            (MTLS_ORIGIN, False),
        ):
            fields = party.authentication()["data"] | {"client_assertion": party.assertion(aud=audience)}
            found = answer(deployment, party.client, None, **fields)
            assert found == (expected if taken else REFUSED), audience


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
