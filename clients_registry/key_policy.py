"""Which public keys we take from clients: a guard of our own in front of joserfc (RFC 7517, 7518, 8037).

Signatures: RSA of 2048 to 4096 bits with e = 65537, EC P-256, Ed25519. Encryption: RSA and EC P-256. Weak numbers are
refused by what they are, whoever made them (S-169). JWK Sets and the choice of a key are client_keys' matter.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from math import gcd, isqrt, prod
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

RSA_BITS = range(2048, 4096 + 1)
"""FAPI 2.0 §5.4.1 asks 2048; above 4096 one verification costs more than a client's request is worth."""

_FERMAT_ROUNDS = 100
"""Finds primes whose halves agree, as bad generators make them; honest primes need about 2**500 rounds."""

_BASE64URL = re.compile(r"[A-Za-z0-9_-]{1,1024}")
PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

_ED25519_P = 2**255 - 19
_ED25519_D = -121665 * pow(121666, -1, _ED25519_P) % _ED25519_P


def key_faults(jwk: Mapping[str, Any]) -> list[str]:
    """What is wrong with the key itself, one sentence each; empty where it may be used."""
    private = sorted(PRIVATE_MEMBERS & jwk.keys())
    if private:
        return ["holds private members; make a new key pair and register only the public part"]
    match jwk.get("kty"):
        case "RSA":
            return _rsa_faults(jwk)
        case "EC":
            return _ec_faults(jwk)
        case "OKP":
            return _okp_faults(jwk)
        case _:
            return ["kty must be RSA, EC or OKP"]


def rsa_modulus(jwk: Mapping[str, Any]) -> int | None:
    """The modulus of an RSA key; None for other keys."""
    raw = _decoded(jwk.get("n")) if jwk.get("kty") == "RSA" else None
    return None if raw is None else int.from_bytes(raw, "big")


def _decoded(value: object) -> bytes | None:
    """Canonical base64url without padding, else None (RFC 7515 §2, S-163)."""
    if not isinstance(value, str) or _BASE64URL.fullmatch(value) is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except (binascii.Error, ValueError):
        return None
    return raw if base64.urlsafe_b64encode(raw).rstrip(b"=") == value.encode("ascii") else None


# --- RSA -------------------------------------------------------------------------------------------------------


def _rsa_faults(jwk: Mapping[str, Any]) -> list[str]:
    raw, exponent = _decoded(jwk.get("n")), _decoded(jwk.get("e"))
    if raw is None or exponent is None or raw[0] == 0:
        return ["n and e must be base64url numbers without padding or leading zeros (RFC 7518 §6.3.1)"]
    modulus = int.from_bytes(raw, "big")
    if modulus.bit_length() not in RSA_BITS:
        return [f"is an RSA key of {modulus.bit_length()} bits; use 2048 to 4096, better 3072"]
    return list(_rsa_weaknesses(modulus, int.from_bytes(exponent, "big")))


def _rsa_weaknesses(modulus: int, exponent: int) -> Iterator[str]:
    if exponent != 65537:
        yield "has a public exponent other than 65537; make a new key with e = 65537"
    remainder = modulus % _PRIMORIAL  # the same as the modulus to each of these primes, and short
    if gcd(remainder, _PRIMORIAL) != 1:
        yield "has a small prime factor; make a new key with another tool"
    elif _is_roca(remainder):
        yield "carries the ROCA fingerprint (CVE-2017-15361), so it can be factored; make a new key elsewhere"
    elif _has_close_primes(modulus):
        yield "has two primes that lie too close, so it can be factored; make a new key with another tool"


def _primes_up_to(limit: int) -> list[int]:
    return [n for n in range(2, limit + 1) if all(n % d for d in range(2, isqrt(n) + 1))]


def _powers(base: int, prime: int) -> frozenset[int]:
    """The subgroup of residues modulo `prime` that `base` generates."""
    found, value = set(), 1
    while value not in found:
        found.add(value)
        value = value * base % prime
    return frozenset(found)


_SMALL_PRIMES = _primes_up_to(701)
"""The first 126 primes: what the flawed library built its primes on, at the key sizes we take (Nemec et al. 2017)."""

_PRIMORIAL = prod(_SMALL_PRIMES)

_ROCA_RESIDUES = [(prime, _powers(65537, prime)) for prime in _SMALL_PRIMES]


def _is_roca(remainder: int) -> bool:
    """Its primes are k*M + 65537**a mod M, so the modulus is a power of 65537 modulo every small prime."""
    return all(remainder % prime in residues for prime, residues in _ROCA_RESIDUES)


def _has_close_primes(modulus: int) -> bool:
    """Fermat's factorisation, a few rounds; cheap, since a stranger may send any number of keys with DPoP proofs."""
    middle = isqrt(modulus)
    rest = middle * middle - modulus
    for candidate in range(middle, middle + _FERMAT_ROUNDS):
        if rest >= 0 and rest % _SIEVE in _SQUARES and isqrt(rest) ** 2 == rest:
            return True
        rest += 2 * candidate + 1
    return False


_SIEVE = 3 * 3 * 5 * 7 * 11 * 13
_SQUARES = frozenset(number * number % _SIEVE for number in range(_SIEVE))
"""What a square leaves; 19 of 20 other numbers leave something else, and need no root."""


# --- curves ----------------------------------------------------------------------------------------------------


def _ec_faults(jwk: Mapping[str, Any]) -> list[str]:
    if jwk.get("crv") != "P-256":
        return ["crv must be P-256, the curve of ES256"]
    x, y = _decoded(jwk.get("x")), _decoded(jwk.get("y"))
    if x is None or y is None or len(x) != 32 or len(y) != 32:
        return ["x and y must be 32 bytes each, base64url without padding (RFC 7518 §6.2.1)"]
    try:
        ec.EllipticCurvePublicNumbers(
            int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1()
        ).public_key()
    except ValueError:
        return ["is not a point on its curve"]
    return []


def _okp_faults(jwk: Mapping[str, Any]) -> list[str]:
    if jwk.get("crv") != "Ed25519":
        return ["crv must be Ed25519"]
    raw = _decoded(jwk.get("x"))
    if raw is None or len(raw) != 32:
        return ["x must be 32 bytes, base64url without padding (RFC 8037 §2)"]
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if y >= _ED25519_P or _has_small_order(y):
        return ["is not a sound Ed25519 key: anyone could sign for it"]
    return []


def _has_small_order(y: int) -> bool:
    """Orders 1, 2 and 4 have y = 1, -1 and 0; order 8 doubles to y = 0, which means d*y**4 + 2*y**2 = 1."""
    square = y * y % _ED25519_P
    doubles_to_order_four = (_ED25519_D * square * square + 2 * square - 1) % _ED25519_P == 0
    return y in (0, 1, _ED25519_P - 1) or doubles_to_order_four
