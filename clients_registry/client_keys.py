"""ClientKeys: the public keys of one client (RFC 7517), parsed once.

`use`, `alg` and `key_ops` are honoured here: a key is only found for what it was registered for. Whether a key is
sound is key_policy's matter; when keys at a `jwks_uri` are fetched, published_keys'.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import gcd
from typing import Any, Protocol

from joserfc.jwk import JWKRegistry, Key

from clients_registry.errors import InvalidKeys, MetadataFault, UnknownKey
from clients_registry.key_certificates import certificate_faults, public_key_info
from clients_registry.key_policy import key_faults, rsa_modulus

MAX_KEYS = 20
"""A rotation needs two keys per algorithm; more than this is a mistake, and costs at every load."""

_KID = re.compile(r"[!-~]{1,128}")
_MEMBERS = ("kty", "kid", "use", "alg", "key_ops", "n", "e", "crv", "x", "y")

_SIGNATURE_ALGORITHMS = {
    "RSA": ("PS256", "RS256"),
    "EC": ("ES256",),
    "OKP": ("EdDSA", "Ed25519"),  # RFC 9864: two names of one algorithm, as far as this curve goes
}
_ENCRYPTION_ALGORITHMS = {
    "RSA": ("RSA-OAEP-256",),
    "EC": ("ECDH-ES", "ECDH-ES+A256KW"),
    "OKP": (),
}
_OPERATIONS = {
    "sig": frozenset({"verify"}),
    "enc": frozenset({"encrypt", "wrapKey", "deriveKey", "deriveBits"}),
}


@dataclass(frozen=True, slots=True)
class _ClientKey:
    kid: str
    """As registered, else the RFC 7638 thumbprint."""
    algorithms: tuple[str, ...]
    """The signature algorithms it was registered for; none for a key of encryption."""
    encryption: tuple[str, ...]
    """The algorithms by which one may encrypt to it; none for a key of signatures."""
    is_named: bool
    """It was registered with this kid."""
    only_encrypts: bool
    key: Key
    certified: bytes | None = None
    """Its SubjectPublicKeyInfo, where it was registered with a certificate: then it is for TLS too."""


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """A key to encrypt to; `kid` where the client gave it one."""

    kid: str | None
    key: Key


class FindsKeys(Protocol):
    """The keys of a client, by value or by its `jwks_uri`."""

    def find(self, alg: str, kid: str | None) -> Key:
        """As `ClientKeys.find`."""

    def find_encryption(self, alg: str) -> EncryptionKey:
        """As `ClientKeys.find_encryption`."""

    def find_certified(self, public_key: bytes) -> Key:
        """As `ClientKeys.find_certified`."""


@dataclass(frozen=True, slots=True)
class ClientKeys:
    """The keys of one client, ready to verify with."""

    _keys: tuple[_ClientKey, ...] = ()

    @classmethod
    def parse(cls, jwks: object) -> "ClientKeys":
        """All keys of a JWK Set.

        Raises:
            InvalidKeys: with every fault of every key.
        """
        jwk_set = _keys_of(jwks)
        faults = [
            fault for index, jwk in enumerate(jwk_set) for fault in _faults_of(jwk, f"jwks.keys[{index}]")
        ]
        if not faults:
            faults = list(_faults_between(jwk_set))
        if faults:
            raise InvalidKeys(faults)
        return cls(tuple(map(_parsed, jwk_set)))

    @classmethod
    def still_usable(cls, jwks: Mapping[str, Any] | None) -> "ClientKeys":
        """The keys of a registered JWK Set that today's policy takes; a stricter policy drops keys, not clients."""
        keys = jwks["keys"] if jwks is not None else ()
        return cls(tuple(_parsed(jwk) for jwk in keys if not _faults_of(jwk, "")))

    @classmethod
    def published(cls, jwks: object) -> "ClientKeys":
        """The sound keys of a set that somebody else keeps: others may stand beside them, and are not for us.

        Raises:
            InvalidKeys: it is no JWK Set, or too large a one.
        """
        keys = jwks.get("keys") if isinstance(jwks, Mapping) else None
        if not isinstance(keys, list) or len(keys) > MAX_KEYS:
            raise InvalidKeys([MetadataFault("jwks_uri", f"leads to no JWK Set of at most {MAX_KEYS} keys")])
        sound = [jwk for jwk in keys if isinstance(jwk, Mapping) and not _faults_of(jwk, "")]
        if shares_a_prime(moduli := rsa_moduli({"keys": sound}), moduli):
            sound = [jwk for jwk in sound if jwk["kty"] != "RSA"]
        return cls(tuple(map(_parsed, sound)))

    def find(self, alg: str, kid: str | None) -> Key:
        """The key to verify a signature with; without `kid` only where one key fits the algorithm.

        Raises:
            UnknownKey: no key fits, or several do and none was named.
        """
        fitting = [k for k in self._keys if alg in k.algorithms and (kid is None or k.kid == kid)]
        if len(fitting) != 1:
            raise UnknownKey("no registered key fits, or several do and the header names none")
        return fitting[0].key

    def find_encryption(self, alg: str) -> EncryptionKey:
        """The key to encrypt to: the first of those that are for nothing else, else the first that may be used.

        Raises:
            UnknownKey: no key fits.
        """
        fitting = [key for key in self._keys if alg in key.encryption]
        if not fitting:
            raise UnknownKey("no registered key fits the encryption that was registered")
        chosen = next((key for key in fitting if key.only_encrypts), fitting[0])
        return EncryptionKey(chosen.kid if chosen.is_named else None, chosen.key)

    def find_certified(self, public_key: bytes) -> Key:
        """The key with this SubjectPublicKeyInfo, if it came with its certificate (RFC 8705 §2.2.2).

        Raises:
            UnknownKey: none is this one, or it is not for connections.
        """
        for key in self._keys:
            if key.certified == public_key:
                return key.key
        raise UnknownKey("no registered key with a certificate is this one")

    @property
    def has_certificate(self) -> bool:
        return any(key.certified is not None for key in self._keys)

    def fits(self, algorithms: Iterable[str]) -> bool:
        """Whether some key can verify one of these algorithms."""
        wanted = set(algorithms)
        return any(wanted.intersection(key.algorithms) for key in self._keys)


