"""Which public keys a citizen's authenticator may have (COSE, RFC 9053), and what is told of them.

ES256, Ed25519, RS256 with 2048 to 4096 bits. py_webauthn takes points off their curve and 512-bit RSA with exponent
1 (S-293), so each key is loaded here, before it is kept and whenever it is used.
"""

from typing import Any, TypeGuard

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePublicNumbers,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from webauthn.helpers import encode_cbor, parse_cbor
from webauthn.helpers.cose import COSEAlgorithmIdentifier as Algorithm

ALGORITHMS = (
    Algorithm.ECDSA_SHA_256,
    Algorithm.EDDSA,
    Algorithm.RSASSA_PKCS1_v1_5_SHA_256,
)
"""In the order of preference that browsers are told."""

_LARGEST_KEY = 1_024
_KTY, _ALG, _CRV_OR_N, _X_OR_E, _Y = 1, 3, -1, -2, -3
_OKP, _EC2, _RSA = 1, 2, 3
_P256, _ED25519 = 1, 6


class UnacceptableKey(Exception):
    """Not a key that we verify with."""


def check_public_key(encoded: bytes) -> None:
    """Whether this COSE key is whole, of an allowed kind, and strong enough.

    Raises:
        UnacceptableKey
    """
    if not 1 <= len(encoded) <= _LARGEST_KEY:
        raise UnacceptableKey("the key has no size that an allowed key has")
    try:
        key = parse_cbor(encoded)
        _check(key)
    except UnacceptableKey:
        raise
    except Exception as fault:  # the CBOR and key parsers raise seven kinds; all mean this (S-292)
        raise UnacceptableKey("the key cannot be read") from fault


def nobodys_key() -> bytes:
    """A new COSE key of the most usual kind, of which nobody has the private part."""
    point = generate_private_key(SECP256R1()).public_key().public_numbers()
    x, y = point.x.to_bytes(32), point.y.to_bytes(32)
    return encode_cbor({_KTY: _EC2, _ALG: Algorithm.ECDSA_SHA_256.value, _CRV_OR_N: _P256, _X_OR_E: x, _Y: y})


def _check(key: Any) -> None:
    if not isinstance(key, dict) or any(type(label) is not int for label in key):
        raise UnacceptableKey("the key is not a COSE key")
    match (key.get(_KTY), key.get(_ALG)):
        case (2, Algorithm.ECDSA_SHA_256):
            _check_p256(key)
        case (1, Algorithm.EDDSA):
            _check_ed25519(key)
        case (3, Algorithm.RSASSA_PKCS1_v1_5_SHA_256):
            _check_rsa(key)
        case _:
            raise UnacceptableKey("the key's algorithm is not allowed")


def _check_p256(key: dict[int, Any]) -> None:
    x, y = key.get(_X_OR_E), key.get(_Y)
    if key.get(_CRV_OR_N) != _P256 or not _is_bytes(x, 32) or not _is_bytes(y, 32):
        raise UnacceptableKey("not a point of P-256")
    # raises where the point is not on the curve
    EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), SECP256R1()).public_key()


def _check_ed25519(key: dict[int, Any]) -> None:
    x = key.get(_X_OR_E)
    if key.get(_CRV_OR_N) != _ED25519 or not _is_bytes(x, 32):
        raise UnacceptableKey("not a point of Ed25519")
    Ed25519PublicKey.from_public_bytes(x)


def _check_rsa(key: dict[int, Any]) -> None:
    n, e = key.get(_CRV_OR_N), key.get(_X_OR_E)
    if not isinstance(n, bytes) or not 256 <= len(n) <= 512 or not isinstance(e, bytes) or len(e) > 4:
        raise UnacceptableKey("an RSA key has 2048 to 4096 bits")
    modulus, exponent = int.from_bytes(n), int.from_bytes(e)
    if modulus.bit_length() < 2048 or exponent < 65_537:
        raise UnacceptableKey("an RSA key has 2048 to 4096 bits, and an exponent of 65537 or more")
    RSAPublicNumbers(exponent, modulus).public_key()


def _is_bytes(value: Any, length: int) -> TypeGuard[bytes]:
    return isinstance(value, bytes) and len(value) == length
