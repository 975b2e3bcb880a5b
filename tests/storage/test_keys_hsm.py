"""The key-encryption key from a real PKCS#11 token: SoftHSM, in a folder of the test."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.needs import find_program, needs

_LIBRARIES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/*/softhsm/libsofthsm2.so")
_PIN = "482913"
_MAKE = """
import sys, pkcs11
token = pkcs11.lib(sys.argv[1]).get_token(token_label="adgang")
with token.open(rw=True, user_pin=sys.argv[2]) as session:
    session.generate_key(
        pkcs11.KeyType.GENERIC_SECRET, 256, label=sys.argv[3], store=True,
        template={pkcs11.Attribute.SIGN: True, pkcs11.Attribute.EXTRACTABLE: False},
    )
"""
_READ = """
import sys
from pathlib import Path
from keys.hsm import HsmKey, key_encryption_key
print(key_encryption_key(HsmKey.parse(sys.argv[1])).hex())
"""


class Token:
    """A token of its own. Every use is a process of its own, since a library is configured once in each."""

    def __init__(self, folder: Path) -> None:
        needs(importlib.util.find_spec("pkcs11"), "python-pkcs11")
        program = needs(find_program("softhsm2-util"), "SoftHSM (softhsm2)")
        found = [path for pattern in _LIBRARIES for path in Path("/").glob(pattern.lstrip("/"))]
        self.library = needs(next(iter(found), None), "SoftHSM's library")
        (folder / "tokens").mkdir()
        configuration = folder / "softhsm2.conf"
        configuration.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n")
        self.environment = {**os.environ, "SOFTHSM2_CONF": str(configuration)}
        self.pin_file = folder / "pin"
        self.pin_file.write_text(_PIN + "\n")
        words = ["--init-token", "--free", "--label", "adgang", "--pin", _PIN, "--so-pin", "73519462"]
        subprocess.run([program, *words], env=self.environment, check=True, capture_output=True)
        self.make("kek-1")

    def make(self, label: str) -> None:
        done = self._python(_MAKE, str(self.library), _PIN, label)
        assert done.returncode == 0, done.stderr

    def address(self, label: str = "kek-1", **changes: str) -> str:
        pin, token = changes.get("pin", str(self.pin_file)), changes.get("token", "adgang")
        library = changes.get("library", str(self.library))
        return f"pkcs11:token={token};object={label}?module-path={library}&pin-source=file:{pin}"

    def read(self, address: str) -> "subprocess.CompletedProcess[str]":
        return self._python(_READ, address)

    def adgang(self, environment: dict[str, str], *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "idp", *words], env={**self.environment, **environment},
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    def _python(self, program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-c", program, *arguments], env=self.environment,
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip


@pytest.fixture
def token(tmp_path: Path) -> Token:
    return Token(tmp_path)


def test_a_token_makes_the_same_key_each_time_and_another_secret_another_key(token: Token) -> None:
    first, again = token.read(token.address()), token.read(token.address())
    assert len(bytes.fromhex(first.stdout)) == 32, first.stderr
    assert first.stdout == again.stdout
    token.make("kek-2")
    assert token.read(token.address("kek-2")).stdout not in ("", first.stdout)


@pytest.mark.parametrize("wrong", ["label", "token", "pin", "library"])
def test_what_is_wrong_is_told_without_the_pin(token: Token, tmp_path: Path, wrong: str) -> None:
    other = tmp_path / "other-pin"
    other.write_text("000111")
    changes: dict[str, Any] = {
        "label": {"label": "nothing"},
        "token": {"token": "nothing"},
        "pin": {"pin": str(other)},
        "library": {"library": "/nowhere/lib.so"},
    }[wrong]
    told = token.read(token.address(**changes))
    assert told.returncode != 0
    assert "HsmFault: leads to no usable secret" in told.stderr
    assert _PIN not in told.stderr and "000111" not in told.stderr


def test_a_deployment_runs_on_a_key_of_the_token_and_says_when_it_is_away(
    token: Token, tmp_path: Path, sqlite_url: str
) -> None:
    secrets = tmp_path / "secrets"
    ours = {
        "ADGANG_ISSUER": "https://id.nordhavn.example",
        "ADGANG_SECRETS_DIRECTORY": str(secrets),
        "ADGANG_STATE_DIRECTORY": str(tmp_path),
        "ADGANG_DATABASE_URL": sqlite_url,
        "ADGANG_KEY_ENCRYPTION_KEY_PKCS11": token.address(),
    }
    assert token.adgang(ours, "secrets", "create", str(secrets)).returncode == 0
    (secrets / "key-encryption-key").unlink()
    for words in (["migrate"], ["keys", "jwks"]):
        done = token.adgang(ours, *words)
        assert done.returncode == 0, done.stderr
    away = {**ours, "ADGANG_KEY_ENCRYPTION_KEY_PKCS11": token.address("nothing")}
    refused = token.adgang(away, "serve")
    assert refused.returncode == 1
    assert "The address in ADGANG_KEY_ENCRYPTION_KEY_PKCS11 leads to no usable secret" in refused.stderr
    assert "Traceback" not in refused.stderr
    token.make("kek-2")
    other = {**ours, "ADGANG_KEY_ENCRYPTION_KEY_PKCS11": token.address("kek-2")}
    assert "another key-encryption key" in token.adgang(other, "serve").stderr


def test_an_address_that_lacks_a_part_is_told_as_such(tmp_path: Path) -> None:
    from keys.hsm import HsmFault, HsmKey

    for address in ("pkcs11:token=t;object=k", "file:/x", "pkcs11:object=k?module-path=/m&pin-source=/p"):
        with pytest.raises(HsmFault, match="must be pkcs11:token="):
            HsmKey.parse(address)
