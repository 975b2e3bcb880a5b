"""What we may sign with, how each key is made, and how it signs and verifies (RFC 7518 §3, RFC 8037, RFC 9864).

`cryptography` directly: this is the hot path of our own tokens. Tested against joserfc in both directions.
`EdDSA` and `Ed25519` are two algorithms here, each with keys of its own: `alg` in a JWK names exactly what stands
in the header of what it signs, whichever of the two names a client registered.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

Sign = Callable[[bytes], bytes]
Verify = Callable[[bytes, bytes], None]
"""`verify(signature, data)`; raises `BadSignature`."""

BadSignature = InvalidSignature

RSA_BITS = 3072  # NIST SP 800-57 part 1 §5.6: 128 bits of strength
_RSA_EXPONENT = 65537
_COORDINATE = 32  # bytes; RFC 7518 §3.4
_SHA256 = hashes.SHA256()
_ECDSA = ec.ECDSA(_SHA256)


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One JWS algorithm. The functions take keys of `cryptography` of its own type only."""

    name: str
    generate: Callable[[], Any]
    public_members: Callable[[Any], dict[str, str]]
    signer: Callable[[Any], Sign]
    verifier: Callable[[Any], Verify]


def base64url(value: bytes) -> str:
    """RFC 7515 §2: without padding."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def thumbprint(jwk: Mapping[str, str]) -> str:
    """RFC 7638 §3: over the required members only."""
    required = {name: jwk[name] for name in _REQUIRED[jwk["kty"]]}
    return base64url(sha256(msgspec.json.encode(required, order="sorted")))


def public_jwk(algorithm: str, public: Any) -> dict[str, str]:
    """The JWK to publish: public members, `use`, `alg`, and the thumbprint as `kid` (S-385)."""
    members = SIGNING_ALGORITHMS[algorithm].public_members(public)
    return {**members, "alg": algorithm, "kid": thumbprint(members), "use": "sig"}


def private_bytes(private: Any) -> bytes:
    """PKCS #8, DER: what gets sealed."""
    encoded: bytes = private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return encoded


def parse_private(encoded: bytes) -> Any:
    """The key from its PKCS #8 bytes."""
    return serialization.load_der_private_key(encoded, password=None)


def parse_public(jwk: Mapping[str, str]) -> Any:
    """The public key from a JWK of ours."""
    if jwk["kty"] == "EC":
        point = b"\x04" + _from_base64url(jwk["x"]) + _from_base64url(jwk["y"])
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    if jwk["kty"] == "OKP":
        return ed25519.Ed25519PublicKey.from_public_bytes(_from_base64url(jwk["x"]))
    modulus = int.from_bytes(_from_base64url(jwk["n"]), "big")
    return rsa.RSAPublicNumbers(int.from_bytes(_from_base64url(jwk["e"]), "big"), modulus).public_key()


def _from_base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _ec_members(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    x, y = (base64url(value.to_bytes(_COORDINATE, "big")) for value in (numbers.x, numbers.y))
    return {"crv": "P-256", "kty": "EC", "x": x, "y": y}


def _ec_signer(key: ec.EllipticCurvePrivateKey) -> Sign:
    der_sign = key.sign

    def sign(data: bytes) -> bytes:
        r, s = decode_dss_signature(der_sign(data, _ECDSA))
        return r.to_bytes(_COORDINATE, "big") + s.to_bytes(_COORDINATE, "big")  # RFC 7518 §3.4

    return sign


def _ec_verifier(key: ec.EllipticCurvePublicKey) -> Verify:
    def verify(signature: bytes, data: bytes) -> None:
        if len(signature) != 2 * _COORDINATE:
            raise InvalidSignature
        r = int.from_bytes(signature[:_COORDINATE], "big")
        s = int.from_bytes(signature[_COORDINATE:], "big")
        key.verify(encode_dss_signature(r, s), data, _ECDSA)

    return verify


def _okp_members(key: ed25519.Ed25519PublicKey) -> dict[str, str]:
    return {"crv": "Ed25519", "kty": "OKP", "x": base64url(key.public_bytes_raw())}


def _okp_signer(key: ed25519.Ed25519PrivateKey) -> Sign:
    return key.sign


def _okp_verifier(key: ed25519.Ed25519PublicKey) -> Verify:
    return key.verify


def _rsa_generate() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(_RSA_EXPONENT, RSA_BITS)


def _rsa_members(key: rsa.RSAPublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    modulus = numbers.n.to_bytes(key.key_size // 8, "big")
    return {"e": base64url(numbers.e.to_bytes(3, "big")), "kty": "RSA", "n": base64url(modulus)}


def _rsa_signer(scheme: padding.AsymmetricPadding) -> Callable[[rsa.RSAPrivateKey], Sign]:
    return lambda key: lambda data: key.sign(data, scheme, _SHA256)


def _rsa_verifier(scheme: padding.AsymmetricPadding) -> Callable[[rsa.RSAPublicKey], Verify]:
    return lambda key: lambda signature, data: key.verify(signature, data, scheme, _SHA256)


def _rsa(name: str, scheme: padding.AsymmetricPadding) -> Algorithm:
    return Algorithm(name, _rsa_generate, _rsa_members, _rsa_signer(scheme), _rsa_verifier(scheme))


def _ed25519(name: str) -> Algorithm:
    return Algorithm(name, ed25519.Ed25519PrivateKey.generate, _okp_members, _okp_signer, _okp_verifier)


_REQUIRED = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}

SIGNING_ALGORITHMS: dict[str, Algorithm] = {
    "ES256": Algorithm(
        "ES256", lambda: ec.generate_private_key(ec.SECP256R1()), _ec_members, _ec_signer, _ec_verifier
    ),
    "EdDSA": _ed25519("EdDSA"),
    "Ed25519": _ed25519("Ed25519"),
    "PS256": _rsa("PS256", padding.PSS(padding.MGF1(_SHA256), _SHA256.digest_size)),  # RFC 7518 §3.5
    "RS256": _rsa("RS256", padding.PKCS1v15()),
}
