"""A key-encryption key that is made in a hardware security module, by PKCS#11 (RFC 7512 for its address).

The module holds a generic secret that never leaves it; the key-encryption key is the module's HMAC-SHA-256 over one
constant. So a stolen disk, with every file and every backup, opens nothing, and another secret in the module is
another key-encryption key. The key itself lives in the memory of serving processes. Needs the extra `hsm`.

Does not sign tokens in the module.
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

_CONSTANT = b"adgang key-encryption key 1"


class HsmFault(Exception):
    """The module cannot be used; the sentence says what to mend, and holds no PIN."""


@dataclass(frozen=True, slots=True)
class HsmKey:
    """Where the secret is."""

    module: Path
    token: str
    label: str
    pin_file: Path

    @classmethod
    def parse(cls, uri: str) -> "HsmKey":
        """From `pkcs11:token=T;object=K?module-path=/…/lib.so&pin-source=file:/…/pin`.

        Raises:
            HsmFault: something is missing.
        """
        parts = urlsplit(uri)
        path = dict(pair.partition("=")[::2] for pair in parts.path.split(";"))
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        try:
            found = (query["module-path"], path["token"], path["object"], query["pin-source"])
        except KeyError:
            found = ("", "", "", "")
        module, token, label, pin = map(unquote, found)
        if parts.scheme != "pkcs11" or not (module and token and label and pin):
            raise HsmFault(
                "must be pkcs11:token=TOKEN;object=KEY?module-path=/path/of/library.so&pin-source=file:/path/of/pin."
            )
        return cls(Path(module), token, label, Path(pin.removeprefix("file:")))


def key_encryption_key(where: HsmKey) -> bytes:
    """The 32 bytes that the module makes.

    Raises:
        HsmFault: no library, no token, a wrong PIN, or no such secret.
    """
    try:
        pkcs11 = import_module("pkcs11")
    except ImportError:
        raise HsmFault("needs python-pkcs11. Install it: pip install 'adgang[hsm]'.") from None
    try:
        pin = where.pin_file.read_text().strip()
    except OSError:
        raise HsmFault("names a PIN file that cannot be read.") from None
    try:
        token = pkcs11.lib(str(where.module)).get_token(token_label=where.token)
        with token.open(user_pin=pin) as session:
            secret = session.get_key(object_class=pkcs11.ObjectClass.SECRET_KEY, label=where.label)
            made: bytes = secret.sign(_CONSTANT, mechanism=pkcs11.Mechanism.SHA256_HMAC)
    except (pkcs11.PKCS11Error, RuntimeError) as fault:
        # The kind says enough; a library's own words are not ours to repeat.
        raise HsmFault(
            f"leads to no usable secret ({type(fault).__name__}). Is the token there, and the PIN right?"
        ) from None
    return made
