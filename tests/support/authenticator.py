"""An authenticator in software, with a browser before it: says what WebAuthn Level 3 lets it say, or what a test
wants it to say instead. Real attestation objects and assertions; knows nothing of our code."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from webauthn.helpers import encode_cbor

_AAGUID_EXTENSION = x509.ObjectIdentifier("1.3.6.1.4.1.45724.1.1.4")
UP, UV, BE, BS, AT = 0x01, 0x04, 0x08, 0x10, 0x40


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass(frozen=True)
class Maker:
    """A maker of authenticators, whose root vouches for one model (WebAuthn Level 3 §8.2)."""

    aaguid: str
    root_pem: bytes
    certificate: bytes
    """Of the model, in DER."""
    key: ec.EllipticCurvePrivateKey = field(repr=False)


@cache
def maker(aaguid: str = "2b1f9a7e-5c3d-4e8f-9a6b-7c8d9e0f1a2b") -> Maker:
    """The same maker for each model, in each test process."""
    root_key, model_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Testrod for nøgler")])
    model_name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "DK"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Opdigtet Nøglefabrik"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "Authenticator Attestation"),
            x509.NameAttribute(NameOID.COMMON_NAME, "Nøglefabrik model 1"),
        ]
    )

    def certify(subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, ca: bool) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(root_name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
            .not_valid_after(datetime(2099, 1, 1, tzinfo=UTC))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )

    root = certify(root_name, root_key, ca=True).sign(root_key, hashes.SHA256())
    named = x509.UnrecognizedExtension(_AAGUID_EXTENSION, b"\x04\x10" + UUID(aaguid).bytes)
    model = certify(model_name, model_key, ca=False).add_extension(named, critical=False)
    return Maker(
        aaguid,
        root.public_bytes(serialization.Encoding.PEM),
        model.sign(root_key, hashes.SHA256()).public_bytes(serialization.Encoding.DER),
        model_key,
    )


@dataclass
class Authenticator:
    """One key pair for one citizen, at the pages of one origin."""

    verifies_user: bool = True
    synced: bool = False
    counts: bool = True
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    private_key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    counter: int = 0
    user_handle: bytes = b""
    origin: str = "https://adgang.example"
    made_by: Maker | None = None
    """Who attests it; None: nobody."""

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
        aaguid = UUID(self.made_by.aaguid).bytes if self.made_by else bytes(16)
        attested = changes.get("aaguid", aaguid) + len(credential_id).to_bytes(2) + credential_id
        attested += changes.get("encoded_key", encode_cbor(changes.get("cose_key", self.cose_key())))
        data = (
            self._authenticator_data(options["rp"]["id"], AT | changes.get("flags", self.flags), changes)
            + attested
        )
        client_data = self._client_data("webauthn.create", options, changes)
        attestation = {
            "fmt": changes.get("fmt", "packed" if self.made_by else "none"),
            "attStmt": changes.get("statement", self._statement(data, client_data)),
            "authData": data,
        }
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

    def _statement(self, data: bytes, client_data: bytes) -> dict[str, Any]:
        """WebAuthn Level 3 §8.2, basic attestation."""
        if self.made_by is None:
            return {}
        signature = self.made_by.key.sign(
            data + hashlib.sha256(client_data).digest(), ec.ECDSA(hashes.SHA256())
        )
        return {"alg": -7, "sig": signature, "x5c": [self.made_by.certificate]}

    def _authenticator_data(self, rp_id: str, flags: int, changes: dict[str, Any]) -> bytes:
        digest = hashlib.sha256(changes.get("rp_id", rp_id).encode()).digest()
        return digest + bytes([flags]) + int(changes.get("counter", self.counter)).to_bytes(4)

    def _client_data(self, kind: str, options: dict[str, Any], changes: dict[str, Any]) -> bytes:
        if "client_data" in changes:
            return bytes(changes["client_data"].replace(b"CHALLENGE", options["challenge"].encode()))
        data = {
            "type": changes.get("kind", kind),
            "challenge": changes.get("challenge", options["challenge"]),
            "origin": changes.get("origin", self.origin),
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
