"""What is held of a key's private part into its envelope and out of it. The envelope vouches for the whole row.

A key without a private part has an envelope too, over nothing: nobody without the key-encryption key can add a key
to the JWKS, move one back to life, or alter a date.
"""

from dataclasses import replace

from keys.algorithms import thumbprint
from keys.errors import KeyDoesNotUnseal, UnsealFailed
from keys.key import SigningKey
from keys.sealing import Sealer
from keys.states import HOLDS_PRIVATE_PART


def seal_key(sealer: Sealer, key: SigningKey, private: bytes) -> SigningKey:
    """The key with a new envelope. `private` (signing_backends.py) is kept only in a state that has a private part."""
    kept = private if key.state in HOLDS_PRIVATE_PART else b""
    return replace(key, sealed=sealer.seal(kept, key.associated()))


def unseal_key(sealer: Sealer, key: SigningKey) -> bytes:
    """What is held of the private part; empty where the state has none.

    Raises:
        KeyDoesNotUnseal: names the key; the row was altered, or another key-encryption key sealed it.
    """
    try:
        private = sealer.unseal(key.sealed, key.associated())
    except UnsealFailed as fault:
        raise KeyDoesNotUnseal(key.kid, str(fault)) from fault
    if bool(private) != (key.state in HOLDS_PRIVATE_PART) or thumbprint(key.public_jwk) != key.kid:
        raise KeyDoesNotUnseal(key.kid, "its row contradicts itself")
    return private


def sealed_anew(sealer: Sealer, before: SigningKey, after: SigningKey) -> SigningKey:
    """`after`, a later form of `before`, with the private part of `before` as far as its state keeps one."""
    return seal_key(sealer, after, unseal_key(sealer, before))
