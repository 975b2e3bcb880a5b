"""A new key-encryption key: everything that is sealed comes under it, online, in batches, over any number of kills."""

import base64
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import LargeBinary, MetaData, update

import clients_registry.tables
import idp.ledger.tables
import idp.letters.tables
import idp.messages.tables
import idp.storage.tables
import keys.tables
import mfa.tables
from idp.citizens import NewCitizen
from idp.clock import Clock, system_clock
from idp.letters.letter import LetterKind
from idp.letters.ports import Invitation
from idp.messages.stop_code import seal_stop_code, unseal_stop_code
from idp.messages.tables import messages
from idp.new_citizens import Contact
from idp.records import Address
from idp.recovery.letter_orders import BOUND_TO
from idp.recovery.tables import letter_orders
from idp.secrets_directory import create_secrets
from idp.settings import Settings
from idp.storage.citizens_in_sql import bound_to
from idp.storage.tables import citizens
from idp.wiring import Wiring
from keys.reseal import reseal_elsewhere
from keys.services import Order
from keys.succession import rotate
from mfa.totp import unseal_seed
from migrations import upgrade
from tests.support.clock import FrozenClock

ORDER = Order("operator:karen", "a test")
CITIZENS = 7
ALL_METADATA: list[MetaData] = [
    clients_registry.tables.metadata,
    idp.ledger.tables.metadata,
    idp.letters.tables.metadata,
    idp.messages.tables.metadata,
    idp.storage.tables.metadata,
    keys.tables.metadata,
    mfa.tables.metadata,
]


@dataclass
class Deployment:
    """Secrets, and the stores; each `open` is a process's own view with the secrets as they are then."""

    environment: dict[str, str]
    secrets: Path
    clock: Clock

    def open(self) -> Wiring:
        return Wiring(Settings.from_environment(self.environment), self.clock)

    def bring_in_a_new_key(self) -> None:
        (self.secrets / "key-encryption-key").rename(self.secrets / "key-encryption-key-previous")
        create_secrets(self.secrets)

    def adgang(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "idp", *words], env={**os.environ, **self.environment},
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip


def deployed(folder: Path, sql_url: str, redis_url: str, clock: Clock) -> Deployment:
    secrets = folder / "secrets"
    create_secrets(secrets)
    environment = {
        "ADGANG_ISSUER": "https://id.nordhavn.example",
        "ADGANG_SECRETS_DIRECTORY": str(secrets),
        "ADGANG_STATE_DIRECTORY": str(folder),
        "ADGANG_DATABASE_URL": sql_url,
        "ADGANG_REDIS_URL": redis_url,
        "ADGANG_KEY_ALGORITHMS": "ES256",
    }
    made = Deployment(environment, secrets, clock)
    wiring = made.open()
    upgrade(wiring.database.writing)
    wiring.ensure_keys()
    wiring.close()
    return made


@pytest.fixture
def deployment(tmp_path: Path, sql_url: str, valkey_url: str) -> Deployment:
    """By the system's clock, since its commands are real processes."""
    made = deployed(tmp_path, sql_url, valkey_url, system_clock)
    wiring = made.open()
    fill(wiring)
    wiring.close()
    return made


def fill(wiring: Wiring) -> None:
    """Something in every column of envelopes."""
    address = Address("Havnegade 1", "2150", "Nordhavn", "DK")
    transact, now = wiring.database.transact, wiring.clock()
    for number in range(CITIZENS):
        new = NewCitizen(f"borger{number}", f"61{number:08}", "Freja", "Lindholm", "1990-03-01")
        made = wiring.new_citizens.add(
            new,
            actor="operator:karen",
            reason="a test",
            contact=Contact(address=address),
            password="gule cykler " * 2,
        )
        citizen_id = made.citizen.citizen_id
        wiring.enrolment.begin_totp(citizen_id, "a tab", now=now)
        invitation = Invitation(f"invited{number}", "Noah", "Krogh", "1991-01-01", address, "da")

        def write(tx: Any, citizen_id: str = citizen_id, number: int = number) -> None:
            wiring.invitations.add(tx, invitation, cpr=f"71{number:08}", at=now)  # noqa: B023  called at once
            wiring.letters.issue(
                tx, kind=LetterKind.RECOVERY, citizen_id=citizen_id, actor="operator:karen", now=now
            )
            code = seal_stop_code(wiring._sealer("messages"), citizen_id, "7F3K2QXA9MTD04WZ")
            row = {"message_id": f"m{number}", "citizen_id": citizen_id, "kind": "k", "about": "", "at": now}
            tx.execute(messages.insert().values(**row, sealed_secret=code))

        transact(write)
        wiring.letter_ordering.order("Freja Lindholm", f"610101{number:04}")


