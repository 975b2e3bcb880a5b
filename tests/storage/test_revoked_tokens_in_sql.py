"""The promises of `idp.tokens.ports.RevokedTokenStore`, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from idp.storage.database import Database
from idp.storage.revoked_in_sql import RevokedTokens
from migrations import upgrade
from tests.storage.test_sql_stores import CALLERS, HOUR, in_parallel
from tests.support.clock import FrozenClock


@pytest.fixture
def database(sql_url: str) -> Iterator[Database]:
    opened = Database(sql_url)
    upgrade(opened.writing)
    yield opened
    opened.close()


@pytest.fixture
def revoked(database: Database) -> RevokedTokens:
    return RevokedTokens(database.reading)


def test_what_was_revoked_is_told_once_in_order(
    database: Database, revoked: RevokedTokens, clock: FrozenClock
) -> None:
    end = clock() + HOUR
    assert revoked.since(0, clock()) == []
    for name in ("a", "b"):
        assert database.transact(lambda tx, name=name: revoked.add(tx, name, end))
    assert revoked.since(0, clock()) == [(1, "a", end), (2, "b", end)]
    assert not database.transact(lambda tx: revoked.add(tx, "a", end)), "it was revoked before"
    assert database.transact(lambda tx: revoked.add(tx, "c", end))
    new = revoked.since(2, clock())
    assert [name for _, name, _ in new] == ["c"] and new[0][0] > 2


def test_of_many_who_revoke_a_token_one_does_and_none_is_missed(
    database: Database, revoked: RevokedTokens, clock: FrozenClock
) -> None:
    """S-142: numbers rise in the order of commits, so that a reader who goes on from the last sees every token."""
    end, seen = clock() + HOUR, {"number": 0}
    told: set[str] = set()

    def work(caller: int) -> int:
        names = ("shared", f"own-{caller}")
        return sum(database.transact(lambda tx, name=name: revoked.add(tx, name, end)) for name in names)

    def look() -> None:
        for number, name, _ in revoked.since(seen["number"], clock()):
            seen["number"] = number
            told.add(name)

    def one(caller: int) -> int:
        if caller:
            return work(caller)
        for _ in range(20):
            look()
        return 0

    assert sum(int(str(outcome)) for outcome in in_parallel(one)) == CALLERS
    look()
    assert told == {"shared", *(f"own-{caller}" for caller in range(1, CALLERS))}


def test_sweeping_forgets_what_has_expired_and_no_number_comes_twice(
    database: Database, revoked: RevokedTokens, clock: FrozenClock
) -> None:
    database.transact(lambda tx: revoked.add(tx, "old", clock() + timedelta(minutes=5)))
    database.transact(lambda tx: revoked.add(tx, "young", clock() + 3 * HOUR))
    clock.forward(seconds=360)
    assert [name for _, name, _ in revoked.since(0, clock())] == ["young"]
    assert database.transact(lambda tx: revoked.sweep(tx, clock())) == 0, (
        "a slow clock may still take it for alive"
    )
    clock.forward(2 * HOUR)
    assert database.transact(lambda tx: revoked.sweep(tx, clock())) == 1
    clock.forward(3 * HOUR)
    assert database.transact(lambda tx: revoked.sweep(tx, clock())) == 1
    database.transact(lambda tx: revoked.add(tx, "next", clock() + HOUR))
    assert revoked.since(2, clock()) == [(3, "next", clock() + HOUR)]
