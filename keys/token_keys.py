"""Private keys that are made in a token of a hardware security module and never leave it (PKCS#11 3.0).

What is kept of such a key, in its row's envelope, is a handle: the identifier that its object has in the token. The
object cannot be extracted and signs, nothing else. Every signature is one turn of the module in each process, so the
module decides how fast a node signs.

Does not know rows, states or envelopes: see signing_backends.py.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from keys.algorithms import RSA_BITS, Sign, sha256
from keys.errors import HsmAway, MoveRefused
from keys.hsm import HsmAddress, HsmFault, HsmSession

T = TypeVar("T")

_PREFIX = b"pkcs11:"
_ED25519_CURVE = bytes.fromhex(
    "130c656477617264733235353139"
)  # PrintableString "edwards25519" (PKCS#11 3.0 §2.3.5)
_P256_CURVE = bytes.fromhex("06082a8648ce3d030107")  # the OID of secp256r1 (RFC 5480 §2.1.1.1)


@dataclass(frozen=True, slots=True)
class _InToken:
    """How the token makes keys of one algorithm and signs with them. Names are those of PKCS#11."""

    makes: str
    signs: str
    generate: Callable[[Any, Any, dict[str, Any]], Any]
    """`generate(pkcs11, session, options)`: the public half's object."""
    public: Callable[[Any, Any], Any]
    sign: Callable[[Any, Any, bytes], bytes]
    """`sign(pkcs11, object, data)`."""


def is_handle(held: bytes) -> bool:
    """True of what `TokenKeys.make` gives to be kept; a private key itself is DER and begins otherwise."""
    return held.startswith(_PREFIX)


class TokenKeys:
    """The keys in one token that have the label of the address: one deployment's own. Every method raises `HsmAway` where the token cannot be used."""

    def __init__(self, where: HsmAddress) -> None:
        self._session = HsmSession(where, writes=True)
        self._label = where.label
        self._objects: dict[bytes, Any] = {}
        self._objects_of: Any = None

    def make(self, algorithm: str) -> tuple[bytes, Any]:
        """A new key pair: its handle, and its public half as a key of `cryptography`.

        Raises:
            MoveRefused: this token has no such keys.
        """
        how, identifier = _HOW[algorithm], secrets.token_bytes(16)

        def work(pkcs11: Any, session: Any) -> Any:
            offered = {getattr(m, "name", "") for m in session.token.slot.get_mechanisms()}
            if not {how.makes, how.signs} <= offered:
                return None
            names = pkcs11.Attribute
            options = {
                "id": identifier,
                "label": self._label,
                "store": True,
                "private_template": {names.SENSITIVE: True, names.EXTRACTABLE: False, names.SIGN: True},
            }
            return how.public(pkcs11, how.generate(pkcs11, session, options))

        public = self._run(work)
        if public is None:
            raise MoveRefused(
                f"The HSM does not make keys for {algorithm}: it lacks {how.makes} or {how.signs}.",
                "Offer another algorithm (ADGANG_KEY_ALGORITHMS), or set ADGANG_SIGNING_BACKEND=software.",
            )
        return _PREFIX + identifier, public

    def signer(self, algorithm: str, handle: bytes) -> Sign:
        """Signs in the token. The token is asked at the first signature, not before."""
        how, identifier = _HOW[algorithm], handle.removeprefix(_PREFIX)

        def sign(data: bytes) -> bytes:
            return self._run(
                lambda pkcs11, session: how.sign(pkcs11, self._find(pkcs11, session, identifier), data)
            )

        return sign

    def forget(self, handle: bytes) -> None:
        """Destroy the key pair; nothing happens where it is gone already."""
        identifier = handle.removeprefix(_PREFIX)

        def work(pkcs11: Any, session: Any) -> None:
            self._objects.pop(identifier, None)
            for found in list(session.get_objects({pkcs11.Attribute.ID: identifier})):
                found.destroy()

        self._run(work)

    def handles(self) -> list[bytes]:
        """Of every signing key that the token holds for us."""

        def work(pkcs11: Any, session: Any) -> list[bytes]:
            ours = {
                pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY,
                pkcs11.Attribute.LABEL: self._label,
            }
            return [_PREFIX + bytes(found.id) for found in session.get_objects(ours)]

        return self._run(work)

    def close(self) -> None:
        self._session.close()

    def _find(self, pkcs11: Any, session: Any, identifier: bytes) -> Any:
        if self._objects_of is not session:
            self._objects, self._objects_of = {}, session
        found = self._objects.get(identifier)
        if found is None:
            found = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, id=identifier)
            self._objects[identifier] = found
        return found

    def _run(self, work: Callable[[Any, Any], T]) -> T:
        try:
            return self._session.run(work)
        except HsmFault as fault:
            raise HsmAway(f"The HSM that ADGANG_SIGNING_TOKEN_PKCS11 names {fault}") from None


