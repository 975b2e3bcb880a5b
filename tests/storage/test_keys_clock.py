"""A machine whose clock is off by an hour, through the real command line and on real stores (keys.md, rule 11).

The command runs in a process of its own, whose only alteration is that the clock it reads stands wrong.
"""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from idp.clock import system_clock
from idp.secrets_directory import create_secrets
from idp.settings import Settings
from idp.wiring import Wiring
from migrations import upgrade

_WRONG_CLOCK = """
import sys
from datetime import timedelta
import idp.clock
right = idp.clock.system_clock
off = timedelta(seconds=int(sys.argv.pop(1)))
idp.clock.system_clock = lambda: right() + off
from idp.cli import main
main()
"""


@pytest.fixture
def environment(tmp_path: Path, sql_url: str, request: pytest.FixtureRequest) -> dict[str, str]:
    """SQLite with the embedded Valkey, PostgreSQL with the system's Redis."""
    redis = "system_redis_url" if sql_url.startswith("postgresql") else "valkey_url"
    create_secrets(tmp_path / "secrets")
    ours = {
        "ADGANG_ISSUER": "https://id.nordhavn.example",
        "ADGANG_SECRETS_DIRECTORY": str(tmp_path / "secrets"),
        "ADGANG_STATE_DIRECTORY": str(tmp_path),
        "ADGANG_DATABASE_URL": sql_url,
        "ADGANG_REDIS_URL": str(request.getfixturevalue(redis)),
        "ADGANG_KEY_ALGORITHMS": "ES256",
    }
    wiring = Wiring(Settings.from_environment(ours), lambda: system_clock() - timedelta(days=2))
    upgrade(wiring.database.writing)
    wiring.ensure_keys()
    wiring.close()
    return {**os.environ, **ours}


def adgang(environment: dict[str, str], off: int, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", _WRONG_CLOCK, str(off), *words],
        env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def listed(environment: dict[str, str]) -> list[dict[str, str]]:
    keys: list[dict[str, str]] = json.loads(adgang(environment, 0, "keys", "list", "--json").stdout)
    return keys


@pytest.mark.parametrize("off", [3600, -3600])
def test_a_machine_an_hour_off_moves_nothing_and_says_why(environment: dict[str, str], off: int) -> None:
    """S-380, S-412."""
    before = listed(environment)
    for words in (
        ["rotate", "--algorithm", "ES256", "--yes"],
        ["generate", "--yes"],
        ["schedule", "--run", "--yes"],
        ["reseal", "--yes"],
    ):
        told = adgang(environment, off, "keys", *words)
        assert told.returncode == 1, (words, told)
        (line,) = told.stderr.splitlines()
        assert "This machine's clock differs from the store's by 3" in line, line
        assert "timedatectl" in line
        assert listed(environment) == before
    doctor = adgang(environment, off, "doctor")
    assert doctor.returncode == 1
    assert "differs from" in " ".join(doctor.stdout.split())


def test_the_same_machine_with_its_clock_right_rotates(environment: dict[str, str]) -> None:
    done = adgang(environment, 0, "keys", "rotate", "--algorithm", "ES256", "--yes")
    assert done.returncode == 0, done.stderr


def test_a_compromise_goes_through_on_a_wrong_clock_and_is_dated_by_the_store(
    environment: dict[str, str],
) -> None:
    (active,) = [key["kid"] for key in listed(environment) if key["state"] == "active"]
    done = adgang(
        environment, 3600, "keys", "compromise", active, "--yes", "--reason", "a laptop was lost", "--json"
    )
    assert done.returncode == 0, done.stderr
    at = json.loads(done.stdout)["compromised"]["compromised_at"]
    assert at < (system_clock() + timedelta(minutes=5)).isoformat()
