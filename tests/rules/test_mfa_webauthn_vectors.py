"""The test vectors of WebAuthn Level 3 §16, each with the verdict that this provider documents.

Accepted: ES256, RS256, Ed25519 with no attestation, self attestation or a packed one. Refused by policy: foreign
frames, algorithms that are not offered, attestation formats that browsers do not send when none is asked for.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mfa.webauthn import (
    Attestation,
    Ceremony,
    NewCredential,
    RelyingParty,
    WebauthnRejected,
    parse_assertion,
    verify_assertion,
    verify_registration,
)
from mfa.webauthn_guard import encode
from tests.support.needs import needs

VECTORS = Path(__file__).parents[3] / "shared" / "vectors" / "webauthn_l3_section16.json"

ACCEPTED = {
    "ES256 Credential with No Attestation",
    "ES256 Credential with Self Attestation",
    "ES256 Credential with very long credential ID",
    "Packed Attestation with ES256 Credential",
    "Packed Attestation with RS256 Credential",
    "Packed Attestation with Ed25519 Credential",
}
REFUSED = {
    'ES256 Credential with "crossOrigin": true in clientDataJSON': "foreign frame",
    'ES256 Credential with "topOrigin" in clientDataJSON': "foreign frame",
    "Packed Attestation with ES384 Credential": "library refused",
    "Packed Attestation with ES512 Credential": "library refused",
    "Packed Attestation with Ed448 Credential": "library refused",
    "TPM Attestation with ES256 Credential": "format",
    "Android Key Attestation with ES256 Credential": "format",
    "Apple Anonymous Attestation with ES256 Credential": "format",
    "FIDO U2F Attestation with ES256 Credential": "format",
}


@pytest.fixture(scope="module")
def section16() -> dict[str, Any]:
    found = needs(VECTORS if VECTORS.exists() else None, "the published WebAuthn vectors")
    return dict(json.loads(found.read_text("utf-8")))


def relying_party(section16: dict[str, Any]) -> RelyingParty:
    return RelyingParty(section16["rp_id"], "Adgang", (section16["origin"],))


def vector(section16: dict[str, Any], title: str) -> dict[str, Any]:
    return next(each for each in section16["vectors"] if each["title"] == title)


def as_json(credential_id: str, members: dict[str, str]) -> str:
    identifier = encode(bytes.fromhex(credential_id))
    response = {name: encode(bytes.fromhex(value)) for name, value in members.items()}
    return json.dumps({"id": identifier, "rawId": identifier, "type": "public-key", "response": response})


def register(section16: dict[str, Any], title: str, attestation: Attestation | None = None) -> NewCredential:
    part = vector(section16, title)["registration"]
    return verify_registration(
        as_json(
            part["credential_id"], {name: part[name] for name in ("clientDataJSON", "attestationObject")}
        ),
        relying_party=relying_party(section16),
        ceremony=Ceremony(bytes.fromhex(part["challenge"]), user_verification_required=False),
        attestation=attestation or Attestation(),
    )


def trust(section16: dict[str, Any], *aaguids: str) -> Attestation:
    root = x509.load_der_x509_certificate(bytes.fromhex(section16["attestation_ca_cert"]))
    return Attestation(frozenset(aaguids), (root.public_bytes(Encoding.PEM),))


def test_every_vector_has_a_documented_verdict(section16: dict[str, Any]) -> None:
    assert {each["title"] for each in section16["vectors"]} == ACCEPTED | REFUSED.keys()


@pytest.mark.parametrize("title", sorted(ACCEPTED))
def test_an_accepted_vector_registers_and_signs_in(section16: dict[str, Any], title: str) -> None:
    new = register(section16, title)
    assert new.credential_id.hex() == vector(section16, title)["registration"]["credential_id"]
    assert not new.attested  # S-282: without roots nothing is believed
    part = vector(section16, title)["authentication"]
    names = ("clientDataJSON", "authenticatorData", "signature")
    answer = parse_assertion(as_json(new.credential_id.hex(), {name: part[name] for name in names}))
    ceremony = Ceremony(bytes.fromhex(part["challenge"]), user_verification_required=False)
    assertion = verify_assertion(
        answer, public_key=new.public_key, relying_party=relying_party(section16), ceremony=ceremony
    )
    assert assertion.backup_eligible == new.backup_eligible
    broken = bytes.fromhex(part["signature"])[:-1] + bytes([bytes.fromhex(part["signature"])[-1] ^ 1])
    forged = parse_assertion(
        as_json(new.credential_id.hex(), {**{name: part[name] for name in names}, "signature": broken.hex()})
    )
    with pytest.raises(WebauthnRejected):
        verify_assertion(
            forged, public_key=new.public_key, relying_party=relying_party(section16), ceremony=ceremony
        )


@pytest.mark.parametrize("title", sorted(REFUSED))
def test_a_refused_vector_is_refused_for_its_reason(section16: dict[str, Any], title: str) -> None:
    with pytest.raises(WebauthnRejected, match=REFUSED[title]):
        register(section16, title)


@pytest.mark.parametrize("title", sorted(title for title in ACCEPTED if title.startswith("Packed")))
def test_an_attested_model_on_the_list_counts_as_attested(section16: dict[str, Any], title: str) -> None:
    """S-282"""
    aaguid = register(section16, title).aaguid
    assert register(section16, title, trust(section16, aaguid)).attested


@pytest.mark.parametrize(
    "title", ["ES256 Credential with No Attestation", "ES256 Credential with Self Attestation"]
)
def test_a_model_that_only_names_itself_is_not_attested(section16: dict[str, Any], title: str) -> None:
    """S-282"""
    aaguid = register(section16, title).aaguid
    with pytest.raises(WebauthnRejected, match="not attested"):
        register(section16, title, trust(section16, aaguid))


def test_an_attested_model_that_is_not_on_the_list_is_refused(section16: dict[str, Any]) -> None:
    """S-282"""
    with pytest.raises(WebauthnRejected, match="not on the list"):
        register(section16, "Packed Attestation with ES256 Credential", trust(section16, "0" * 32))


def test_a_chain_to_a_root_we_do_not_pin_is_refused(section16: dict[str, Any]) -> None:
    """S-282"""
    title = "Packed Attestation with ES256 Credential"
    foreign = _self_signed()
    with pytest.raises(WebauthnRejected, match="library refused"):
        register(section16, title, Attestation(frozenset({register(section16, title).aaguid}), (foreign,)))


def _self_signed() -> bytes:
    from datetime import UTC, datetime

    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Fremmed rod")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2090, 1, 1, tzinfo=UTC))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