def public_jwks(jwks: Mapping[str, Any]) -> dict[str, Any]:
    """What we keep of a checked JWK Set: the members that we understand, so no URL, and of a chain the key's own."""
    return {"keys": [_kept(jwk) for jwk in jwks["keys"]]}


def _kept(jwk: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: jwk[name] for name in _MEMBERS if jwk.get(name) is not None}
    return kept if jwk.get("x5c") is None else kept | {"x5c": jwk["x5c"][:1]}


def rsa_moduli(jwks: Mapping[str, Any] | None) -> list[int]:
    """The moduli of its RSA keys."""
    moduli = map(rsa_modulus, jwks["keys"]) if jwks is not None else ()
    return [modulus for modulus in moduli if modulus is not None]


def shares_a_prime(moduli: Sequence[int], others: Iterable[int]) -> bool:
    """Whether a modulus has one prime, but not both, in common with another: then anyone can factor both (S-169)."""
    return any(1 < gcd(modulus, other) < modulus for other in others for modulus in moduli)


# --- the checks of a set ---------------------------------------------------------------------------------------


def _keys_of(jwks: object) -> list[Mapping[str, Any]]:
    keys = jwks.get("keys") if isinstance(jwks, Mapping) else None
    if not isinstance(keys, list) or not keys or not all(isinstance(key, Mapping) for key in keys):
        raise InvalidKeys([MetadataFault("jwks", 'must be an object {"keys": [...]} with at least one key')])
    if len(keys) > MAX_KEYS:
        raise InvalidKeys(
            [MetadataFault("jwks", f"has more than {MAX_KEYS} keys; remove those no longer used")]
        )
    return keys


def _faults_of(jwk: Mapping[str, Any], where: str) -> list[MetadataFault]:
    sentences = key_faults(jwk) or _member_faults(jwk)
    return [MetadataFault(where, sentence) for sentence in sentences]


