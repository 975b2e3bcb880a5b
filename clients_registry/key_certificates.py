"""The certificate of a registered key, `x5c` (RFC 7517 §4.7), by which `self_signed_tls_client_auth` knows its client.

What counts of it is that it is this key's: it says that the key is for TLS connections (RFC 8705 §2.2.2). Its names, its
issuer and its end are nothing to us, so a client may renew the certificate of a key without asking anybody.
"""

import base64
import binascii

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import Key, OctKey

from clients_registry.key_policy import RSA_BITS

_MAX_CERTIFICATES = 5
_MAX_LETTERS = 8192
_CURVES = ("secp256r1", "secp384r1", "secp521r1")


def certificate_faults(chain: object, key: Key) -> list[str]:
    """What is wrong with the `x5c` of a key, one sentence at most."""
    first = chain[0] if isinstance(chain, list) and 0 < len(chain) <= _MAX_CERTIFICATES else None
    certified = _certified_key(first)
    if certified is None:
        return [
            "x5c must be a list of certificates: DER in base64 with padding, not base64url (RFC 7517 §4.7)"
        ]
    if certified != public_key_info(key):
        return ["x5c must begin with the certificate of this very key (RFC 7517 §4.7)"]
    return []


def public_key_info(key: Key) -> bytes:
    """SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) of a key, in DER: the same bytes for the same key."""
    if isinstance(key, OctKey):
        raise ValueError("a shared secret has no public key")
    return bytes(key.as_bytes(encoding="DER", private=False))


def parse_certificate(der: bytes) -> x509.Certificate:
    """The certificate in these bytes.

    Raises:
        ValueError: there is none.
    """
    try:
        certificate = x509.load_der_x509_certificate(der)
    except x509.InvalidVersion:  # which is no ValueError
        raise ValueError("a certificate of an unknown version") from None
    # The signature ends the certificate, as whole bytes behind a count of unused bits: with another count, which cryptography
    # takes where those bits are zero, it would be a second spelling, of another thumbprint, that nobody has signed.
    if der[-len(certificate.signature) - 1] != 0:
        raise ValueError("the certificate's signature is not whole bytes")
    return certificate


def key_of_certificate(certificate: x509.Certificate) -> bytes:
    """SubjectPublicKeyInfo of the key in a certificate, in DER.

    Raises:
        ValueError: a key that nobody here can read, or that is too weak to stand for anybody.
    """
    try:
        key = certificate.public_key()
    except UnsupportedAlgorithm:
        raise ValueError("the certificate's key is of an unknown kind") from None
    if not _is_strong(key):
        raise ValueError("the certificate's key is too weak")
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _is_strong(key: object) -> bool:
    """FAPI 2.0 §5.4.1, for keys of TLS as for others; here larger curves too, since nobody signs a token with these."""
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size >= RSA_BITS.start
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.curve.name in _CURVES
    return isinstance(key, ed25519.Ed25519PublicKey)


def _certified_key(text: object) -> bytes | None:
    if not isinstance(text, str) or not 0 < len(text) <= _MAX_LETTERS:
        return None
    try:
        return key_of_certificate(parse_certificate(base64.b64decode(text, validate=True)))
    except (binascii.Error, ValueError):
        return None
