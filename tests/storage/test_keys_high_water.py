"""An old backup is noticed and signs nothing until it is reconciled (S-381)."""

import multiprocessing
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import delete, insert, select

from keys.birth import generate
from keys.changes import look
from keys.endings import compromise
from keys.errors import KeysBehind, KeysUnavailable, MoveRefused
from keys.high_water import FileHighWater, HighestOf
from keys.in_redis import RedisHighWater
from keys.key import Mark
from keys.policy import KeyPolicy
from keys.ports import HighWater
from keys.reconcile import reconcile
from keys.states import KeyState
from keys.succession import rotate
from keys.tables import metadata
from tests.storage.keys_world import ORDER, World
from tests.support.clock import FrozenClock

ONE = Mark(1, {"a": KeyState.ACTIVE})
TWO = Mark(2, {"a": KeyState.DEACTIVATED, "b": KeyState.ACTIVE})


@pytest.fixture(params=["file", "valkey", "system_redis"])
def mark(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[HighWater]:
    if request.param == "file":
        yield FileHighWater(tmp_path / "keys-high-water")
        return
    client = redis.Redis.from_url(request.getfixturevalue(f"{request.param}_url"))
    yield RedisHighWater(client)
    client.close()


def test_a_mark_is_read_as_it_was_left_and_never_falls(mark: HighWater) -> None:
    assert mark.read() is None
    mark.raise_to(TWO)
    mark.raise_to(ONE)
    assert mark.read() == TWO


def _raise_by_steps(path: Path, start: int) -> None:
    for version in range(start, 200, 4):
        FileHighWater(path).raise_to(Mark(version, {}))


def test_many_processes_that_raise_a_file_leave_the_highest(tmp_path: Path) -> None:
    path = tmp_path / "keys-high-water"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_raise_by_steps, args=(path, start)) for start in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert FileHighWater(path).read() == Mark(199, {})


def test_a_damaged_file_is_a_fault_and_not_an_absent_mark(tmp_path: Path) -> None:
    (tmp_path / "mark").write_text("{}")
    with pytest.raises(KeysUnavailable, match="damaged"):
        FileHighWater(tmp_path / "mark").read()


def test_of_several_marks_the_newest_counts_and_one_that_is_away_is_passed_over(tmp_path: Path) -> None:
    file, other = FileHighWater(tmp_path / "one"), FileHighWater(tmp_path / "two")
    away = FileHighWater(tmp_path)
    both = HighestOf([away, file, other])
    other.raise_to(ONE)
    both.raise_to(TWO)
    assert (file.read(), other.read(), both.read()) == (TWO, TWO, TWO)
    with pytest.raises(KeysUnavailable):
        HighestOf([away]).read()


# --- a backup, restored ------------------------------------------------------------------------------------------


class Deployment:
    """Its tables of keys can be backed up and restored whole, the high-water mark staying where it is."""

    def __init__(self, folder: Path, sql_url: str, clock: FrozenClock) -> None:
        self.clock = clock
        self.mark = FileHighWater(folder / "keys-high-water")
        self.world = World(sql_url, clock, KeyPolicy(algorithms=("ES256",)), high_water=self.mark)
        self._kept: dict[str, list[dict[str, Any]]] = {}

    def backup(self) -> None:
        with self.world.database.reading.connect() as connection:
            self._kept = {
                table.name: [dict(row) for row in connection.execute(select(table)).mappings()]
                for table in metadata.sorted_tables
            }

    def restore(self) -> None:
        def write(tx: Any) -> None:
            for table in metadata.sorted_tables:
                tx.execute(delete(table))
                for row in self._kept[table.name]:
                    tx.execute(insert(table).values(row))

        self.world.database.transact(write)


@pytest.fixture
def deployment(tmp_path: Path, sql_url: str, clock: FrozenClock) -> Iterator[Deployment]:
    made = Deployment(tmp_path, sql_url, clock)
    made.world.ensure()
    yield made
    made.world.close()


def test_a_restored_backup_signs_nothing_and_moves_nothing_until_it_is_reconciled(
    deployment: Deployment,
) -> None:
    world = deployment.world
    old = world.active()
    deployment.backup()
    deployment.world.past_lead()
    rotate(deployment.world.services, "ES256", ORDER)
    deployment.restore()
    ring = deployment.world.ring()
    assert ring.public_jwks().body, "what is known is still served"
    with pytest.raises(KeysBehind, match="adgang keys reconcile"):
        ring.sign("ES256", b"x")
    with pytest.raises(KeysBehind):
        generate(deployment.world.services, "ES256", ORDER)
    assert "old backup" in ring.status().fault
    done = reconcile(deployment.world.services, ORDER)
    deployment.clock.forward(seconds=1)
    assert ring.sign("ES256", b"x").kid == deployment.world.active().kid != old.kid
    assert (done.restored_version, done.version) == (1, 3)
    assert deployment.world.key(old.kid).state is KeyState.DEACTIVATED
    assert len(done.lost) == 1, "the successor that the rotation made"


def test_a_backup_restored_under_a_running_process_is_noticed(deployment: Deployment) -> None:
    deployment.backup()
    generate(deployment.world.services, "ES256", ORDER)
    ring = deployment.world.ring()
    deployment.restore()
    ring._keys = deployment.world.keys
    deployment.clock.forward(seconds=1)
    with pytest.raises(KeysBehind):
        ring.sign("ES256", b"x")


def test_a_key_that_was_compromised_after_the_backup_stays_compromised(deployment: Deployment) -> None:
    bad = deployment.world.active()
    deployment.backup()
    compromise(deployment.world.services, bad.kid, ORDER)
    deployment.restore()
    reconcile(deployment.world.services, ORDER)
    assert deployment.world.key(bad.kid).state is KeyState.COMPROMISED
    assert deployment.world.ring().find_public(bad.kid) is None
    assert deployment.world.active().kid != bad.kid


def test_what_was_lost_whole_is_replaced(deployment: Deployment) -> None:
    """Two rotations after the backup: neither the active key nor its successor exist any more."""
    deployment.backup()
    for _ in range(2):
        deployment.world.past_lead()
        rotate(deployment.world.services, "ES256", ORDER)
    gone = {deployment.world.active().kid, deployment.world.successor().kid}
    deployment.restore()
    done = reconcile(deployment.world.services, ORDER)
    assert set(done.lost) == gone
    found = deployment.world.keys.load_all()
    assert found.active("ES256") is not None and len(found.successors("ES256")) == 1
    assert deployment.world.ring().sign("ES256", b"x")


def test_a_dry_run_shows_and_changes_nothing(deployment: Deployment) -> None:
    deployment.backup()
    deployment.world.past_lead()
    rotate(deployment.world.services, "ES256", ORDER)
    deployment.restore()
    before = deployment.world.keys.load_all()
    assert reconcile(deployment.world.services, ORDER, dry_run=True).changed
    assert deployment.world.keys.load_all() == before


def test_there_is_nothing_to_reconcile_while_all_is_well(deployment: Deployment) -> None:
    with pytest.raises(MoveRefused, match="not behind"):
        reconcile(deployment.world.services, ORDER)


def test_a_ring_leaves_a_mark_where_a_killed_operator_could_not(deployment: Deployment) -> None:
    deployment.world.high_water = None
    generate(deployment.world.services, "ES256", ORDER)
    deployment.world.high_water = deployment.mark
    stale = deployment.mark.read()
    assert stale is not None and stale.version == 1
    deployment.world.ring()
    assert deployment.mark.read() == look(deployment.world.services).keys.mark()
    assert deployment.clock.forward(timedelta())
