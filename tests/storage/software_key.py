"""An authenticator in software, with a browser before it: says what WebAuthn Level 3 lets it say, or what a test
wants it to say instead. Knows nothing of our code but the relying party."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import encode_cbor

from mfa.factors import Factor
from mfa.webauthn import RelyingParty

RELYING_PARTY = RelyingParty("adgang.example", "Adgang", ("https://adgang.example",))
UP, UV, BE, BS, AT = 0x01, 0x04, 0x08, 0x10, 0x40


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class SoftwareKey:
    """One key pair for one citizen."""

    verifies_user: bool = True
    synced: bool = False
    counts: bool = True
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    private_key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    counter: int = 0
    user_handle: bytes = b""
    factor: Factor | None = None

    @property
    def factor_id(self) -> str:
        assert self.factor is not None
        return self.factor.factor_id

    @property
    def flags(self) -> int:
        return UP | (UV if self.verifies_user else 0) | (BE | BS if self.synced else 0)

    def cose_key(self) -> dict[int, Any]:
        point = self.private_key.public_key().public_numbers()
        return {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)}

    def create(self, options: dict[str, Any], **changes: Any) -> str:
        """The registration. `changes`: flags, cose_key, statement, fmt, credential_id, client_data, origin."""
        self.user_handle = unb64(options["user"]["id"])
        credential_id = changes.get("credential_id", self.credential_id)
        attested = bytes(16) + len(credential_id).to_bytes(2) + credential_id
        attested += changes.get("encoded_key", encode_cbor(changes.get("cose_key", self.cose_key())))
        data = (
            self._authenticator_data(options["rp"]["id"], AT | changes.get("flags", self.flags), changes)
            + attested
        )
        attestation = {
            "fmt": changes.get("fmt", "none"),
            "attStmt": changes.get("statement", {}),
            "authData": data,
        }
        client_data = self._client_data("webauthn.create", options, changes)
        return self._json(
            {"clientDataJSON": b64(client_data), "attestationObject": b64(encode_cbor(attestation))},
            credential_id,
        )

    def get(self, options: dict[str, Any], **changes: Any) -> str:
        """The assertion. `changes`: flags, counter, rp_id, origin, kind, challenge, user_handle, signature."""
        if self.counts:
            self.counter += 1
        data = self._authenticator_data(options["rpId"], changes.get("flags", self.flags), changes)
        client_data = self._client_data("webauthn.get", options, changes)
        signed = data + hashlib.sha256(client_data).digest()
        signature = changes.get("signature", self.private_key.sign(signed, ec.ECDSA(hashes.SHA256())))
        response = {
            "clientDataJSON": b64(client_data),
            "authenticatorData": b64(data),
            "signature": b64(signature),
            "userHandle": b64(changes.get("user_handle", self.user_handle)),
        }
        if changes.get("without_handle"):
            del response["userHandle"]
        return self._json(response, self.credential_id)

    def _authenticator_data(self, rp_id: str, flags: int, changes: dict[str, Any]) -> bytes:
        digest = hashlib.sha256(changes.get("rp_id", rp_id).encode()).digest()
        return digest + bytes([flags]) + int(changes.get("counter", self.counter)).to_bytes(4)

    def _client_data(self, kind: str, options: dict[str, Any], changes: dict[str, Any]) -> bytes:
        if "client_data" in changes:
            return bytes(changes["client_data"].replace(b"CHALLENGE", options["challenge"].encode()))
        data = {
            "type": changes.get("kind", kind),
            "challenge": changes.get("challenge", options["challenge"]),
            "origin": changes.get("origin", "https://adgang.example"),
            "crossOrigin": False,
            **changes.get("more", {}),
        }
        return json.dumps(data).encode()

    def _json(self, response: dict[str, str], credential_id: bytes) -> str:
        identifier = b64(credential_id)
        credential = {
            "id": identifier,
            "rawId": identifier,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": response,
        }
        return json.dumps(credential)