def opened(wiring: Wiring) -> dict[str, list[str]]:
    """Everything that is sealed, in clear, as the product itself reads it."""
    with wiring.database.reading.connect() as connection:
        ids = connection.execute(citizens.select().order_by(citizens.c.user_id)).all()
        secrets = connection.execute(messages.select().order_by(messages.c.message_id)).all()
        orders = connection.execute(letter_orders.select().order_by(letter_orders.c.number)).all()
        devices = connection.execute(
            mfa.tables.totp.join(
                mfa.tables.factors, mfa.tables.totp.c.factor_id == mfa.tables.factors.c.factor_id
            )
            .select()
            .order_by(mfa.tables.totp.c.factor_id)
        ).all()
    seal = wiring._sealer
    return {
        "cpr": [wiring.citizen_store.load_cpr(row.citizen_id) for row in ids],
        "invited": [wiring.invitations.load_cpr(f"invited{number}") for number in range(CITIZENS)],
        "seeds": [
            unseal_seed(seal("totp"), row.sealed_seed, row.citizen_id, row.factor_id).base32
            for row in devices
        ],
        "offers": [
            wiring.enrolment.begin_totp(row.citizen_id, "a tab", now=wiring.clock()).seed.base32
            for row in ids
        ],
        "letters": sorted(each.code for each in wiring.letters.to_print(wiring.clock(), 100)),
        "messages": [
            unseal_stop_code(seal("messages"), row.citizen_id, row.sealed_secret)
            for row in secrets
            if row.sealed_secret is not None
        ],
        "orders": [seal("letter-orders").unseal(row.sealed, BOUND_TO).decode() for row in orders],
    }


def waiting(wiring: Wiring) -> dict[str, int]:
    return {column.name: column.waiting() for column in wiring.sealed_columns}


def test_every_column_of_envelopes_of_every_package_is_resealed(deployment: Deployment) -> None:
    wiring = deployment.open()
    declared = {(c.column.table.name, c.column.name) for c in wiring.sealed_columns}
    found = {
        (table.name, column.name)
        for metadata in ALL_METADATA
        for table in metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, LargeBinary) and "seal" in column.name
    }
    wiring.close()
    assert found == declared | {("signing_keys", "sealed")}


def test_after_a_reseal_the_previous_key_can_be_taken_away(deployment: Deployment) -> None:
    before = deployment.open()
    clear = opened(before)
    before.close()
    assert all(len(values) == CITIZENS for values in clear.values()), clear
    deployment.bring_in_a_new_key()
    told = deployment.adgang("doctor").stdout.replace("\n", " ")
    assert "2 signing keys, 7 CPR numbers" in " ".join(told.split()), told
    done = deployment.adgang("keys", "reseal", "--yes", "--as", "karen", "--reason", "yearly", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert len(report["resealed"]) == 2
    assert {other["what"]: other["resealed"] for other in report["others"]} == {
        name: CITIZENS
        for name in (
            "CPR numbers",
            "CPR numbers of invitations",
            "authenticator seeds",
            "authenticator seeds on offer",
            "codes of letters",
            "codes in messages",
            "orders of letters",
        )
    }
    (deployment.secrets / "key-encryption-key-previous").unlink()
    after = deployment.open()
    assert set(waiting(after).values()) == {0}
    assert opened(after) == clear
    after.close()
    again = json.loads(deployment.adgang("keys", "reseal", "--yes", "--json").stdout)
    assert sum(other["resealed"] for other in again["others"]) == 0


def test_what_was_resealed_stands_in_the_ledger_with_who_and_why(deployment: Deployment) -> None:
    deployment.bring_in_a_new_key()
    deployment.adgang("keys", "reseal", "--yes", "--as", "karen", "--reason", "yearly")
    wiring = deployment.open()
    with wiring.database.reading.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT actor, facts FROM ledger WHERE event = 'secrets.resealed'"
        ).all()
    wiring.close()
    told = [(actor, facts if isinstance(facts, dict) else json.loads(facts)) for actor, facts in rows]
    assert {actor for actor, _ in told} == {"operator:karen"}
    assert {facts["what"]: facts["count"] for _, facts in told}["CPR numbers"] == CITIZENS
    assert {facts["reason"] for _, facts in told} == {"yearly"}


_KILLED = """
import os, signal, sys
from sqlalchemy import event
from idp.settings import Settings
from idp.wiring import Wiring
from keys.reseal import reseal_elsewhere
from keys.services import Order

at, seen = int(sys.argv[1]), 0
wiring = Wiring(Settings.from_environment())
services = wiring.keys_services

def count(*_):
    global seen
    seen += 1
    if seen == at:
        os.kill(os.getpid(), signal.SIGKILL)

event.listen(wiring.database.writing, "before_cursor_execute", count)
event.listen(wiring.database.writing, "commit", count)
reseal_elsewhere(services, services.sealed_elsewhere[0], Order("operator:karen", "a test"), batch=2)
"""


