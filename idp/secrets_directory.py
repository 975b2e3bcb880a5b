"""The secret files of a deployment: made once, read at start, refused when anybody else may read them.

key-encryption-key            seals private keys, TOTP secrets and CPR numbers; may come from elsewhere (settings)
key-encryption-key-next       only while a new one is brought in: opens what nodes that have it already seal
key-encryption-key-previous   only while a new one is brought in: opens what the old one sealed
pepper                        keyed hash before argon2id
subject-secret                pairwise subjects; never rotated, or every citizen becomes a stranger to every service
index-secret                  blind index of CPR numbers
"""

import base64
import binascii
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from idp.errors import ConfigurationFaults
from keys.hsm import HsmAddress, HsmFault
from keys.hsm_secret import key_encryption_key as key_from_hsm

_NAMES = ("key-encryption-key", "pepper", "subject-secret", "index-secret")
_OTHERS = ("key-encryption-key-next", "key-encryption-key-previous")
_BYTES = 32
_LEAST_DIFFERENT_BYTES = 16
"""Of 32 random bytes some 30 differ; that fewer than 16 do happens once in 10^16 times. A default has few (S-396)."""


@dataclass(frozen=True, slots=True)
class DeploymentSecrets:
    """32 random bytes each."""

    key_encryption_key: bytes = field(repr=False)
    pepper: bytes = field(repr=False)
    subject_secret: bytes = field(repr=False)
    index_secret: bytes = field(repr=False)
    other_key_encryption_keys: tuple[bytes, ...] = field(default=(), repr=False)
    """The next and the previous: they open, and never seal."""


def create_secrets(directory: Path) -> list[str]:
    """Make every file that is missing; never touches one that exists. Returns the names made."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = []
    for name in _NAMES:
        path = directory / name
        if not path.exists():
            path.touch(mode=0o600, exist_ok=False)
            path.write_text(base64.urlsafe_b64encode(secrets.token_bytes(_BYTES)).decode() + "\n")
            made.append(name)
    return made


def read_secrets(
    directory: Path,
    *,
    key_encryption_key: str = "",
    key_encryption_key_file: Path | None = None,
    key_encryption_key_pkcs11: str = "",
    key_encryption_key_other_pkcs11: str = "",
) -> DeploymentSecrets:
    """Read all files; the key-encryption key from where it was said to be.

    Raises:
        ConfigurationFaults: one sentence for each file that is missing, malformed or readable by others (S-396).
    """
    if not directory.is_dir():
        raise ConfigurationFaults(
            [
                "ADGANG_SECRETS_DIRECTORY does not exist. Make it with `adgang secrets create`, or restore it from backup."
            ]
        )
    sources: dict[str, Callable[[], bytes]] = {
        f"secret file {name}": partial(_read, directory / name) for name in _NAMES
    }
    if key_encryption_key:
        del sources["secret file key-encryption-key"]
        sources = {"value of ADGANG_KEY_ENCRYPTION_KEY": partial(_decode, key_encryption_key)} | sources
    elif key_encryption_key_pkcs11:
        del sources["secret file key-encryption-key"]
        address = partial(_from_hsm, key_encryption_key_pkcs11)
        sources = {"address in ADGANG_KEY_ENCRYPTION_KEY_PKCS11": address} | sources
    elif key_encryption_key_file is not None:
        sources["secret file key-encryption-key"] = partial(_read, key_encryption_key_file)
    sources |= {
        f"secret file {name}": partial(_read, directory / name)
        for name in _OTHERS
        if (directory / name).exists()
    }
    if key_encryption_key_other_pkcs11:
        other = partial(_from_hsm, key_encryption_key_other_pkcs11)
        sources["address in ADGANG_KEY_ENCRYPTION_KEY_OTHER_PKCS11"] = other
    faults: list[str] = []
    values: list[bytes] = []
    for name, read in sources.items():
        try:
            values.append(read())
        except ValueError as fault:
            faults.append(f"The {name} {fault}")
    if faults:
        raise ConfigurationFaults(faults)
    present, pepper, subject_secret, index_secret, *others = values
    return DeploymentSecrets(present, pepper, subject_secret, index_secret, tuple(others))


def read_smtp_password(directory: Path) -> str:
    """Our password at the mail server.

    Raises:
        ConfigurationFaults: the file is missing, empty or readable by others.
    """
    path = directory / "smtp-password"
    if not path.is_file() or path.stat().st_mode & 0o077:
        raise ConfigurationFaults(
            ["ADGANG_SMTP_USER is set; write its password to smtp-password in the secrets directory (0600)."]
        )
    return path.read_text().strip()


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise ValueError(
            "is missing. Restore it from backup; for a new deployment run `adgang secrets create`."
        )
    if path.stat().st_mode & 0o077:
        raise ValueError("can be read by others. Run `chmod 600` on it, and ask who has read it.")
    return _decode(path.read_text())


def _from_hsm(address: str) -> bytes:
    try:
        return key_from_hsm(HsmAddress.parse(address))
    except HsmFault as fault:
        raise ValueError(str(fault)) from None


def _decode(text: str) -> bytes:
    try:
        value = base64.b64decode(text.strip(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        value = b""
    if len(value) != _BYTES:
        raise ValueError("does not hold 32 bytes in base64url. Restore it from backup.")
    if len(set(value)) < _LEAST_DIFFERENT_BYTES:
        raise ValueError("is not random: somebody made it up. Make secrets with `adgang secrets create`.")
    return value
