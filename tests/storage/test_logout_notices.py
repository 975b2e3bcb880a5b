"""The promises of `idp.logout.ports.LogoutQueue`, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import insert

from idp.logout.in_sql import LogoutNotices
from idp.logout.notice import Outcome
from idp.logout.sending import wait_after
from idp.logout.tables import logout_notices
from idp.logout.telling import TellingEndedSessions
from idp.storage.database import Database
from idp.storage.in_sql import EndedSessions, Grants
from migrations import upgrade
from tests.storage.test_sql_stores import CALLERS, HOUR, a_grant, in_parallel
from tests.support.clock import FrozenClock

MINUTE = timedelta(minutes=1)


@pytest.fixture
def database(sql_url: str) -> Iterator[Database]:
    opened = Database(sql_url)
    upgrade(opened.writing)
    yield opened
    opened.close()


@pytest.fixture
def queue(database: Database) -> LogoutNotices:
    return LogoutNotices(database.reading)


def give(database: Database, clock: FrozenClock, session_id: str, *client_ids: str) -> None:
    """Grants of a session."""
    grants = Grants(database.reading, clock)
    for client_id in client_ids:
        grant = replace(a_grant(clock, "citizen", session_id), client_id=client_id)
        database.transact(lambda tx, grant=grant: grants.add(tx, grant))  # type: ignore[misc]


def end(database: Database, queue: LogoutNotices, clock: FrozenClock, session_id: str) -> None:
    ended = TellingEndedSessions(EndedSessions(database.reading), queue)
    database.transact(lambda tx: ended.end(tx, session_id, at=clock(), expires_at=clock() + HOUR))


def test_the_end_of_a_session_queues_each_of_its_clients_once(
    database: Database, queue: LogoutNotices, clock: FrozenClock
) -> None:
    """Whatever a client was given, and also where that was revoked before: it may have a session of its own."""
    give(database, clock, "session", "a", "a", "b")
    give(database, clock, "other", "c")
    grants = Grants(database.reading, clock)
    database.transact(lambda tx: grants.revoke_all_of(tx, at=clock(), client_id="b"))
    for _ in range(2):
        end(database, queue, clock, "session")
    found = queue.of_sessions(["session", "other"])
    assert [(n.client_id, n.citizen_id, n.outcome, n.tries) for n in found] == [
        ("a", "citizen", Outcome.WAITING, 0),
        ("b", "citizen", Outcome.WAITING, 0),
    ]
    assert sorted(queue.due(clock(), 10, per_client=10), key=lambda notice: notice.client_id) == found
    assert [notice.ended_at for notice in found] == [clock(), clock()]


def test_nothing_is_queued_for_an_end_that_was_rolled_back(
    database: Database, queue: LogoutNotices, clock: FrozenClock
) -> None:
    give(database, clock, "session", "a")
    ended = TellingEndedSessions(EndedSessions(database.reading), queue)

    def work(tx: object) -> None:
        ended.end(tx, "session", at=clock(), expires_at=clock() + HOUR)
        raise KeyError

    with pytest.raises(KeyError):
        database.transact(work)
    assert queue.of_sessions(["session"]) == [] and not ended.has_ended("session")


def test_a_client_that_was_given_something_beside_the_end_is_caught_up_with(
    database: Database, queue: LogoutNotices, clock: FrozenClock
) -> None:
    """S-213: its code was redeemed in the instant in which the session ended."""
    give(database, clock, "session", "early")
    end(database, queue, clock, "session")
    give(database, clock, "session", "early", "late")
    give(database, clock, "lives", "elsewhere")
    for _ in range(2):
        database.transact(lambda tx: queue.catch_up(tx, clock() - MINUTE))
    assert [notice.client_id for notice in queue.of_sessions(["session", "lives"])] == ["early", "late"]
    give(database, clock, "session", "much later")
    clock.forward(2 * MINUTE)
    assert database.transact(lambda tx: queue.catch_up(tx, clock() - MINUTE)) == 0


def test_of_many_callers_one_makes_a_try(
    database: Database, queue: LogoutNotices, clock: FrozenClock
) -> None:
    give(database, clock, "session", "a")
    end(database, queue, clock, "session")
    (notice,) = queue.due(clock(), 10, per_client=1)

    def claim(_: int) -> bool:
        return database.transact(lambda tx: queue.claim(tx, notice, clock() + MINUTE))

    assert sum(map(bool, in_parallel(claim))) == 1 < CALLERS
    assert queue.due(clock(), 10, per_client=1) == []
    clock.forward(MINUTE)
    (again,) = queue.due(clock(), 10, per_client=1)
    assert (again.tries, again.outcome) == (1, Outcome.WAITING)
    assert not database.transact(lambda tx: queue.claim(tx, notice, clock() + MINUTE)), "it was seen before"


def test_no_client_has_more_than_its_part_and_what_was_never_tried_is_first(
    database: Database, queue: LogoutNotices, clock: FrozenClock
) -> None:
    for number in range(6):
        give(database, clock, f"s{number}", "busy", *(["quiet"] if number == 5 else []))
        end(database, queue, clock, f"s{number}")
        clock.forward(seconds=1)
    theirs = [notice for notice in queue.due(clock(), 3, per_client=2) if notice.client_id == "busy"]
    assert len(theirs) == 2
    for notice in theirs:
        database.transact(lambda tx, n=notice: queue.claim(tx, n, clock()))  # type: ignore[misc]
    due = queue.due(clock(), 10, per_client=3)
    assert {(n.client_id, n.session_id, n.tries) for n in due[:2]} == {("busy", "s2", 0), ("quiet", "s5", 0)}
    assert [(n.client_id, n.session_id, n.tries) for n in due[2:]] == [("busy", "s3", 0), ("busy", "s4", 0)]
    assert [n.tries for n in queue.due(clock(), 1, per_client=3)] == [0, 1], "at most one of each kind"


def overdue(database: Database, clock: FrozenClock, client_id: str, tries: int, number: int) -> None:
    """A service that so many have left."""
    away = {
        "client_id": client_id,
        "citizen_id": "citizen",
        "outcome": Outcome.WAITING.value,
        "tries": tries,
        "last_fault": "timeout" if tries else "",
        "ended_at": clock() - HOUR,
        "next_at": clock() - MINUTE,
    }
    rows = [{"session_id": f"{client_id} {tries} {each}", **away} for each in range(number)]
    database.transact(lambda tx: tx.execute(insert(logout_notices), rows))


@pytest.mark.parametrize("tries", [0, 1])
def test_what_waits_for_one_client_hides_nobody_elses(
    database: Database, queue: LogoutNotices, clock: FrozenClock, tries: int
) -> None:
    """First messages and retries alike: a service that thousands have left and that has been away for a day."""
    for dead in ("away", "gone"):
        overdue(database, clock, dead, tries, 2_100)
    clock.forward(MINUTE / 2)
    overdue(database, clock, "there", tries, 1)
    found = queue.due(clock(), 5, per_client=2)
    assert {notice.client_id for notice in found[:3]} == {"away", "gone", "there"}
    assert {notice.client_id for notice in found[3:]} == {"away", "gone"}


@pytest.mark.parametrize("tries", [0, 1])
def test_a_supplier_with_many_services_that_are_away_hides_no_other(
    database: Database, queue: LogoutNotices, clock: FrozenClock, tries: int
) -> None:
    """More of them than have a turn at once, each waiting longer: the other has its turn within some looks."""
    for number in range(40):
        overdue(database, clock, f"away {number}", tries, 3)
    clock.forward(MINUTE / 2)
    overdue(database, clock, "there", tries, 1)
    looks = [{notice.client_id for notice in queue.due(clock(), 32, per_client=2)} for _ in range(40)]
    assert {len(found) for found in looks} == {32}
    assert any("there" in found for found in looks)  # not so: once in 10**26 runs


def test_what_was_never_tried_is_found_beside_any_number_that_was(
    database: Database, queue: LogoutNotices, clock: FrozenClock
) -> None:
    """A service that thousands have left and that has been away for a day."""
    overdue(database, clock, "away", 9, 2_100)
    give(database, clock, "session", "there")
    end(database, queue, clock, "session")
    assert [(n.client_id, n.tries) for n in queue.due(clock(), 3, per_client=2)] == [
        ("there", 0),
        ("away", 9),
        ("away", 9),
    ]


def test_what_is_settled_stays_so(database: Database, queue: LogoutNotices, clock: FrozenClock) -> None:
    give(database, clock, "session", "a", "b")
    end(database, queue, clock, "session")
    first, second = queue.of_sessions(["session"])
    assert database.transact(lambda tx: queue.settle(tx, first, Outcome.CONFIRMED, clock()))
    assert not database.transact(lambda tx: queue.settle(tx, first, Outcome.UNANSWERED, clock()))
    database.transact(lambda tx: queue.note_fault(tx, second, "timeout"))
    database.transact(lambda tx: queue.note_fault(tx, first, "timeout"))
    settled, waits = queue.of_sessions(["session"])
    assert (settled.outcome, settled.done_at, settled.last_fault) == (Outcome.CONFIRMED, clock(), "")
    assert (waits.outcome, waits.done_at, waits.last_fault) == (Outcome.WAITING, None, "timeout")
    assert not database.transact(lambda tx: queue.claim(tx, first, clock()))
    (row,) = queue.waiting()
    assert (row.client_id, row.count, row.oldest, row.last_fault) == ("b", 1, clock(), "timeout")


def test_a_citizen_sees_their_own_and_old_ones_are_swept(
    database: Database, queue: LogoutNotices, clock: FrozenClock
) -> None:
    give(database, clock, "old", "a")
    end(database, queue, clock, "old")
    began = clock()
    clock.forward(HOUR)
    give(database, clock, "new", "a")
    end(database, queue, clock, "new")
    assert [n.session_id for n in queue.of_citizen("citizen", began - MINUTE)] == ["new", "old"]
    assert [n.session_id for n in queue.of_citizen("citizen", began)] == ["new"]
    assert queue.of_citizen("somebody else", began - MINUTE) == []
    assert database.transact(lambda tx: queue.sweep(tx, clock())) == 1
    assert [n.session_id for n in queue.of_citizen("citizen", began - MINUTE)] == ["new"]


def test_the_waits_grow_to_an_hour_and_fill_a_day_with_some_thirty_tries() -> None:
    waits = [wait_after(tries) for tries in range(1, 33)]
    assert waits[:4] == [timedelta(seconds=s) for s in (10, 20, 40, 80)] and max(waits) == HOUR
    assert sum(waits, timedelta()) > timedelta(hours=23)
