"""The promises of the SQL ports (idp/storage/ports.py), on SQLite and on PostgreSQL."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from idp.errors import StoreUnavailable
from idp.ids import new_id
from idp.ledger.in_sql import Ledger
from idp.records import AuthorizationCode, Citizen, Consent, Grant
from idp.storage.citizens_in_sql import Citizens, canonical_user_id
from idp.storage.database import Database
from idp.storage.in_sql import Consents, EndedSessions, Grants, Spent
from idp.storage.ports import AlreadyKnown
from idp.storage.redemptions_in_sql import Redemptions
from keys.sealing import Sealer, UnsealFailed
from migrations import upgrade
from tests.support.clock import FrozenClock

CALLERS = 12
HOUR = timedelta(hours=1)
CPR = "7002291234"


@pytest.fixture
def database(sql_url: str) -> Iterator[Database]:
    opened = Database(sql_url)
    upgrade(opened.writing)
    yield opened
    opened.close()


@pytest.fixture
def citizens(database: Database) -> Citizens:
    return Citizens(database.reading, Sealer(b"k" * 32, "citizens"), b"i" * 32)


def a_citizen(clock: FrozenClock, user_id: str = "Freja.Holm") -> Citizen:
    return Citizen(new_id(), user_id, "active", "Freja", "Holm", "1970-02-29", "da", clock())


def a_grant(clock: FrozenClock, citizen_id: str, session_id: str = "session") -> Grant:
    return Grant(
        new_id(), citizen_id, "client", session_id, ("openid",), ("name",), "permits", clock(), clock() + HOUR
    )


def a_code(clock: FrozenClock, citizen_id: str) -> AuthorizationCode:
    return AuthorizationCode(
        client_id="client",
        redirect_uri="https://rp.example/cb",
        code_challenge=None,
        citizen_id=citizen_id,
        session_id="session",
        session_expires_at=clock() + HOUR,
        scope=("openid",),
        claims=("name",),
        purpose_id="permits",
        nonce=None,
        acr="acr",
        amr=("pwd",),
        authenticated_at=clock(),
        expires_at=clock() + HOUR,
    )


def in_parallel(work: "object", callers: int = CALLERS) -> list[object]:
    """Run `work(number)` in many threads that begin at the same moment."""
    gate = threading.Barrier(callers)

    def run(number: int) -> object:
        gate.wait()
        return work(number)  # type: ignore[operator]

    with ThreadPoolExecutor(callers) as pool:
        return list(pool.map(run, range(callers)))


# --- transactions ----------------------------------------------------------------------------------------------


def test_what_raises_in_a_transaction_leaves_nothing(
    database: Database, citizens: Citizens, clock: FrozenClock
) -> None:
    def work(tx: object) -> None:
        citizens.add(tx, a_citizen(clock), cpr=CPR)  # type: ignore[arg-type]
        raise ValueError("changed our mind")

    with pytest.raises(ValueError, match="changed our mind"):
        database.transact(work)
    assert citizens.find_by_user_id("freja.holm") is None


def test_a_database_that_is_away_is_told_in_one_word() -> None:
    """S-408: as StoreUnavailable, from reads and from writes."""
    away = Database("postgresql+psycopg://nobody@127.0.0.1:1/none")
    with pytest.raises(StoreUnavailable):
        away.check()
    with pytest.raises(StoreUnavailable):
        away.transact(lambda tx: None)


def test_a_mistake_in_a_statement_is_not_called_an_outage(database: Database) -> None:
    with pytest.raises(DBAPIError), database.reading.connect() as connection:
        connection.execute(text("SELECT nothing FROM nowhere"))


# --- spending --------------------------------------------------------------------------------------------------


def test_of_many_spenders_one_succeeds(database: Database, clock: FrozenClock) -> None:
    """S-069: for each code, whoever asks and however many."""
    spent = Spent(database.reading)
    for number in range(5):

        def spend(caller: int, key: str = f"{number:064d}") -> bool:
            return database.transact(
                lambda tx: spent.spend(
                    tx, "code", key, now=clock(), keep_until=clock() + HOUR, gave=f"g{caller}"
                )
            )

        outcomes = in_parallel(spend)
        assert Counter(outcomes) == {True: 1, False: CALLERS - 1}
        winner = outcomes.index(True)
        assert spent.gave_what("code", f"{number:064d}") == f"g{winner}"


def test_a_second_spending_does_not_spoil_its_transaction(database: Database, clock: FrozenClock) -> None:
    """The transaction that finds a code spent goes on to revoke what it gave."""
    spent, ledger = Spent(database.reading), Ledger(database.reading)

    def work(tx: object) -> bool:
        first = spent.spend(tx, "code", "k" * 64, now=clock(), keep_until=clock() + HOUR)  # type: ignore[arg-type]
        ledger.append(tx, event="e", actor="system", at=clock(), citizen_id="c")  # type: ignore[arg-type]
        return first

    assert database.transact(work)
    assert not database.transact(work)
    assert len(ledger.of_citizen("c")) == 2


def test_sweeping_forgets_only_what_is_over(database: Database, clock: FrozenClock) -> None:
    """S-342."""
    spent = Spent(database.reading)
    for name, life in (("a", HOUR), ("b", 3 * HOUR)):
        database.transact(
            lambda tx, n=name, e=life: spent.spend(tx, "code", n * 64, now=clock(), keep_until=clock() + e)  # type: ignore[misc]
        )
    clock.forward(2 * HOUR)
    assert database.transact(lambda tx: spent.sweep(tx, clock())) == 1
    assert spent.gave_what("code", "b" * 64) == ""


# --- the ledger ------------------------------------------------------------------------------------------------


def test_each_citizens_entries_are_numbered_without_gaps_by_parallel_writers(
    database: Database, clock: FrozenClock
) -> None:
    """One writer's conflict is another's number: all entries arrive, each with its own."""
    ledger = Ledger(database.reading)

    def write(number: int) -> None:
        for _ in range(3):
            database.transact(
                lambda tx: ledger.append(
                    tx,
                    event="e",
                    actor="system",
                    at=clock(),
                    citizen_id=f"c{number % 2}",
                    facts={"n": number},
                )
            )

    in_parallel(write, callers=4)
    for citizen in ("c0", "c1"):
        assert [entry.citizen_number for entry in ledger.of_citizen(citizen)] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("statement", ["UPDATE ledger SET event = 'x'", "DELETE FROM ledger"])
def test_the_ledger_only_grows(database: Database, clock: FrozenClock, statement: str) -> None:
    """S-369: the database itself refuses."""
    ledger = Ledger(database.reading)
    database.transact(lambda tx: ledger.append(tx, event="e", actor="system", at=clock(), citizen_id="c"))
    with pytest.raises(DBAPIError, match="only grows"):
        database.transact(lambda tx: tx.execute(text(statement)))
    assert [entry.event for entry in ledger.of_citizen("c")] == ["e"]


def test_an_entry_comes_back_as_it_was_written(database: Database, clock: FrozenClock) -> None:
    ledger = Ledger(database.reading)
    facts: dict[str, str | int | list[str]] = {"purpose": "byggesag", "claims": ["name", "cpr"], "count": 2}
    database.transact(
        lambda tx: ledger.append(tx, event="e", actor="client:x", at=clock(), citizen_id="c", facts=facts)
    )
    (entry,) = ledger.of_citizen("c")
    assert (entry.at, entry.actor, entry.facts) == (clock(), "client:x", facts)


# --- citizens --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed", ["freja.holm", "FREJA.HOLM", "  Freja.Holm ", "\uff26reja.holm", "freja\uff0eholm"]
)
def test_a_user_id_is_one_however_it_is_typed(
    database: Database, citizens: Citizens, clock: FrozenClock, typed: str
) -> None:
    """S-243, S-338: the same on both databases, since the spelling is made here."""
    citizen = a_citizen(clock)
    database.transact(lambda tx: citizens.add(tx, citizen, cpr=CPR))
    assert citizens.find_by_user_id(typed) == citizen


def test_look_alike_spellings_are_not_swallowed() -> None:
    """S-338: ß, the Turkish dotless i and the combining ring."""
    assert canonical_user_id("STRASSE") == canonical_user_id("straße")
    assert canonical_user_id("ılgın") != canonical_user_id("ilgin")
    assert canonical_user_id("a\u030a") == canonical_user_id("å")


def test_a_user_id_or_cpr_number_is_taken_once(
    database: Database, citizens: Citizens, clock: FrozenClock
) -> None:
    """S-249."""
    database.transact(lambda tx: citizens.add(tx, a_citizen(clock), cpr=CPR))
    for other, cpr in ((a_citizen(clock, "FREJA.holm"), "7102291234"), (a_citizen(clock, "other"), CPR)):
        with pytest.raises(AlreadyKnown):
            database.transact(lambda tx, o=other, c=cpr: citizens.add(tx, o, cpr=c))  # type: ignore[misc]


def test_a_closed_citizens_name_and_identifier_go_to_nobody_else(
    database: Database, citizens: Citizens, clock: FrozenClock
) -> None:
    """S-138: so no service ever meets another person under a `sub` that it knows; that follows from the identifier."""
    closed = a_citizen(clock)
    database.transact(lambda tx: citizens.add(tx, closed, cpr=CPR))
    database.transact(lambda tx: citizens.set_status(tx, closed.citizen_id, "closed"))
    for other in (a_citizen(clock), replace(a_citizen(clock, "other.holm"), citizen_id=closed.citizen_id)):
        with pytest.raises(AlreadyKnown):
            database.transact(lambda tx, o=other: citizens.add(tx, o, cpr="7102291234"))  # type: ignore[misc]


def test_cpr_numbers_are_found_but_not_readable_in_the_database(
    database: Database, citizens: Citizens, clock: FrozenClock
) -> None:
    """S-394: a dump has neither the number nor a plain digest of it."""
    citizen = a_citizen(clock)
    database.transact(lambda tx: citizens.add(tx, citizen, cpr=CPR))
    assert citizens.find_by_cpr(CPR) == citizen
    assert citizens.load_cpr(citizen.citizen_id) == CPR
    with database.reading.connect() as connection:
        row = connection.execute(text("SELECT * FROM citizens")).one()
    assert CPR not in str([bytes(value) if isinstance(value, memoryview) else value for value in row])


def test_sealed_numbers_cannot_be_exchanged_between_citizens(
    database: Database, citizens: Citizens, clock: FrozenClock
) -> None:
    """S-258, for CPR numbers."""
    one, two = a_citizen(clock, "one.one"), a_citizen(clock, "two.two")
    database.transact(lambda tx: citizens.add(tx, one, cpr=CPR))
    database.transact(lambda tx: citizens.add(tx, two, cpr="7102291234"))
    swap = "UPDATE citizens SET cpr_sealed = (SELECT cpr_sealed FROM citizens WHERE user_id = 'two.two') WHERE user_id = 'one.one'"
    database.transact(lambda tx: tx.execute(text(swap)))
    with pytest.raises(UnsealFailed):
        citizens.load_cpr(one.citizen_id)


# --- consents, grants, sessions ---------------------------------------------------------------------------------


def test_a_consent_is_in_force_until_it_is_revoked(database: Database, clock: FrozenClock) -> None:
    consents = Consents(database.reading)
    consent = Consent("citizen", "client", "permits", "v1", ("name", "email"), clock())
    database.transact(lambda tx: consents.give(tx, consent))
    database.transact(lambda tx: consents.give(tx, replace(consent, version="v2")))
    found = consents.find("citizen", "client", "permits")
    assert found == replace(consent, version="v2")
    revoke = lambda tx: consents.revoke(tx, "citizen", "client", None, clock())  # noqa: E731
    assert database.transact(revoke) == 1
    assert consents.find("citizen", "client", "permits") is None
    assert database.transact(revoke) == 0
    assert [kept.revoked_at for kept in consents.of_citizen("citizen")] == [clock()]


def test_a_grant_keeps_its_authorization_details(
    database: Database, citizens: Citizens, clock: FrozenClock
) -> None:
    """RFC 9396: as they were agreed to, letter by letter and in their order."""
    details = ({"type": "nordhavn:case", "case": "æ “1”", "years": [2025]}, {"type": "a:b", "n": -3})
    citizen, grants = a_citizen(clock), Grants(database.reading, clock)
    grant = replace(a_grant(clock, citizen.citizen_id), authorization_details=details)
    database.transact(lambda tx: citizens.add(tx, citizen, cpr="2902701234"))
    database.transact(lambda tx: grants.add(tx, grant))
    assert grants.find_live(grant.grant_id) == (grant, citizen)


def test_a_grant_lives_until_revoked_expired_or_its_citizen_is_blocked(
    database: Database, citizens: Citizens, clock: FrozenClock
) -> None:
    """S-035."""
    grants = Grants(database.reading, clock)
    citizen = a_citizen(clock)
    first, second = a_grant(clock, citizen.citizen_id), a_grant(clock, citizen.citizen_id)

    def add(tx: object) -> None:
        citizens.add(tx, citizen, cpr=CPR)  # type: ignore[arg-type]
        grants.add(tx, first)  # type: ignore[arg-type]
        grants.add(tx, second)  # type: ignore[arg-type]

    database.transact(add)
    assert grants.find_live(first.grant_id) == (first, citizen)
    assert database.transact(lambda tx: grants.revoke(tx, first.grant_id, clock()))
    assert not database.transact(lambda tx: grants.revoke(tx, first.grant_id, clock()))
    assert grants.find_live(first.grant_id) is None
    database.transact(lambda tx: citizens.set_status(tx, citizen.citizen_id, "blocked"))
    assert grants.find_live(second.grant_id) is None
    database.transact(lambda tx: citizens.set_status(tx, citizen.citizen_id, "active"))
    assert grants.find_live(second.grant_id) is not None
    clock.forward(HOUR)
    assert grants.find_live(second.grant_id) is None


def test_a_grant_committed_after_its_session_ended_is_dead(
    database: Database, citizens: Citizens, clock: FrozenClock
) -> None:
    """S-213: a redemption that raced the sign-out gives nothing that works."""
    grants, ended, citizen = (
        Grants(database.reading, clock),
        EndedSessions(database.reading),
        a_citizen(clock),
    )
    grant = a_grant(clock, citizen.citizen_id, "raced")
    database.transact(lambda tx: citizens.add(tx, citizen, cpr=CPR))
    database.transact(lambda tx: ended.end(tx, "raced", at=clock(), expires_at=clock() + HOUR))
    database.transact(lambda tx: grants.add(tx, grant))
    assert grants.find_live(grant.grant_id) is None


def test_a_sessions_grants_end_together_and_no_others(
    database: Database, citizens: Citizens, clock: FrozenClock
) -> None:
    grants = Grants(database.reading, clock)
    mine, other = a_grant(clock, "citizen", "mine"), a_grant(clock, "citizen", "other")
    database.transact(lambda tx: (grants.add(tx, mine), grants.add(tx, other)))
    ended = database.transact(lambda tx: grants.revoke_all_of(tx, at=clock(), session_id="mine"))
    assert [grant.grant_id for grant in ended] == [mine.grant_id]
    with pytest.raises(ValueError, match="name a citizen"):
        database.transact(lambda tx: grants.revoke_all_of(tx, at=clock()))


@pytest.mark.parametrize("obstacle", [None, "citizen", "session", "consent"])
def test_what_ended_between_issue_and_redemption_is_an_obstacle(
    database: Database, citizens: Citizens, clock: FrozenClock, obstacle: str | None
) -> None:
    """S-076: in one read."""
    citizen, consents, ended = a_citizen(clock), Consents(database.reading), EndedSessions(database.reading)
    consent = Consent(citizen.citizen_id, "client", "permits", "v1", ("name",), clock())
    database.transact(lambda tx: (citizens.add(tx, citizen, cpr=CPR), consents.give(tx, consent)))
    acts = {
        None: lambda tx: None,
        "citizen": lambda tx: citizens.set_status(tx, citizen.citizen_id, "blocked"),
        "session": lambda tx: ended.end(tx, "session", at=clock(), expires_at=clock() + HOUR),
        "consent": lambda tx: consents.revoke(tx, citizen.citizen_id, "client", "permits", clock()),
    }
    database.transact(acts[obstacle])
    assert Redemptions(database.reading).obstacle(a_code(clock, citizen.citizen_id)) == obstacle


def test_a_code_of_nobody_is_refused(database: Database, clock: FrozenClock) -> None:
    assert Redemptions(database.reading).obstacle(a_code(clock, "nobody")) == "citizen"


def test_ending_a_session_twice_is_one_end(database: Database, clock: FrozenClock) -> None:
    ended = EndedSessions(database.reading)
    for _ in range(2):
        database.transact(lambda tx: ended.end(tx, "session", at=clock(), expires_at=clock() + HOUR))
    assert ended.has_ended("session")
    assert not ended.has_ended("another")
