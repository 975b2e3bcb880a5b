"""Two real nodes and the real command line: who follows, who acts, and what stops a start."""

import base64
import json
import os
import secrets
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from bench.nodes import Node
from bench.rotation import RotationRun

_BOUND = 5.0
"""Seconds within which every process follows a change (keys.md, rule 6)."""
_SOON = 20.0


@pytest.fixture
def run(tmp_path: Path, sqlite_url: str, valkey_url: str) -> Iterator[RotationRun]:
    made = RotationRun(tmp_path, sqlite_url, valkey_url, max_age=5)
    yield made
    made.close()


def kids(node: Node) -> set[str]:
    return {key["kid"] for key in json.loads(node.get("/jwks")[2])["keys"]}


def keys_of(run: RotationRun, state: str) -> list[str]:
    listed = json.loads(run.adgang("keys", "list", "--json").stdout)
    return [key["kid"] for key in listed if key["state"] == state and key["algorithm"] == "ES256"]


def within(seconds: float, holds: Callable[[], bool]) -> float:
    """How long it took until it held."""
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < seconds, "it did not come in time"
        time.sleep(0.1)
    return time.monotonic() - begun


def samples(node: Node) -> dict[str, float]:
    text = requests.get(f"http://127.0.0.1:{node.admin_port}/metrics", timeout=10).text
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def database(run: RotationRun) -> Path:
    return Path(run.world.settings.sql_url.removeprefix("sqlite:///"))


def test_every_node_follows_within_the_bound_and_the_ledger_tells_who_and_why(run: RotationRun) -> None:
    """S-382: the compromised key is out of every JWKS, and a successor signs."""
    (active,) = keys_of(run, "active")
    for node in run.nodes:
        assert active in kids(node)
    told = run.adgang(
        "keys", "compromise", active, "--yes", "--as", "karen", "--reason", "a laptop was lost", "--json"
    )
    assert told.returncode == 0, told.stderr
    for node in run.nodes:
        within(_BOUND, lambda node=node: active not in kids(node))
    assert json.loads(told.stdout)["active"]["kid"] in kids(run.nodes[0])
    with sqlite3.connect(database(run)) as connection:
        entries = [
            (actor, json.loads(facts))
            for actor, facts in connection.execute(
                "SELECT actor, facts FROM ledger WHERE event LIKE 'key.%' ORDER BY number"
            )
        ]
    actor, facts = next(entry for entry in entries if entry[1].get("after") == "compromised")
    assert actor == "operator:karen"
    assert facts["kid"] == active
    assert facts["reason"] == "a laptop was lost"
    history = json.loads(run.adgang("keys", "history", "--json").stdout)
    assert len(entries) == len(history)


def test_exactly_one_node_acts_and_the_other_goes_on_when_it_dies(run: RotationRun) -> None:
    _lose_the_successor(run)
    within(_SOON, lambda: bool(keys_of(run, "published")))
    os.killpg(run.nodes[0].process.pid, signal.SIGKILL)
    run.nodes[0].process.wait()
    _lose_the_successor(run)
    within(_SOON, lambda: bool(keys_of(run, "published")))
    moves = json.loads(run.adgang("keys", "history", "--json").stdout)
    assert (
        len([move for move in moves if move["actor"] == "system" and move["reason"].startswith("due")]) == 2
    )
    assert len(keys_of(run, "published")) == len(keys_of(run, "active")) == 1


def _lose_the_successor(run: RotationRun) -> None:
    """Both nodes find at the same time that there is none."""
    with sqlite3.connect(database(run)) as connection:
        connection.execute("DELETE FROM signing_keys WHERE state = 'published' AND algorithm = 'ES256'")


def test_operators_see_the_keys_in_the_metrics_and_by_the_doctor(run: RotationRun) -> None:
    within(_SOON, lambda: "adgang_key_schedule_ran_timestamp_seconds" in samples(run.nodes[0]))
    found = samples(run.nodes[0])
    assert found['adgang_signing_key_age_seconds{algorithm="ES256"}'] > 3000
    assert found['adgang_signing_key_next_move_seconds{act="rotate",algorithm="ES256"}'] > 80 * 86_400
    assert found['adgang_signing_key_moves{algorithm="ES256",to="active"}'] == 1
    assert found["adgang_key_set_behind"] == 0
    assert found["adgang_key_store_up"] == 1
    assert found["adgang_signing_keys_not_unsealing"] == 0
    doctor = run.adgang("doctor", "--json")
    lines = {line["part"]: line["ok"] for line in json.loads(doctor.stdout)}
    assert lines["key schedule"], doctor.stdout
    assert lines["sealing"], doctor.stdout


