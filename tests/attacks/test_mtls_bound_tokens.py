"""Tokens bound to a client certificate (RFC 8705 §3, §4): without the certificate that they were issued to, they are nothing."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from clients_registry.documents import metadata_of
from clients_registry.metadata_fields import FIELDS
from idp.endpoints.token import GRANTS
from tests.support.certificates import (
    DN,
    CertificateParty,
    Holder,
    add_tls_client,
    ec_key,
    self_signed,
    stranger,
)
from tests.support.clock import FrozenClock
from tests.support.deployment import Deployment
from tests.support.dpop import DpopKey
from tests.support.mutual_tls import AUTHORITY, behind_proxy
from tests.support.refreshing import REGISTERED, refresh, refused
from tests.support.relying_party import claims_of
from tests.support.signed_in import code_for

BOUND: dict[str, Any] = {"tls_client_certificate_bound_access_tokens": True}
KINDS: dict[str, dict[str, Any]] = {
    "private_key_jwt": {"token_endpoint_auth_method": "private_key_jwt"},
    "tls_client_auth": {"tls_client_auth_subject_dn": DN},
    "self_signed": {
        "token_endpoint_auth_method": "self_signed_tls_client_auth",
        "jwks": {"keys": [self_signed().jwk]},
    },
    "secret": {"profile": "oidc", "token_endpoint_auth_method": "client_secret_basic"},
    "public": {"profile": "oidc", "token_endpoint_auth_method": "none"},
}


@pytest.fixture
def deployment(tmp_path: Path, sqlite_url: str, valkey_url: str, clock: FrozenClock) -> Iterator[Deployment]:
    with behind_proxy(tmp_path, sqlite_url, valkey_url, clock) as running:
        yield running


def party_of(deployment: Deployment, kind: str, **metadata: Any) -> CertificateParty:
    registered = {**REGISTERED, **BOUND, **KINDS[kind], **metadata}
    return CertificateParty(
        deployment, add_tls_client(deployment, kind, **registered), holder=AUTHORITY.issue()
    )


def code_of(party: CertificateParty) -> tuple[str, str]:
    asked = party.ask(push=True)
    return code_for(party, asked), asked.verifier


def tokens_of(party: CertificateParty) -> dict[str, Any]:
    answer = party.redeem(*code_of(party))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def by(party: CertificateParty, holder: Holder | None) -> CertificateParty:
    """The same client, showing another certificate, or none."""
    return replace(party, holder=holder)


def opens(party: CertificateParty, token: str) -> bool:
    answer = party.userinfo(token)
    if answer.status_code == 200:
        return True
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token"), answer.text
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    return False


@pytest.mark.parametrize("kind", KINDS)
def test_a_bound_token_opens_nothing_without_its_certificate(deployment: Deployment, kind: str) -> None:
    """S-110, S-134: whichever way its client authenticates, and with a renewed certificate of the same key neither."""
    party = party_of(deployment, kind)
    tokens = tokens_of(party)
    access = tokens["access_token"]
    assert party.holder is not None and tokens["token_type"] == "Bearer"
    assert claims_of(access)["cnf"] == {"x5t#S256": party.holder.thumbprint}
    assert "cnf" not in claims_of(tokens["id_token"])
    assert opens(party, access)
    for other in (None, AUTHORITY.issue(), AUTHORITY.issue(key=ec_key(1)), self_signed()):
        assert not opens(by(party, other), access)
    assert opens(party, access)


def test_a_certificate_that_only_the_thief_tells_of_opens_nothing(deployment: Deployment) -> None:
    """S-108, S-110: around the proxy."""
    party = party_of(deployment, "private_key_jwt")
    assert party.holder is not None
    headers = {"Authorization": f"Bearer {tokens_of(party)['access_token']}", **party.holder.headers}
    answers = [
        who.get(deployment.issuer + "/userinfo", headers=headers, timeout=20)
        for who in (stranger(), requests)
    ]
    assert [answer.status_code for answer in answers] == [401, 200]


@pytest.mark.parametrize("kind", ["private_key_jwt", "secret", "public"])
def test_a_client_that_registered_binding_gets_no_token_without_a_certificate(
    deployment: Deployment, kind: str
) -> None:
    """S-078: told what is missing, with nothing spent."""
    party = party_of(deployment, kind)
    code, verifier = code_of(party)
    ended = AUTHORITY.issue(ends=deployment.clock() - timedelta(seconds=1))
    for holder in (None, ended):
        answer = by(party, holder).redeem(code, verifier)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
        assert "certificate" in answer.json()["error_description"]
    tokens = party.redeem(code, verifier).json()
    refused(refresh(by(party, None), tokens["refresh_token"]), "invalid_request")
    assert opens(party, refresh(party, tokens["refresh_token"]).json()["access_token"])


@pytest.mark.parametrize("grant_type", GRANTS)
def test_no_grant_forgets_to_ask_for_the_certificate(deployment: Deployment, grant_type: str) -> None:
    """S-078: the phase stands before the grants, so a new one has it too."""
    party = party_of(deployment, "secret", grant_types=list(GRANTS))
    answers = [each.post("/token", {"grant_type": grant_type}).json() for each in (by(party, None), party)]
    assert ["certificate" in answer["error_description"] for answer in answers] == [True, False]


def test_who_did_not_register_binding_may_show_its_tokens_anywhere(deployment: Deployment) -> None:
    """RFC 8705 §3: authentication by certificate alone binds nothing."""
    unbound = {"tls_client_certificate_bound_access_tokens": False}
    party = party_of(deployment, "tls_client_auth", profile="oidc", **unbound)
    access = tokens_of(party)["access_token"]
    assert "cnf" not in claims_of(access)
    assert opens(party, access) and opens(by(party, None), access)


def test_a_public_client_s_refresh_token_is_its_certificate_s(deployment: Deployment) -> None:
    """S-084, RFC 8705 §4: a thief has another one. Bound, it is not rotated, and the theft ends nothing."""
    party = party_of(deployment, "public")
    token = tokens_of(party)["refresh_token"]
    for other in (AUTHORITY.issue(), self_signed(ec_key(1))):
        refused(refresh(by(party, other), token))
    answer = refresh(party, token)
    assert answer.status_code == 200 and answer.json()["refresh_token"] == token
    assert opens(party, answer.json()["access_token"])


@pytest.mark.parametrize("kind", ["private_key_jwt", "tls_client_auth", "self_signed"])
def test_a_confidential_client_goes_on_with_a_renewed_certificate(deployment: Deployment, kind: str) -> None:
    """S-084, RFC 8705 §7.1: it proves itself anew; what it got before stays bound to the old one."""
    party = party_of(deployment, kind)
    first = tokens_of(party)
    renewed = by(party, AUTHORITY.issue())
    answer = refresh(renewed, first["refresh_token"])
    assert answer.status_code == 200, answer.text
    again = answer.json()["access_token"]
    assert opens(renewed, again) and not opens(party, again)
    assert opens(party, first["access_token"]) and not opens(renewed, first["access_token"])


def test_another_client_s_certificate_refreshes_nothing(deployment: Deployment) -> None:
    """S-084, S-101: with `tls_client_auth` the certificate is who the client is."""
    party = party_of(deployment, "tls_client_auth")
    token = tokens_of(party)["refresh_token"]
    answer = refresh(by(party, AUTHORITY.issue("CN=En anden,O=Nordhavn Kommune,C=DK")), token)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert refresh(party, token).status_code == 200


def test_a_token_stays_bound_when_its_client_is_registered_anew(deployment: Deployment) -> None:
    """S-110: what a token says of itself holds."""
    party = party_of(deployment, "private_key_jwt")
    access = tokens_of(party)["access_token"]
    registry, client_id = deployment.wiring.registry_services, party.client.client_id
    known = deployment.wiring.registry.find_client(client_id)
    assert known is not None
    loose = {name: value for name, value in metadata_of(known.client).items() if name in FIELDS} | {
        "organisation": known.client.organisation_id,
        "tls_client_certificate_bound_access_tokens": False,
    }
    registry.transact(lambda tx: registry.registrations.change(tx, client_id, loose, actor="operator:test"))
    deployment.clock.forward(seconds=2)
    assert not opens(by(party, None), access) and opens(party, access)


def test_a_garbled_header_opens_nothing(deployment: Deployment) -> None:
    """S-108, S-110: a clean 400 at userinfo too."""
    access = tokens_of(party_of(deployment, "private_key_jwt"))["access_token"]
    for value in ("x", "::", ":MAA=:"):
        headers = {"Authorization": f"Bearer {access}", "Client-Cert": value}
        answer = requests.get(deployment.issuer + "/userinfo", headers=headers, timeout=20)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_certificate_s_end_ends_what_is_bound_to_it(deployment: Deployment) -> None:
    """S-109: by our clock."""
    party = by(
        party_of(deployment, "private_key_jwt"), self_signed(ends=deployment.clock() + timedelta(seconds=90))
    )
    access = tokens_of(party)["access_token"]
    assert opens(party, access)
    deployment.clock.forward(seconds=91)
    assert not opens(party, access)


# --- with DPoP -------------------------------------------------------------------------------------------------


def test_a_client_of_fapi2_that_authenticates_by_certificate_binds_its_tokens_by_proofs(
    deployment: Deployment,
) -> None:
    """S-129: or to the certificate, where it registered that; else it gets none."""
    party = party_of(deployment, "tls_client_auth", tls_client_certificate_bound_access_tokens=False)
    code, verifier = code_of(party)
    refused(party.redeem(code, verifier), "invalid_request")
    party.dpop = DpopKey()
    tokens = party.redeem(code, verifier).json()
    assert (tokens["token_type"], claims_of(tokens["access_token"])["cnf"]) == (
        "DPoP",
        {"jkt": party.dpop.jkt},
    )
    assert opens(party, tokens["access_token"])
    assert opens(by(party, None), tokens["access_token"]), "the certificate is no part of it"


def test_a_token_that_is_bound_to_both_needs_both(deployment: Deployment) -> None:
    """S-110, S-123."""
    party = party_of(deployment, "private_key_jwt")
    party.dpop = DpopKey()
    access = tokens_of(party)["access_token"]
    assert party.holder is not None
    both = {"jkt": party.dpop.jkt, "x5t#S256": party.holder.thumbprint}
    assert claims_of(access)["cnf"] == both
    assert opens(party, access)
    wrong = (
        by(party, None),
        by(party, AUTHORITY.issue()),
        replace(party, dpop=DpopKey()),
        replace(party, dpop=None),
    )
    for other in wrong:
        assert not opens(other, access)


def test_a_proof_may_name_the_address_that_is_reached_with_a_certificate(deployment: Deployment) -> None:
    """RFC 8705 §5, S-118: `htu` is the alias, or the address itself; no other host's."""
    party = party_of(deployment, "private_key_jwt")
    party.dpop = DpopKey()
    access = tokens_of(party)["access_token"]
    alias = deployment.settings.mtls_origin + "/userinfo"
    for htu, status in ((alias, 200), (alias + "x", 401), ("https://evil.test/userinfo", 401)):
        proof = party.proof("GET", "/userinfo", access, htu=htu)
        headers = {"Authorization": f"DPoP {access}", **party.holder.headers, **proof}  # type: ignore[union-attr]
        answer = requests.get(deployment.issuer + "/userinfo", headers=headers, timeout=20)
        assert answer.status_code == status, htu
