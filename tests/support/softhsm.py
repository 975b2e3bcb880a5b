"""A PKCS#11 token of SoftHSM, in a folder of the tests."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from tests.support.needs import find_program, needs

PIN = "482913"
_LIBRARIES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/*/softhsm/libsofthsm2.so")
_MAKE_SECRET = """
import sys, pkcs11
token = pkcs11.lib(sys.argv[1]).get_token(token_label="adgang")
with token.open(rw=True, user_pin=sys.argv[2]) as session:
    session.generate_key(
        pkcs11.KeyType.GENERIC_SECRET, 256, label=sys.argv[3], store=True,
        template={pkcs11.Attribute.SIGN: True, pkcs11.Attribute.EXTRACTABLE: False},
    )
"""
_LOOK = """
import sys, pkcs11
token = pkcs11.lib(sys.argv[1]).get_token(token_label="adgang")
with token.open(user_pin=sys.argv[2]) as session:
    for found in session.get_objects({pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY}):
        print(found.label, found.id.hex(), found[pkcs11.Attribute.EXTRACTABLE], found[pkcs11.Attribute.SENSITIVE])
"""


class SoftHsm:
    """One token. Its library reads the configuration once in a process: `environment` is for child processes."""

    def __init__(self, folder: Path) -> None:
        needs(importlib.util.find_spec("pkcs11"), "python-pkcs11")
        program = needs(find_program("softhsm2-util"), "SoftHSM (softhsm2)")
        found = [path for pattern in _LIBRARIES for path in Path("/").glob(pattern.lstrip("/"))]
        self.library = needs(next(iter(found), None), "SoftHSM's library")
        self.tokens = folder / "tokens"
        self.tokens.mkdir()
        self.configuration = folder / "softhsm2.conf"
        self.configuration.write_text(f"directories.tokendir = {self.tokens}\nobjectstore.backend = file\n")
        self.environment = {**os.environ, "SOFTHSM2_CONF": str(self.configuration)}
        self.pin_file = folder / "pin"
        self.pin_file.write_text(PIN + "\n")
        words = ["--init-token", "--free", "--label", "adgang", "--pin", PIN, "--so-pin", "73519462"]
        subprocess.run([program, *words], env=self.environment, check=True, capture_output=True)

    def address(self, label: str, **changes: str) -> str:
        pin, token = changes.get("pin", str(self.pin_file)), changes.get("token", "adgang")
        library = changes.get("library", str(self.library))
        return f"pkcs11:token={token};object={label}?module-path={library}&pin-source=file:{pin}"

    def make_secret(self, label: str) -> None:
        done = self.python(_MAKE_SECRET, str(self.library), PIN, label)
        assert done.returncode == 0, done.stderr

    def private_keys(self) -> list[list[str]]:
        """Label, identifier, extractable, sensitive: of every private key in the token."""
        looked = self.python(_LOOK, str(self.library), PIN)
        assert looked.returncode == 0, looked.stderr
        return [line.split(" ") for line in looked.stdout.splitlines()]

    def adgang(self, environment: dict[str, str], *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "idp", *words], env={**self.environment, **environment},
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    def python(self, program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-c", program, *arguments], env=self.environment,
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