def test_a_wrong_or_missing_key_encryption_key_stops_the_start_and_touches_nothing(run: RotationRun) -> None:
    for node in run.nodes:
        node.stop()
    before = _rows(run)
    wrong = {"ADGANG_KEY_ENCRYPTION_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()}
    said = _start(run, wrong)
    assert "does not unseal" in said
    assert "another key-encryption key" in said
    file = run.world.settings.secrets_directory / "key-encryption-key"
    moved = file.rename(file.with_name("kept"))
    assert "key-encryption-key is missing. Restore it from backup" in _start(run, {})
    # The same key from a file that is named, and from the environment.
    named = {**run.environment, "ADGANG_KEY_ENCRYPTION_KEY_FILE": str(moved)}
    given = {**run.environment, "ADGANG_KEY_ENCRYPTION_KEY": moved.read_text().strip()}
    for environment in (named, given):
        told = _adgang(environment, "keys", "jwks")
        assert told.returncode == 0, told.stderr
        assert moved.read_text().strip() not in _adgang(environment, "settings", "--json").stdout
    assert _rows(run) == before


@pytest.mark.timeout(300)
def test_a_new_key_encryption_key_is_brought_in_node_by_node_while_tokens_are_given(run: RotationRun) -> None:
    """docs/operations/keys/reseal.md, step by step: at every moment a node answers, and opens what the other seals."""
    folder = run.world.settings.secrets_directory
    next_key, present = folder / "key-encryption-key-next", folder / "key-encryption-key"
    next_key.touch(mode=0o600)
    next_key.write_text(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())
    _restart_one_by_one(run)
    present.rename(folder / "key-encryption-key-previous")
    next_key.rename(present)
    _restart_one_by_one(run)
    told = run.adgang("keys", "reseal", "--yes", "--as", "karen", "--json")
    report = json.loads(told.stdout)
    assert len(report["resealed"]) == 4, told.stderr
    assert {other["what"]: other["resealed"] for other in report["others"]}["CPR numbers"] == 1
    assert "previous key can be taken away" in " ".join(run.adgang("doctor").stdout.split())
    (folder / "key-encryption-key-previous").unlink()
    assert run.adgang("keys", "jwks").returncode == 0


def _restart_one_by_one(run: RotationRun) -> None:
    for number, old in enumerate(list(run.nodes)):
        old.stop()
        fresh = Node(run.environment, old.log.parent.with_name(f"node-{secrets.token_hex(4)}"))
        other = run.nodes[1 - number]
        run.world.wiring.disconnect()
        vars(run.world.wiring).pop("secrets", None)  # the load generator is a process of the deployment too
        run.nodes[number] = fresh
        assert _gives_tokens(run, other), "the other node goes on"
        fresh.wait()
        assert _gives_tokens(run, fresh)


def _gives_tokens(run: RotationRun, node: Node) -> bool:
    return node.ask(run.world.exchanges(run.world.with_secret, 1)[0])[0] == 200


def test_a_row_altered_by_hand_is_named_and_nothing_starts(run: RotationRun) -> None:
    for node in run.nodes:
        node.stop()
    (active,) = keys_of(run, "active")
    with sqlite3.connect(database(run)) as connection:
        connection.execute(
            "UPDATE signing_keys SET created_at = '2020-01-01 00:00:00' WHERE kid = ?", (active,)
        )
    said = _start(run, {})
    assert f"The signing key {active} does not unseal" in said


def test_a_restored_backup_is_noticed_and_nothing_is_signed_until_it_is_reconciled(run: RotationRun) -> None:
    """S-381."""
    backup = database(run).with_name("backup.sqlite3")
    with sqlite3.connect(database(run)) as source, sqlite3.connect(backup) as target:
        source.backup(target)
    rotate = ["keys", "rotate", "--algorithm", "ES256", "--yes", "--as", "karen"]
    told = run.adgang(*rotate)
    assert told.returncode == 0, told.stderr
    for node in run.nodes:
        node.stop()
    with sqlite3.connect(backup) as source, sqlite3.connect(database(run)) as target:
        source.backup(target)
    refused = run.adgang(*rotate)
    assert refused.returncode == 1
    assert "an old backup was restored" in refused.stderr
    node = Node(run.environment, database(run).parent / "node-c")
    try:
        node.wait()
        exchange = run.world.exchanges(run.world.with_secret, 1)[0]
        assert node.ask(exchange)[0] == 503
        assert samples(node)["adgang_key_set_behind"] == 1
        done = run.adgang("keys", "reconcile", "--yes", "--as", "karen", "--reason", "a restore")
        assert done.returncode == 0, done.stderr
        within(_BOUND, lambda: node.ask(run.world.exchanges(run.world.with_secret, 1)[0])[0] == 200)
    finally:
        node.stop()


def _start(run: RotationRun, changes: dict[str, str]) -> str:
    """What a start that is refused says."""
    told = _adgang({**run.nodes[0].environment, **changes}, "serve")
    assert told.returncode == 1, told
    assert "Traceback" not in told.stderr
    return told.stderr


def _adgang(environment: dict[str, str], *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "idp", *words], env=environment, capture_output=True, text=True, timeout=60
    )


def _rows(run: RotationRun) -> list[Any]:
    with sqlite3.connect(database(run)) as connection:
        return [
            connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
            for table in ("signing_keys", "signing_key_set", "signing_key_moves")
        ]
