"""A second opinion: `fido2`, another implementation, agrees with every verdict that we accept.

Of the published vectors we accept the formats `none` and `packed` (with a chain, and self attestation); fido2 verifies
each. The other formats, `tpm`, `android-key`, `apple` and `fido-u2f`, we refuse by policy and not because they would
not verify: of `apple` and `fido-u2f` fido2 says so. It has no `android-key`, and its parser of certificates refuses
that of the `tpm` vector.
"""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from fido2 import cbor, cose, webauthn
from fido2.attestation.base import Attestation as Theirs
from fido2.attestation.base import (
    AttestationResult,
    AttestationType,
    AttestationVerifier,
    InvalidAttestation,
    UntrustedAttestation,
)

from mfa.webauthn import Attestation, Ceremony, WebauthnRejected, verify_registration
from mfa.webauthn_guard import encode
from tests.rules.test_mfa_webauthn_vectors import (
    ACCEPTED,
    _self_signed,
    as_json,
    register,
    relying_party,
    section16,
    trust,
    vector,
)

__all__ = ["section16"]

READ_ELSEWHERE = (
    "Apple Anonymous Attestation with ES256 Credential",
    "FIDO U2F Attestation with ES256 Credential",
)
ATTESTED = sorted(title for title in ACCEPTED if title.startswith("Packed"))


@pytest.mark.parametrize("title", sorted(ACCEPTED))
def test_another_library_accepts_what_we_accept(section16: dict[str, Any], title: str) -> None:
    new = register(section16, title)
    made = vector(section16, title)["registration"]
    theirs = webauthn.AttestationObject(bytes.fromhex(made["attestationObject"])).auth_data.credential_data
    assert theirs.credential_id == new.credential_id

    used = vector(section16, title)["authentication"]
    client_data = webauthn.CollectedClientData(bytes.fromhex(used["clientDataJSON"]))
    assert encode(client_data.challenge) == encode(bytes.fromhex(used["challenge"]))
    data = webauthn.AuthenticatorData(bytes.fromhex(used["authenticatorData"]))
    assert data.rp_id_hash == hashlib.sha256(section16["rp_id"].encode()).digest()
    cose.CoseKey.parse(theirs.public_key).verify(data + client_data.hash, bytes.fromhex(used["signature"]))


# --- attestations ----------------------------------------------------------------------------------------------


def made(section16: dict[str, Any], title: str) -> tuple[bytes, bytes]:
    """The attestation object and the hash of the client data of a registration."""
    part = vector(section16, title)["registration"]
    client_data = bytes.fromhex(part["clientDataJSON"])
    return bytes.fromhex(part["attestationObject"]), hashlib.sha256(client_data).digest()


def their_verdict(attestation_object: bytes, client_data_hash: bytes) -> AttestationResult:
    """
    Raises: what fido2 raises; several kinds.
    """
    parsed = webauthn.AttestationObject(attestation_object)
    return Theirs.for_type(parsed.fmt)().verify(parsed.att_stmt, parsed.auth_data, client_data_hash)


def their_type(title: str) -> AttestationType:
    if title.startswith("Packed"):
        return AttestationType.BASIC
    return AttestationType.SELF if "Self" in title else AttestationType.NONE


@pytest.mark.parametrize("title", sorted(ACCEPTED))
def test_another_library_verifies_the_attestation_that_we_accept(
    section16: dict[str, Any], title: str
) -> None:
    """S-282: signature and certificate, of every format that we accept."""
    assert register(section16, title).credential_id
    assert their_verdict(*made(section16, title)).attestation_type is their_type(title)


@pytest.mark.parametrize("title", READ_ELSEWHERE)
def test_what_we_refuse_by_its_format_verifies_elsewhere(section16: dict[str, Any], title: str) -> None:
    """So the refusal is policy: no browser sends these where no attestation is asked for."""
    assert their_verdict(*made(section16, title)).trust_path
    with pytest.raises(WebauthnRejected, match="format"):
        register(section16, title)


class _Anchored(AttestationVerifier):
    def __init__(self, root: bytes) -> None:
        super().__init__()
        self._root = root

    def ca_lookup(
        self, attestation_result: AttestationResult, auth_data: webauthn.AuthenticatorData
    ) -> bytes:
        return self._root