def test_a_reseal_that_was_killed_anywhere_is_gone_on_with(deployment: Deployment) -> None:
    """Each run is killed one statement later than the last; what it had committed stays done."""
    before = deployment.open()
    clear = opened(before)
    before.close()
    deployment.bring_in_a_new_key()
    left, killed = CITIZENS, 0
    for statement in (1, 2, 3, 4, 5):
        ended = subprocess.run(
            [sys.executable, "-c", _KILLED, str(statement)], env={**os.environ, **deployment.environment},
            capture_output=True, timeout=60, check=False,
        )  # fmt: skip
        assert ended.returncode in (0, -signal.SIGKILL), ended.stderr.decode()
        killed += ended.returncode != 0
        wiring = deployment.open()
        now_left = waiting(wiring)["CPR numbers"]
        assert now_left <= left, "what was done is not undone"
        left = now_left
        assert opened(wiring)["cpr"] == clear["cpr"]
        wiring.close()
    assert killed == 5
    assert 0 < left < CITIZENS, "some were done, and some wait"
    wiring = deployment.open()
    services = wiring.keys_services
    assert reseal_elsewhere(services, services.sealed_elsewhere[0], ORDER, batch=2).done == left
    assert waiting(wiring)["CPR numbers"] == 0
    wiring.close()


def test_a_row_that_does_not_open_is_named_and_stops_nobody_else(deployment: Deployment) -> None:
    wiring = deployment.open()
    wiring.database.transact(
        lambda tx: tx.execute(
            update(citizens).where(citizens.c.user_id == "borger3").values(cpr_sealed=b"\x01" + b"x" * 60)
        )
    )
    wiring.close()
    deployment.bring_in_a_new_key()
    told = deployment.adgang("keys", "reseal", "--yes")
    assert told.returncode == 1
    assert "1 CPR numbers do not open: " in told.stderr
    assert "Keep the previous key-encryption key" in told.stderr
    assert "6 CPR numbers were sealed anew" in told.stdout
    assert "7 codes of letters were sealed anew" in told.stdout


def test_a_row_that_changes_while_it_is_resealed_keeps_its_change(deployment: Deployment) -> None:
    deployment.bring_in_a_new_key()
    wiring = deployment.open()
    column = wiring.sealed_columns[0]
    sealer, row = wiring._sealer("citizens"), {}

    def meanwhile(work: Any) -> Any:
        """Somebody else writes between the read and the write."""
        with wiring.database.reading.connect() as connection:
            found = connection.execute(citizens.select().limit(1)).one()
        changed = sealer.seal(b"6100000099", bound_to(found.citizen_id))
        row.update(id=found.citizen_id)
        wiring.database.transact(
            lambda tx: tx.execute(
                update(citizens).where(citizens.c.citizen_id == found.citizen_id).values(cpr_sealed=changed)
            )
        )
        return wiring.database.transact(work)

    object.__setattr__(column, "transact", meanwhile)
    _, done, closed = column.reseal((), 100)
    assert (done, closed) == (CITIZENS - 1, [])
    assert wiring.citizen_store.load_cpr(row["id"]) == "6100000099"
    wiring.close()


def test_nodes_that_know_the_next_key_go_on_while_others_seal_with_it(
    tmp_path: Path, sql_url: str, valkey_url: str, clock: FrozenClock
) -> None:
    """The first step: every node opens what the new key sealed before any node seals with it."""
    deployment = deployed(tmp_path, sql_url, valkey_url, clock)
    new = base64.urlsafe_b64encode(os.urandom(32)).decode()
    (deployment.secrets / "key-encryption-key-next").touch(mode=0o600)
    (deployment.secrets / "key-encryption-key-next").write_text(new)
    early = deployment.open()
    ring = early.key_ring
    late = Deployment({**deployment.environment, "ADGANG_KEY_ENCRYPTION_KEY": new}, deployment.secrets, clock)
    old = deployment.secrets / "key-encryption-key"
    old.rename(deployment.secrets / "key-encryption-key-previous")
    changed = late.open()
    clock.forward(changed.keys_services.policy.lead + timedelta(seconds=1))
    rotate(changed.keys_services, "ES256", ORDER)
    clock.forward(seconds=1)
    assert ring.sign("ES256", b"x").kid == changed.key_ring.sign("ES256", b"x").kid
    assert ring.status().fault == ""
    for each in (early, changed):
        each.close()