def _on_curve(kind: str, curve: bytes) -> Callable[[Any, Any, dict[str, Any]], Any]:
    def generate(pkcs11: Any, session: Any, options: dict[str, Any]) -> Any:
        parameters = session.create_domain_parameters(
            pkcs11.KeyType[kind], {pkcs11.Attribute.EC_PARAMS: curve}, local=True
        )
        public, _ = parameters.generate_keypair(**options)
        return public

    return generate


def _rsa_generate(pkcs11: Any, session: Any, options: dict[str, Any]) -> Any:
    public, _ = session.generate_keypair(pkcs11.KeyType.RSA, RSA_BITS, **options)
    return public


def _rsa_public(pkcs11: Any, made: Any) -> Any:
    exponent, modulus = (
        int.from_bytes(made[name], "big")
        for name in (pkcs11.Attribute.PUBLIC_EXPONENT, pkcs11.Attribute.MODULUS)
    )
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _point(pkcs11: Any, made: Any) -> bytes:
    """CKA_EC_POINT is a DER OCTET STRING of fewer than 128 bytes around the point."""
    return bytes(made[pkcs11.Attribute.EC_POINT])[2:]


def _rsa_sign(mechanism: str) -> Callable[[Any, Any, bytes], bytes]:
    def sign(pkcs11: Any, key: Any, data: bytes) -> bytes:
        if mechanism == "SHA256_RSA_PKCS":
            return bytes(key.sign(data, mechanism=pkcs11.Mechanism.SHA256_RSA_PKCS))
        parameters = (pkcs11.Mechanism.SHA256, pkcs11.MGF.SHA256, hashes.SHA256.digest_size)  # RFC 7518 §3.5
        return bytes(
            key.sign(data, mechanism=pkcs11.Mechanism.SHA256_RSA_PKCS_PSS, mechanism_param=parameters)
        )

    return sign


def _rsa(mechanism: str) -> _InToken:
    return _InToken("RSA_PKCS_KEY_PAIR_GEN", mechanism, _rsa_generate, _rsa_public, _rsa_sign(mechanism))


_ES256 = _InToken(
    "EC_KEY_PAIR_GEN",
    "ECDSA",  # over a digest that we make: every token has it, and it answers r || s (RFC 7518 §3.4)
    _on_curve("EC", _P256_CURVE),
    lambda pkcs11, made: ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), _point(pkcs11, made)),
    lambda pkcs11, key, data: bytes(key.sign(sha256(data), mechanism=pkcs11.Mechanism.ECDSA)),
)
_ED25519 = _InToken(
    "EC_EDWARDS_KEY_PAIR_GEN",
    "EDDSA",
    _on_curve("EC_EDWARDS", _ED25519_CURVE),
    lambda pkcs11, made: ed25519.Ed25519PublicKey.from_public_bytes(_point(pkcs11, made)),
    lambda pkcs11, key, data: bytes(key.sign(data, mechanism=pkcs11.Mechanism.EDDSA)),
)
_HOW: dict[str, _InToken] = {
    "ES256": _ES256,
    "EdDSA": _ED25519,
    "Ed25519": _ED25519,
    "PS256": _rsa("SHA256_RSA_PKCS_PSS"),
    "RS256": _rsa("SHA256_RSA_PKCS"),
}