def _member_faults(jwk: Mapping[str, Any]) -> list[str]:
    """RFC 7517 §4.2 to §4.5, for a key whose numbers are sound."""
    sentences = []
    kid, use, alg, operations = (jwk.get(name) for name in ("kid", "use", "alg", "key_ops"))
    if kid is not None and not (isinstance(kid, str) and _KID.fullmatch(kid)):
        sentences.append("kid must be 1 to 128 printable ASCII characters without spaces")
    if use not in (None, "sig", "enc"):
        sentences.append("use must be sig or enc")
    elif use == "enc" and jwk.get("kty") == "OKP":
        sentences.append("an Ed25519 key cannot encrypt; leave use out, or make it sig")
    allowed = _algorithms_for(jwk["kty"], use)
    if alg is not None and alg not in allowed:
        sentences.append(f"alg does not fit this key; leave it out or use {' or '.join(allowed)}")
    if operations is not None and not _operations_fit(operations, _use_of(jwk)):
        sentences.append(
            'key_ops must name what a public key is for, such as ["verify"], and agree with use and alg'
        )
    return sentences if jwk.get("x5c") is None else sentences + certificate_faults(jwk["x5c"], _imported(jwk))


def _algorithms_for(kty: str, use: object) -> tuple[str, ...]:
    if use == "sig":
        return _SIGNATURE_ALGORITHMS[kty]
    if use == "enc":
        return _ENCRYPTION_ALGORITHMS[kty]
    return _SIGNATURE_ALGORITHMS[kty] + _ENCRYPTION_ALGORITHMS[kty]


def _use_of(jwk: Mapping[str, Any]) -> str | None:
    """What `use`, else `alg`, says the key is for; None where neither does."""
    if jwk.get("use") is not None:
        return str(jwk["use"])
    if jwk.get("alg") is not None:
        return "enc" if jwk["alg"] in _ENCRYPTION_ALGORITHMS[jwk["kty"]] else "sig"
    return None


def _operations_fit(operations: object, use: str | None) -> bool:
    if not isinstance(operations, list) or not all(isinstance(name, str) for name in operations):
        return False
    allowed = _OPERATIONS[use] if use in _OPERATIONS else _OPERATIONS["sig"] | _OPERATIONS["enc"]
    return 0 < len(operations) == len(set(operations)) and set(operations) <= allowed


def _faults_between(jwk_set: list[Mapping[str, Any]]) -> Iterable[MetadataFault]:
    kids = Counter(_parsed(jwk).kid for jwk in jwk_set)
    if max(kids.values()) > 1:
        yield MetadataFault("jwks", "two keys have the same kid; give each its own (RFC 7517 §4.5)")
    moduli = [modulus for jwk in jwk_set if (modulus := rsa_modulus(jwk)) is not None]
    if shares_a_prime(moduli, moduli):
        yield MetadataFault(
            "jwks", "two RSA keys share a prime, so both can be factored; make new keys elsewhere"
        )


def _parsed(jwk: Mapping[str, Any]) -> _ClientKey:
    key = _imported(jwk)
    return _ClientKey(
        kid=jwk.get("kid") or key.thumbprint(),
        algorithms=_algorithms_of(jwk),
        encryption=_encryption_of(jwk),
        is_named=jwk.get("kid") is not None,
        only_encrypts=_use_of(jwk) == "enc",
        key=key,
        certified=None if jwk.get("x5c") is None else public_key_info(key),
    )


def _imported(jwk: Mapping[str, Any]) -> Key:
    # joserfc sees the numbers only: `alg`, `use` and `key_ops` were read here, and it takes EdDSA and Ed25519 for two.
    return JWKRegistry.import_key({n: jwk[n] for n in ("kty", "n", "e", "crv", "x", "y") if n in jwk})


def _algorithms_of(jwk: Mapping[str, Any]) -> tuple[str, ...]:
    if _use_of(jwk) == "enc" or "verify" not in (jwk.get("key_ops") or ["verify"]):
        return ()
    if jwk.get("alg") in ("EdDSA", "Ed25519") or jwk.get("alg") is None:
        return _SIGNATURE_ALGORITHMS[jwk["kty"]]
    return (jwk["alg"],)


def _encryption_of(jwk: Mapping[str, Any]) -> tuple[str, ...]:
    operations = jwk.get("key_ops")
    if _use_of(jwk) == "sig" or not (operations is None or _OPERATIONS["enc"].intersection(operations)):
        return ()
    able = _ENCRYPTION_ALGORITHMS[jwk["kty"]]
    return able if jwk.get("alg") is None else tuple(alg for alg in able if alg == jwk["alg"])
