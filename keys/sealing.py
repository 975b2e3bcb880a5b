"""Secrets encrypted at rest: AES-256-GCM in a versioned envelope under a key-encryption key (NIST SP 800-38D).

Each purpose gets a key of its own by HKDF (RFC 5869), so that what was sealed for one never opens for another
(S-384). The envelope names the key-encryption key, so that a new one can be brought in while the old still opens
what it sealed. Random nonces: safe for 2**32 envelopes under one key, far more than a country has secrets.

Does not read the key-encryption key from anywhere.

```
 version │ id of the key-encryption key │ nonce │ ciphertext and tag
   1 B   │             8 B              │ 12 B  │   n + 16 B
```
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from keys.errors import UnsealFailed

_VERSION = b"\x01"
_ID = 8
_NONCE = 12  # NIST SP 800-38D §8.2.2
_TAG = 16
_KEY = 32
_HEADER = len(_VERSION) + _ID


class Sealer:
    """Seals for one purpose. Seals under `key`; opens what `key` or one of `others` sealed."""

    def __init__(self, key: bytes, purpose: str, *, others: tuple[bytes, ...] = ()) -> None:
        for candidate in (key, *others):
            if len(candidate) != _KEY:
                raise ValueError("A key-encryption key has 32 bytes.")
        self._purpose = purpose.encode()
        self._current = _key_id(key)
        self._ciphers = {_key_id(k): AESGCM(_derive(k, b"seal " + self._purpose)) for k in (*others, key)}

    @property
    def key_id(self) -> str:
        """Names the key-encryption key that seals now, and tells nothing about it."""
        return self._current.hex()

    @property
    def present(self) -> bytes:
        """What every envelope begins with that the present key-encryption key sealed."""
        return _VERSION + self._current

    def seal(self, plaintext: bytes, associated: bytes) -> bytes:
        """An envelope that opens only with the same `associated` bytes."""
        header = _VERSION + self._current
        nonce = os.urandom(_NONCE)
        bound = self._bound(header, associated)
        return header + nonce + self._ciphers[self._current].encrypt(nonce, plaintext, bound)

    def unseal(self, envelope: bytes, associated: bytes) -> bytes:
        """What was sealed.

        Raises:
            UnsealFailed: altered, bound to something else, or sealed under a key we do not have.
        """
        if len(envelope) < _HEADER + _NONCE + _TAG or envelope[:1] != _VERSION:
            raise UnsealFailed("this is no envelope of ours")
        header, nonce = envelope[:_HEADER], envelope[_HEADER : _HEADER + _NONCE]
        cipher = self._ciphers.get(header[1:])
        if cipher is None:
            raise UnsealFailed("it was sealed under another key-encryption key")
        try:
            return cipher.decrypt(nonce, envelope[_HEADER + _NONCE :], self._bound(header, associated))
        except InvalidTag as fault:
            raise UnsealFailed("it was altered, or belongs to something else") from fault

    def is_current(self, envelope: bytes) -> bool:
        """True where the present key-encryption key sealed it, so that it needs no reseal."""
        return envelope[:_HEADER] == self.present

    def _bound(self, header: bytes, associated: bytes) -> bytes:
        length = len(self._purpose).to_bytes(2, "big")
        return header + length + self._purpose + associated


def _derive(key: bytes, info: bytes, length: int = _KEY) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=None, info=b"adgang " + info).derive(key)


def _key_id(key: bytes) -> bytes:
    return _derive(key, b"key id", _ID)
