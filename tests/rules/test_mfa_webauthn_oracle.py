"""A second opinion: `fido2`, another implementation, agrees with every verdict that we accept."""

import hashlib
from typing import Any

import pytest
from fido2 import cose, webauthn

from mfa.webauthn_guard import encode
from tests.rules.test_mfa_webauthn_vectors import ACCEPTED, register, section16, vector

__all__ = ["section16"]


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
