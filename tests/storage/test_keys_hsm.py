"""The key-encryption key from a real PKCS#11 token: SoftHSM, in a folder of the test."""

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from bench.nodes import Node
from tests.support.softhsm import PIN, SoftHsm

_READ = """
import sys
from pathlib import Path
from keys.hsm import HsmAddress
from keys.hsm_secret import key_encryption_key
print(key_encryption_key(HsmAddress.parse(sys.argv[1])).hex())
"""


@pytest.fixture
def token(tmp_path: Path) -> SoftHsm:
    """One of the test's own: every use is a process of its own."""
    made = SoftHsm(tmp_path)
    made.make_secret("kek-1")
    return made


def read(token: SoftHsm, address: str) -> "subprocess.CompletedProcess[str]":
    return token.python(_READ, address)


def test_a_token_makes_the_same_key_each_time_and_another_secret_another_key(token: SoftHsm) -> None:
    first, again = read(token, token.address("kek-1")), read(token, token.address("kek-1"))
    assert len(bytes.fromhex(first.stdout)) == 32, first.stderr
    assert first.stdout == again.stdout
    token.make_secret("kek-2")
    assert read(token, token.address("kek-2")).stdout not in ("", first.stdout)


@pytest.mark.parametrize("wrong", ["label", "token", "pin", "library"])
def test_what_is_wrong_is_told_without_the_pin(token: SoftHsm, tmp_path: Path, wrong: str) -> None:
    other = tmp_path / "other-pin"
    other.write_text("000111")
    changes: dict[str, Any] = {
        "label": {"label": "nothing"},
        "token": {"token": "nothing"},
        "pin": {"pin": str(other)},
        "library": {"library": "/nowhere/lib.so"},
    }[wrong]
    told_as = "has no such key" if wrong == "label" else "cannot be used"
    told = read(token, token.address(**{"label": "kek-1", **changes}))
    assert told.returncode != 0
    assert "HsmFault: " + told_as in told.stderr
    assert PIN not in told.stderr and "000111" not in told.stderr


def test_a_deployment_runs_on_a_key_of_the_token_and_says_when_it_is_away(
    token: SoftHsm, tmp_path: Path, sqlite_url: str
) -> None:
    secrets = tmp_path / "secrets"
    ours = {
        "ADGANG_ISSUER": "https://id.nordhavn.example",
        "ADGANG_SECRETS_DIRECTORY": str(secrets),
        "ADGANG_STATE_DIRECTORY": str(tmp_path),
        "ADGANG_DATABASE_URL": sqlite_url,
        "ADGANG_KEY_ENCRYPTION_KEY_PKCS11": token.address("kek-1"),
    }
    assert token.adgang(ours, "secrets", "create", str(secrets)).returncode == 0
    (secrets / "key-encryption-key").unlink()
    for words in (["migrate"], ["keys", "jwks"]):
        done = token.adgang(ours, *words)
        assert done.returncode == 0, done.stderr
    away = {**ours, "ADGANG_KEY_ENCRYPTION_KEY_PKCS11": token.address("nothing")}
    refused = token.adgang(away, "serve")
    assert refused.returncode == 1
    assert "The address in ADGANG_KEY_ENCRYPTION_KEY_PKCS11 has no such key" in refused.stderr
    assert "Traceback" not in refused.stderr
    token.make_secret("kek-2")
    other = {**ours, "ADGANG_KEY_ENCRYPTION_KEY_PKCS11": token.address("kek-2")}
    assert "another key-encryption key" in token.adgang(other, "serve").stderr


def test_an_address_that_lacks_a_part_is_told_as_such(tmp_path: Path) -> None:
    from keys.hsm import HsmAddress, HsmFault

    for address in ("pkcs11:token=t;object=k", "file:/x", "pkcs11:object=k?module-path=/m&pin-source=/p"):
        with pytest.raises(HsmFault, match="must be pkcs11:token="):
            HsmAddress.parse(address)


def test_a_deployment_signs_in_a_token_that_workers_share_across_the_fork(
    token: SoftHsm, tmp_path: Path, sqlite_url: str
) -> None:
    """`ADGANG_SIGNING_BACKEND=pkcs11`, and the key-encryption key from the same token."""
    ours = {
        "ADGANG_ISSUER": "https://id.nordhavn.example",
        "ADGANG_SECRETS_DIRECTORY": str(tmp_path / "secrets"),
        "ADGANG_STATE_DIRECTORY": str(tmp_path),
        "ADGANG_DATABASE_URL": sqlite_url,
        "ADGANG_KEY_ALGORITHMS": "ES256,EdDSA,PS256",
        "ADGANG_KEY_ENCRYPTION_KEY_PKCS11": token.address("kek-1"),
        "ADGANG_SIGNING_BACKEND": "pkcs11",
    }
    assert token.adgang(ours, "secrets", "create", str(tmp_path / "secrets")).returncode == 0
    (tmp_path / "secrets" / "key-encryption-key").unlink()
    assert "name the token in ADGANG_SIGNING_TOKEN_PKCS11" in token.adgang(ours, "migrate").stderr
    ours["ADGANG_SIGNING_TOKEN_PKCS11"] = token.address("adgang-production")
    done = token.adgang(ours, "migrate")
    assert done.returncode == 0, done.stderr
    assert [label for label, *_ in token.private_keys()] == ["adgang-production"] * 6
    node = Node({**token.environment, **ours, "ADGANG_WORKERS": "2"}, tmp_path / "node")
    try:
        node.wait()
        served = json.loads(node.get("/jwks")[2])["keys"]
        assert {key["alg"] for key in served} == {"ES256", "EdDSA", "PS256"}
        ready = requests.get(f"http://127.0.0.1:{node.admin_port}/readyz", timeout=10)
        assert ready.status_code == 200, ready.text
    finally:
        node.stop()
    away = {**ours, "ADGANG_SIGNING_TOKEN_PKCS11": token.address("adgang-production", token="nothing")}
    refused = token.adgang(away, "serve")
    assert refused.returncode == 1
    assert "The HSM that ADGANG_SIGNING_TOKEN_PKCS11 names cannot be used" in refused.stderr
    assert "Traceback" not in refused.stderr + token.adgang(away, "keys", "list").stderr


def test_an_algorithm_that_the_token_lacks_is_refused_by_name(tmp_path: Path) -> None:
    """Held against a token that offers nothing but RSA."""
    from keys.errors import MoveRefused
    from keys.hsm import HsmAddress
    from keys.token_keys import TokenKeys

    keys = TokenKeys(HsmAddress(tmp_path, "adgang", "label", tmp_path))
    keys._session = OnlyRsa()  # type: ignore[assignment]
    with pytest.raises(MoveRefused, match="does not make keys for EdDSA: it lacks EC_EDWARDS_KEY_PAIR_GEN"):
        keys.make("EdDSA")


class OnlyRsa:
    """A session with a token whose mechanisms are few; what it would run further is never reached."""

    def run(self, work: Any) -> Any:
        offered = [SimpleNamespace(name=name) for name in ("RSA_PKCS_KEY_PAIR_GEN", "SHA256_RSA_PKCS")]
        slot = SimpleNamespace(get_mechanisms=lambda: offered)
        return work(None, SimpleNamespace(token=SimpleNamespace(slot=slot)))
