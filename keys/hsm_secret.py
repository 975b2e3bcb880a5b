"""A key-encryption key that is made in a hardware security module.

The module holds a generic secret that never leaves it; the key-encryption key is the module's HMAC-SHA-256 over one
constant. So a stolen disk, with every file and every backup, opens nothing, and another secret in the module is
another key-encryption key. The key itself lives in the memory of serving processes.
"""

from typing import Any

from keys.hsm import HsmAddress, HsmSession

_CONSTANT = b"adgang key-encryption key 1"


def key_encryption_key(where: HsmAddress) -> bytes:
    """The 32 bytes that the module makes.

    Raises:
        HsmFault: no library, no token, a wrong PIN, or no such secret.
    """

    def make(pkcs11: Any, session: Any) -> bytes:
        secret = session.get_key(object_class=pkcs11.ObjectClass.SECRET_KEY, label=where.label)
        made: bytes = secret.sign(_CONSTANT, mechanism=pkcs11.Mechanism.SHA256_HMAC)
        return made

    session = HsmSession(where)
    try:
        return session.run(make)
    finally:
        session.close()
