"""An answer becomes a verified factor, or a counted failure; on each database."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import event, select, update

from mfa import tables
from mfa.errors import Busy, FactorRejected, Rejection
from mfa.factors import Category, FactorKind, VerifiedFactor, categories_of
from mfa.password import HashCost
from mfa.verification import PasswordAnswer, TotpAnswer
from tests.storage.mfa_world import ASTRID, BO, RIGHT, WRONG, World, all_at_once
from tests.support.clock import FrozenClock


@pytest.fixture
def world(sql_url: str, clock: FrozenClock) -> Iterator[World]:
    world = World(sql_url, clock).create_tables()
    yield world
    world.close()


def test_a_right_password_is_a_verified_factor(world: World) -> None:
    factor = world.give_password()
    verified = world.verify(ASTRID, RIGHT)
    assert verified == VerifiedFactor(
        factor.factor_id, ASTRID, FactorKind.PASSWORD, ("pwd",), world.clock(), factor.created_at
    )
    assert world.events() == ["factor-added", "factor-verified"]


def test_a_right_code_is_a_verified_factor(world: World) -> None:
    device = world.give_totp()
    verified = world.verify(ASTRID, device.answer())
    assert verified == VerifiedFactor(
        device.factor.factor_id, ASTRID, FactorKind.TOTP, ("otp",), world.clock(), device.factor.created_at
    )
    assert world.events() == ["factor-added", "factor-verified"]


def test_password_and_totp_together_are_two_kinds(world: World) -> None:
    world.give_password()
    device = world.give_totp()
    password, code = world.verify(ASTRID, RIGHT), world.verify(ASTRID, device.answer())
    assert categories_of([password]) == {Category.KNOWLEDGE}
    assert categories_of([code]) == {Category.POSSESSION}
    assert categories_of([password, code]) == set(Category)


def test_the_use_of_a_factor_is_noted(world: World) -> None:
    world.give_password()
    world.clock.forward(timedelta(days=3))
    world.verify(ASTRID, RIGHT)
    (factor,) = world.factors.of_citizen(ASTRID)
    assert factor.last_used_at == world.clock()
    assert factor.created_at == world.clock() - timedelta(days=3)


def test_a_success_ends_the_row_of_failures(world: World) -> None:
    world.give_password()
    world.fail(ASTRID, WRONG, 9)
    world.verify(ASTRID, RIGHT)
    world.fail(ASTRID, WRONG, 4)
    assert world.rejection(ASTRID, WRONG).reason is Rejection.WRONG


def test_each_of_several_devices_is_accepted(world: World) -> None:
    devices = [world.give_totp(name=name) for name in ("Telefon", "Tablet", "Arbejde")]
    for device in devices:
        assert world.verify(ASTRID, device.answer()).factor_id == device.factor.factor_id
    for device in devices:
        assert world.rejection(ASTRID, device.answer()).reason is Rejection.REPLAYED


def test_a_wrong_code_is_a_guess_at_each_of_the_devices(world: World) -> None:
    """S-255"""
    ids = [world.give_totp(name=name).factor.factor_id for name in ("Telefon", "Tablet")]
    world.rejection(ASTRID, TotpAnswer("abcdef"))
    assert [world.failures.of(ids)[factor_id].total for factor_id in ids] == [1, 1]


def test_a_success_on_one_device_forgives_the_spare_one_too(world: World) -> None:
    first, second = world.give_totp(name="Telefon"), world.give_totp(name="Tablet")
    world.fail(ASTRID, TotpAnswer("abcdef"), 9)
    world.verify(ASTRID, first.answer())
    counts = world.failures.of([first.factor.factor_id, second.factor.factor_id])
    assert [counts[device.factor.factor_id].total for device in (first, second)] == [0, 0]


def test_a_code_of_somebody_elses_device_is_wrong(world: World) -> None:
    world.give_totp(ASTRID)
    theirs = world.give_totp(BO)
    assert world.rejection(ASTRID, theirs.answer()).reason is Rejection.WRONG


@pytest.mark.parametrize("typed", ["12345", "1234567", "kode", "", "１２３４５６", "1" * 1_000_000])
def test_a_malformed_code_is_told_and_counted(world: World, typed: str) -> None:
    """S-254"""
    device = world.give_totp()
    assert world.rejection(ASTRID, TotpAnswer(typed)).reason is Rejection.MALFORMED
    counts = world.failures.of([device.factor.factor_id])
    assert counts[device.factor.factor_id].total == 1


def test_a_rejection_tells_when_the_next_try_is_looked_at(world: World) -> None:
    world.give_password()
    world.fail(ASTRID, WRONG, 4)
    rejected = world.rejection(ASTRID, WRONG)
    assert (rejected.reason, rejected.retry_at) == (Rejection.WRONG, world.clock() + timedelta(seconds=10))
    early = world.rejection(ASTRID, RIGHT)
    assert (early.reason, early.retry_at) == (Rejection.SLOWED, rejected.retry_at)
    world.clock.forward(seconds=10)
    world.verify(ASTRID, RIGHT)


def test_what_is_refused_early_is_neither_hashed_nor_counted(world: World) -> None:
    factor = world.give_password()
    world.fail(ASTRID, WRONG, 5)
    world.clock.forward(seconds=-1)
    hashed = world.passwords.hashes_computed
    assert [world.rejection(ASTRID, RIGHT).reason for _ in range(20)] == [Rejection.SLOWED] * 20
    assert world.passwords.hashes_computed == hashed
    assert world.failures.of([factor.factor_id])[factor.factor_id].total == 5


def test_failures_blocks_and_the_end_stand_in_the_citizens_ledger(world: World) -> None:
    world.give_password()
    world.fail(ASTRID, WRONG, 90)
    world.fail(ASTRID, WRONG, 10, known=True)
    events = world.events()
    assert events.count("factor-failed") == 100
    assert events.count("factor-disabled") == 1 and events[-1] == "factor-disabled"
    assert events.index("factor-blocked") == events.index("factor-failed") + 10
    (factor,) = world.factors.of_citizen(ASTRID)
    assert factor.disabled_at is not None


def test_the_ledger_never_holds_what_was_typed(world: World) -> None:
    world.give_password()
    world.rejection(ASTRID, PasswordAnswer("et-gæt-på-noget"))
    assert "gæt" not in repr(world.ledger.of_citizen(ASTRID))
    assert "gæt" not in repr(PasswordAnswer("et-gæt-på-noget")) and "123456" not in repr(TotpAnswer("123456"))


def test_an_old_hash_is_replaced_once(sql_url: str, clock: FrozenClock) -> None:
    """S-234: among twenty sign-ins at once on two nodes. A try is counted before it is looked at, so that some of
    twenty are slowed; those that are looked at prove the password."""
    older = World(sql_url, clock, cost=HashCost(memory_kib=32)).create_tables()
    older.give_password()
    nodes = [World(sql_url, clock), World(sql_url, clock)]
    replacements: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        if statement.startswith("UPDATE mfa_passwords") and cursor.rowcount == 1:  # type: ignore[attr-defined]
            replacements.append(statement)

    for node in nodes:
        event.listen(node.database.writing, "after_cursor_execute", note)
    outcomes = all_at_once(20, lambda n: nodes[n % 2].verify(ASTRID, RIGHT))
    proven = [outcome for outcome in outcomes if isinstance(outcome, VerifiedFactor)]
    slowed = [outcome for outcome in outcomes if isinstance(outcome, FactorRejected)]
    assert proven and len(proven) + len(slowed) == 20
    assert all(outcome.reason is Rejection.SLOWED for outcome in slowed)
    assert len(replacements) == 1
    with nodes[0].database.reading.connect() as connection:
        assert "$m=64,t=1,p=1$" in connection.execute(select(tables.passwords.c.password_hash)).scalar_one()
    clock.forward(seconds=600)
    hashed = nodes[0].passwords.hashes_computed
    nodes[0].verify(ASTRID, RIGHT)
    assert nodes[0].passwords.hashes_computed == hashed + 1
    assert len(replacements) == 1
    for world in (older, *nodes):
        world.close()


def test_a_damaged_hash_rejects_without_an_error(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """S-236"""
    factor = world.give_password()
    damaged = "$argon2id$v=19$m=2147483648,t=1,p=1$c29tZXNhbHRzb21l$aGFzaGhhc2hoYXNoaGFzaGhhc2g"
    with world.database.writing.begin() as tx:
        tx.execute(update(tables.passwords).values(password_hash=damaged))
    assert world.rejection(ASTRID, RIGHT).reason is Rejection.WRONG
    assert factor.factor_id in caplog.text and "argon2" not in caplog.text


def test_a_busy_house_counts_nothing(sql_url: str, clock: FrozenClock) -> None:
    """S-235"""
    world = World(sql_url, clock, concurrency=1).create_tables()
    world.passwords._patience_seconds = 0.01
    factor = world.give_password()
    with world.passwords.turn(), pytest.raises(Busy):
        world.verify(ASTRID, RIGHT)
    assert world.failures.of([factor.factor_id]) == {}
    world.close()


def test_a_password_that_is_replaced_while_it_is_checked_proves_nothing(world: World) -> None:
    """S-301"""
    world.give_password()
    answered: list[object] = []

    class WhileHashing(str):
        """Text that has the password changed when the hasher looks at it."""

        def __len__(self) -> int:
            if not answered:
                answered.append(world.give_password(password="en-ny-og-bedre"))
            return super().__len__()

    assert world.rejection(ASTRID, PasswordAnswer(WhileHashing(RIGHT.password))).reason is Rejection.WRONG
    assert answered


def _writes(world: World) -> list[str]:
    """Statements and commits from here on."""
    seen: list[str] = []
    engine = world.database.writing
    event.listen(
        engine, "before_cursor_execute", lambda c, cu, statement, *rest: seen.append(statement.split()[0])
    )
    event.listen(engine, "commit", lambda connection: seen.append("COMMIT"))
    return seen


def test_a_password_takes_two_transactions_and_a_code_takes_one(world: World) -> None:
    world.give_password()
    device = world.give_totp()
    seen = _writes(world)
    world.verify(ASTRID, RIGHT)
    assert seen.count("COMMIT") == 2 and len([s for s in seen if s not in ("COMMIT", "BEGIN")]) <= 6
    seen.clear()
    world.verify(ASTRID, device.answer())
    assert seen.count("COMMIT") == 1 and len([s for s in seen if s not in ("COMMIT", "BEGIN")]) <= 5


def test_only_failures_at_nobodys_are_swept_and_only_after_long_silence(world: World) -> None:
    factor = world.give_password()
    world.rejection(ASTRID, WRONG)
    world.rejection(None, WRONG, unknown_key="d1")
    world.clock.forward(timedelta(days=20))
    world.rejection(None, WRONG, unknown_key="d2")
    world.rejection(BO, WRONG)  # a citizen who has no password
    assert world.verification.sweep(world.clock()) == 0
    world.clock.forward(timedelta(days=20))
    assert world.verification.sweep(world.clock()) == 1
    assert world.failures.of([factor.factor_id, "password:unknown:d1", "password:unknown:d2"]).keys() == {
        factor.factor_id,
        "password:unknown:d2",
    }


def test_a_rejection_inside_a_code_check_keeps_its_count(world: World) -> None:
    """S-242"""
    device = world.give_totp()
    for number in range(1, 5):
        with pytest.raises(FactorRejected):
            world.verify(ASTRID, device.wrong())
        assert world.failures.of([device.factor.factor_id])[device.factor.factor_id].total == number