@pytest.mark.parametrize("title", ATTESTED)
def test_another_library_anchors_the_models_that_count_as_attested(
    section16: dict[str, Any], title: str
) -> None:
    """S-282: at the same root, and both at no other."""
    attestation_object, client_data_hash = made(section16, title)
    parsed, aaguid = webauthn.AttestationObject(attestation_object), register(section16, title).aaguid
    assert parsed.auth_data.credential_data is not None
    assert str(parsed.auth_data.credential_data.aaguid) == aaguid
    assert register(section16, title, trust(section16, aaguid)).attested
    _Anchored(bytes.fromhex(section16["attestation_ca_cert"]))(parsed, client_data_hash)

    foreign = _self_signed()
    der = x509.load_pem_x509_certificate(foreign).public_bytes(Encoding.DER)
    with pytest.raises(UntrustedAttestation):
        _Anchored(der)(parsed, client_data_hash)
    with pytest.raises(WebauthnRejected):
        register(section16, title, Attestation(frozenset({aaguid}), (foreign,)))


def _flip(raw: bytes, at: int) -> bytes:
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


Forge = Callable[[dict[str, Any], dict[str, Any]], object]
"""Changes the object, given another one that is genuine."""

FORGERIES: dict[str, Forge] = {
    "another signature": lambda made, other: made["attStmt"].update(sig=other["attStmt"]["sig"]),
    "a bit of the signature": lambda made, _: made["attStmt"].update(sig=_flip(made["attStmt"]["sig"], 40)),
    "no signature": lambda made, _: made["attStmt"].pop("sig"),
    "an empty signature": lambda made, _: made["attStmt"].update(sig=b""),
    "another algorithm": lambda made, _: made["attStmt"].update(alg=-257 if made["attStmt"]["alg"] == -7 else -7),
    "no algorithm": lambda made, _: made["attStmt"].pop("alg"),
    "another's chain": lambda made, other: made["attStmt"].update(x5c=other["attStmt"]["x5c"]),
    "an empty chain": lambda made, _: made["attStmt"].update(x5c=[]),
    "no chain": lambda made, _: made["attStmt"].pop("x5c", None),
    "another model": lambda made, _: made.update(authData=_flip(made["authData"], 37)),
    "another credential id": lambda made, _: made.update(authData=_flip(made["authData"], 56)),
    "another relying party": lambda made, _: made.update(authData=_flip(made["authData"], 0)),
    "another counter": lambda made, _: made.update(authData=_flip(made["authData"], 36)),
    "no attestation, with a statement": lambda made, _: made.update(fmt="none"),
}  # fmt: skip


@pytest.mark.parametrize("title", [*ATTESTED, "ES256 Credential with Self Attestation"])
@pytest.mark.parametrize("forgery", FORGERIES)
def test_neither_accepts_a_forged_attestation(section16: dict[str, Any], title: str, forgery: str) -> None:
    """S-282"""
    genuine, client_data_hash = made(section16, title)
    other = next(each for each in ATTESTED if each != title)
    changed = dict(cbor.decode(genuine))
    before = cbor.encode(changed)
    FORGERIES[forgery](changed, dict(cbor.decode(made(section16, other)[0])))
    forged = cbor.encode(changed)
    if forged == before:
        assert (forgery, title.split()[0]) == ("no chain", "ES256")  # self attestation has none anyway
        return
    if (forgery, title.split()[0]) != ("an empty chain", "ES256"):  # which is self attestation to fido2
        with pytest.raises((InvalidAttestation, AssertionError, TypeError)):
            their_verdict(forged, client_data_hash)
    part = vector(section16, title)["registration"]
    credential_id = webauthn.AttestationObject(forged).auth_data.credential_data.credential_id
    members = {"clientDataJSON": part["clientDataJSON"], "attestationObject": forged.hex()}
    with pytest.raises(WebauthnRejected):
        verify_registration(
            as_json(credential_id.hex(), members),
            relying_party=relying_party(section16),
            ceremony=Ceremony(bytes.fromhex(part["challenge"]), user_verification_required=False),
            attestation=Attestation(),
        )
