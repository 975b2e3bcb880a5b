"""Opening what was encrypted to a client: with cryptojwt, and by the RFC's own steps where cryptojwt departs from them."""

import base64
import hashlib
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap
from cryptojwt.jwe.jwe import factory
from cryptojwt.jwk.jwk import key_from_jwk_dict
from joserfc.jwk import ECKey, RSAKey


def header_of(token: str) -> dict[str, Any]:
    """The protected header, unverified."""
    return dict(json.loads(_decoded(token.split(".")[0])))


def opened(token: str, key: ECKey | RSAKey) -> str:
    """The signed token inside, read by a library that is not ours."""
    header = header_of(token)
    if header["alg"] == "ECDH-ES+A256KW":
        return _agreed_and_unwrapped(token, header, key).decode("ascii")
    private = key_from_jwk_dict({**key.as_dict(private=True), "use": "enc", "kid": header["kid"]})
    reader = factory(token, alg=header["alg"], enc=header["enc"])
    return bytes(reader.decrypt(token, keys=[private])).decode("ascii")


def _agreed_and_unwrapped(token: str, header: dict[str, Any], key: ECKey | RSAKey) -> bytes:
    """RFC 7518 §4.6: cryptojwt derives a key of another name for this algorithm."""
    protected, wrapped, nonce, content, tag = token.split(".")
    coordinates = (int.from_bytes(_decoded(header["epk"][name]), "big") for name in ("x", "y"))
    theirs = ec.EllipticCurvePublicNumbers(*coordinates, ec.SECP256R1()).public_key()
    private = key.private_key
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    shared = private.exchange(ec.ECDH(), theirs)
    name = header["alg"].encode()
    about = len(name).to_bytes(4, "big") + name + bytes(4) + bytes(4) + (256).to_bytes(4, "big")
    kek = hashlib.sha256((1).to_bytes(4, "big") + shared + about).digest()
    cek = aes_key_unwrap(kek, _decoded(wrapped))
    sealed = _decoded(content) + _decoded(tag)
    return AESGCM(cek).decrypt(_decoded(nonce), sealed, protected.encode("ascii"))


def _decoded(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
