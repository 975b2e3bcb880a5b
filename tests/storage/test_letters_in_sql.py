"""Letters and invitations: issued, looked at, spent once, printed, on SQLite and on PostgreSQL."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import text

from idp.ids import new_id
from idp.ledger import events
from idp.ledger.in_sql import Ledger
from idp.letters.in_sql import Letters as LetterStore
from idp.letters.invitations_in_sql import Invitations
from idp.letters.letter import IssuedLetter, LetterFault, LetterKind, LetterRejected
from idp.letters.letters import Letters
from idp.letters.ports import Invitation
from idp.records import Address, Citizen
from idp.storage.citizens_in_sql import Citizens
from idp.storage.database import Database
from idp.storage.ports import AlreadyKnown
from keys.sealing import Sealer
from migrations import upgrade
from tests.support.clock import FrozenClock

ACTIVATION, RECOVERY = LetterKind.ACTIVATION, LetterKind.RECOVERY
CPR = "7002281234"
HOME = Address("Havnegade 1", "9990", "Nordhavn", "DK")


@dataclass
class World:
    database: Database
    letters: Letters
    invitations: Invitations
    citizens: Citizens
    ledger: Ledger
    clock: FrozenClock

    def issue(self, citizen_id: str, kind: LetterKind = ACTIVATION) -> IssuedLetter:
        return self.database.transact(
            lambda tx: self.letters.issue(
                tx, kind=kind, citizen_id=citizen_id, actor="operator:test", now=self.clock()
            )
        )

    def spend(self, code: str, kind: LetterKind = ACTIVATION) -> str:
        return self.database.transact(lambda tx: self.letters.spend(tx, code, kind=kind, now=self.clock()))

    def fault(self, code: str, kind: LetterKind = ACTIVATION) -> LetterFault:
        with pytest.raises(LetterRejected) as rejected:
            self.letters.look(code, kind=kind, now=self.clock())
        return rejected.value.fault

    def invite(self, cpr: str = CPR, given_name: str = "Freja") -> Invitation:
        invitation = Invitation(new_id(), given_name, "Holm", "1970-02-28", HOME, "da")
        self.database.transact(lambda tx: self.invitations.add(tx, invitation, cpr=cpr, at=self.clock()))
        return invitation


@pytest.fixture
def world(sql_url: str, clock: FrozenClock) -> Iterator[World]:
    database = Database(sql_url)
    upgrade(database.writing)
    ledger = Ledger(database.reading)
    citizens = Citizens(database.reading, Sealer(b"k" * 32, "citizens"), b"i" * 32)
    yield World(
        database,
        Letters(LetterStore(database.reading), Sealer(b"k" * 32, "letters"), ledger),
        Invitations(database.reading, Sealer(b"k" * 32, "invitations"), citizens.cpr_index),
        citizens,
        ledger,
        clock,
    )
    database.close()


def test_a_letter_is_found_by_its_code_however_it_is_typed(world: World) -> None:
    issued = world.issue("a")
    typed = issued.code.lower().replace("-", " ").replace("0", "o")
    assert world.letters.look(typed, kind=ACTIVATION, now=world.clock()).citizen_id == "a"


def test_of_many_spenders_of_a_letter_one_gets_it(world: World) -> None:
    """S-288: used from two browsers at the same time."""
    code, gate = world.issue("a").code, threading.Barrier(12)

    def spend(_: int) -> str:
        gate.wait()
        try:
            return world.spend(code)
        except LetterRejected as rejected:
            return rejected.fault.value

    with ThreadPoolExecutor(12) as pool:
        outcomes = sorted(pool.map(spend, range(12)))
    assert outcomes == ["a", *["used"] * 11]


def test_what_fails_after_the_spending_leaves_the_letter_whole(world: World) -> None:
    code = world.issue("a").code

    def work(tx: object) -> None:
        world.letters.spend(tx, code, kind=ACTIVATION, now=world.clock())
        raise ValueError("the citizen could not be added")

    with pytest.raises(ValueError, match="could not"):
        world.database.transact(work)
    assert world.spend(code) == "a"


def test_a_newer_letter_ends_the_one_before(world: World) -> None:
    """S-306: after a newer one was issued."""
    old, new = world.issue("a"), world.issue("a")
    assert world.fault(old.code) is LetterFault.REPLACED
    with pytest.raises(LetterRejected):
        world.spend(old.code)
    assert world.spend(new.code) == "a"


def test_of_letters_issued_at_once_one_lives(world: World) -> None:
    gate = threading.Barrier(6)

    def issue(_: int) -> IssuedLetter:
        gate.wait()
        return world.issue("a")

    with ThreadPoolExecutor(6) as pool:
        issued = list(pool.map(issue, range(6)))
    spent = 0
    for letter in issued:
        try:
            world.spend(letter.code)
            spent += 1
        except LetterRejected:
            continue
    assert spent == 1


def test_a_letter_by_post_is_over_after_21_days(world: World) -> None:
    """S-310: NIST SP 800-63B-4 §4.2.1.2."""
    code = world.issue("a").code
    world.clock.forward(timedelta(days=21) - timedelta(seconds=1))
    world.letters.look(code, kind=ACTIVATION, now=world.clock())
    world.clock.forward(seconds=1)
    assert world.fault(code) is LetterFault.EXPIRED
    with pytest.raises(LetterRejected):
        world.spend(code)


def test_a_code_of_one_kind_opens_nothing_of_another(world: World) -> None:
    """S-306: type A used at endpoint B."""
    code = world.issue("a", RECOVERY).code
    assert world.fault(code, ACTIVATION) is LetterFault.OTHER_KIND
    with pytest.raises(LetterRejected):
        world.spend(code, ACTIVATION)
    assert world.spend(code, RECOVERY) == "a"


def test_letters_of_two_kinds_live_side_by_side(world: World) -> None:
    activation, recovery = world.issue("a"), world.issue("a", RECOVERY)
    assert (world.spend(activation.code), world.spend(recovery.code, RECOVERY)) == ("a", "a")


def test_a_spent_letter_is_used(world: World) -> None:
    code = world.issue("a").code
    world.spend(code)
    assert world.fault(code) is LetterFault.USED


@pytest.mark.parametrize("typed", ["", "7F3K", "x" * 10_000, "é" * 24, "7F3K-2QXA-9MTD-04WZ-8KPR-6TYN\x00"])
def test_what_is_no_code_is_told_as_that(world: World, typed: str) -> None:
    assert world.fault(typed) is LetterFault.MALFORMED


def test_no_code_stands_in_the_database(world: World) -> None:
    """S-309: kept as a digest, and sealed only until it is printed."""
    world.invite()
    issued = world.issue(world.invite("7003281234").citizen_id)
    [queued] = world.letters.to_print(world.clock(), 10)
    assert queued.code == issued.code

    def rows() -> str:
        with world.database.reading.connect() as connection:
            return repr(connection.execute(text("SELECT * FROM letters")).all())

    assert issued.code.replace("-", "") not in rows()
    world.database.transact(lambda tx: world.letters.printed(tx, [queued], world.clock()))
    assert world.letters.to_print(world.clock(), 10) == []
    with world.database.reading.connect() as connection:
        assert connection.execute(text("SELECT sealed_code FROM letters")).scalar_one() is None
    assert world.spend(issued.code)


def test_a_sealed_code_belongs_to_its_letter(world: World) -> None:
    for cpr in ("7002281234", "7003281234"):
        world.issue(world.invite(cpr).citizen_id)

    def swap(tx: object) -> None:
        tx.execute(  # type: ignore[attr-defined]
            text(
                "UPDATE letters SET sealed_code = (SELECT sealed_code FROM letters l WHERE l.number <> letters.number)"
            )
        )

    world.database.transact(swap)
    with pytest.raises(Exception, match=r".*") as unsealed:
        world.letters.to_print(world.clock(), 10)
    assert type(unsealed.value).__name__ == "UnsealFailed"


def test_letters_wait_for_their_printer_in_order_and_by_kind(world: World) -> None:
    first = world.invite()
    citizen = Citizen(
        new_id(), "anders", "active", "Anders", "And", "1970-02-28", "nb", world.clock(), address=HOME
    )
    world.database.transact(lambda tx: world.citizens.add(tx, citizen, cpr="7003281234"))
    world.issue(first.citizen_id)
    world.issue(citizen.citizen_id, RECOVERY)
    waiting = world.letters.to_print(world.clock(), 10)
    assert [(each.addressee.name, each.addressee.language) for each in waiting] == [
        ("Freja Holm", "da"),
        ("Anders And", "nb"),
    ]
    [recovery] = world.letters.to_print(world.clock(), 10, RECOVERY)
    assert recovery.addressee.address == HOME
    assert world.letters.store.count_unprinted(world.clock()) == 2


def test_a_letter_without_an_address_does_not_hold_up_the_others(world: World) -> None:
    world.issue("nobody", RECOVERY)
    world.issue(world.invite().citizen_id)
    assert [each.addressee.name for each in world.letters.to_print(world.clock(), 1)] == ["Freja Holm"]


def test_a_replaced_letter_is_not_printed(world: World) -> None:
    person = world.invite().citizen_id
    world.issue(person)
    new = world.issue(person)
    assert [each.code for each in world.letters.to_print(world.clock(), 10)] == [new.code]


def test_a_letter_stands_in_the_persons_ledger_without_its_code(world: World) -> None:
    issued = world.issue("a")
    [entry] = world.ledger.of_citizen("a")
    assert (entry.event, entry.actor) == (events.LETTER_ISSUED, "operator:test")
    assert issued.code not in repr(entry) + repr(issued)


def test_the_newest_letters_date_is_known_for_limits(world: World) -> None:
    assert world.letters.last_issued(kind=RECOVERY, citizen_id="a") is None
    world.issue("a", RECOVERY)
    at = world.clock()
    world.clock.forward(timedelta(days=40))
    assert world.letters.last_issued(kind=RECOVERY, citizen_id="a") == at


def test_an_invitation_is_found_and_its_number_is_sealed(world: World) -> None:
    invitation = world.invite()
    assert world.invitations.find(invitation.citizen_id) == invitation
    assert world.invitations.known([CPR, "7003281234"]) == {CPR: invitation.citizen_id}
    assert world.invitations.load_cpr(invitation.citizen_id) == CPR
    with world.database.reading.connect() as connection:
        assert CPR not in repr(connection.execute(text("SELECT * FROM invitations")).all())
    assert "Holm" not in repr(invitation)


def test_a_number_is_invited_once(world: World) -> None:
    world.invite()
    with pytest.raises(AlreadyKnown):
        world.invite()


def test_sweeping_forgets_letters_long_expired_and_who_never_came(world: World) -> None:
    person = world.invite()
    code = world.issue(person.citizen_id).code
    store = LetterStore(world.database.reading)
    world.clock.forward(timedelta(days=110))
    assert world.database.transact(lambda tx: store.sweep(tx, world.clock())) == 0
    assert world.fault(code) is LetterFault.EXPIRED
    world.clock.forward(timedelta(days=2))
    assert world.database.transact(lambda tx: store.sweep(tx, world.clock())) == 1
    assert world.fault(code) is LetterFault.UNKNOWN
    assert world.invitations.find(person.citizen_id) is None
