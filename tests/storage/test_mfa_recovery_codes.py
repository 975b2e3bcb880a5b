"""Recovery codes: given out as a set, each good once; on each database."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from mfa import recovery_codes, tables
from mfa.errors import Rejection
from mfa.factors import FactorKind, VerifiedFactor, categories_of
from mfa.recovery_codes import CODES_IN_A_SET, IssuedCodes, MalformedRecoveryCode, RecoveryDigests
from mfa.verification import RecoveryCodeAnswer
from tests.storage.mfa_world import ASTRID, BO, World, all_at_once
from tests.support.clock import FrozenClock


@pytest.fixture
def world(sql_url: str, clock: FrozenClock) -> Iterator[World]:
    world = World(sql_url, clock).create_tables()
    yield world
    world.close()


def give(world: World, citizen_id: str = ASTRID) -> tuple[str, ...]:
    return world.recovery.renew(citizen_id, now=world.clock()).codes


def test_each_code_of_a_set_is_good_once(world: World) -> None:
    codes = give(world)
    assert len(set(codes)) == CODES_IN_A_SET == 10
    for left, code in zip(range(9, -1, -1), codes, strict=True):
        verified = world.verify(ASTRID, RecoveryCodeAnswer(code))
        assert (verified.kind, verified.citizen_id) == (FactorKind.RECOVERY_CODE, ASTRID)
        assert world.rejection(ASTRID, RecoveryCodeAnswer(code)).reason is Rejection.REPLAYED
        assert world.recovery_sets.left(ASTRID) == left


def test_a_code_is_spent_by_one_of_many_at_once(world: World) -> None:
    """S-309"""
    code = give(world)[3]
    outcomes = all_at_once(20, lambda _: world.verify(ASTRID, RecoveryCodeAnswer(code)))
    assert sum(isinstance(outcome, VerifiedFactor) for outcome in outcomes) == 1
    assert world.recovery_sets.left(ASTRID) == 9


def test_a_new_set_ends_the_old(world: World) -> None:
    old, new = give(world), give(world)
    assert world.rejection(ASTRID, RecoveryCodeAnswer(old[0])).reason is Rejection.WRONG
    world.verify(ASTRID, RecoveryCodeAnswer(new[0]))
    assert len(world.factors.of_citizen(ASTRID)) == 1


def test_of_sets_made_at_once_one_is_left(world: World) -> None:
    outcomes = all_at_once(6, lambda _: world.recovery.renew(ASTRID, now=world.clock()))
    issued = [outcome for outcome in outcomes if isinstance(outcome, IssuedCodes)]
    assert len(issued) == 6, outcomes
    (left,) = world.factors.of_citizen(ASTRID)
    (valid,) = [each for each in issued if each.factor.factor_id == left.factor_id]
    world.verify(ASTRID, RecoveryCodeAnswer(valid.codes[0]))


def test_a_code_is_good_for_its_own_citizen_only(world: World) -> None:
    codes = give(world, ASTRID)
    give(world, BO)
    assert world.rejection(BO, RecoveryCodeAnswer(codes[0])).reason is Rejection.WRONG


def test_codes_are_kept_as_digests_that_the_database_cannot_make(world: World) -> None:
    """S-309"""
    codes = give(world)
    with world.database.reading.connect() as connection:
        kept = connection.execute(select(tables.recovery_codes.c.digest)).scalars().all()
    assert len(kept) == 10
    assert not any(recovery_codes.parse_code(code) in "".join(kept).upper() for code in codes)
    assert codes[0] not in repr(world.recovery.renew(ASTRID, now=world.clock()))
    assert "7F3K" not in repr(RecoveryCodeAnswer("7F3K-2QXA-9MTD-04WZ"))


def test_one_code_has_another_digest_in_each_set_and_under_each_pepper() -> None:
    """S-309: NIST SP 800-63B-4 §3.1.2.2, salted."""
    code = "7F3K2QXA9MTD04WZ"
    peppers = RecoveryDigests(b"p" * 32), RecoveryDigests(b"q" * 32)
    assert len({digests.digest(factor_id, code) for digests in peppers for factor_id in ("a", "b")}) == 4


def test_guessing_codes_is_slowed_and_ends(world: World) -> None:
    """S-309"""
    code = give(world)[0]
    wrong = RecoveryCodeAnswer("0000-0000-0000-0000")
    world.fail(ASTRID, wrong, 100, known=True)
    assert world.rejection(ASTRID, RecoveryCodeAnswer(code), known=True).reason is Rejection.DISABLED


def test_a_citizen_without_codes_and_nobody_are_told_the_same(world: World) -> None:
    """S-238"""
    answer = RecoveryCodeAnswer("0000-0000-0000-0000")
    give(world, ASTRID)
    stories = [[world.rejection(who, answer).reason for _ in range(7)] for who in (ASTRID, BO, None)]
    assert stories[0] == stories[1] == stories[2]


def test_no_session_stands_on_a_recovery_code(world: World) -> None:
    verified = world.verify(ASTRID, RecoveryCodeAnswer(give(world)[0]))
    assert categories_of([verified]) == frozenset()


@pytest.mark.parametrize("typed", ["7f3k2qxa9mtd04wz", "7F3K 2QXA 9MTD O4WZ", "-7F3K-2QXA-9MTD-04WZ-"])
def test_a_code_may_be_typed_as_people_type(typed: str) -> None:
    assert recovery_codes.parse_code(typed) == "7F3K2QXA9MTD04WZ"


@pytest.mark.parametrize(
    "typed", ["", "7F3K-2QXA-9MTD-04W", "7F3K-2QXA-9MTD-04WU", "７F3K2QXA9MTD04WZ", "7" * 100_000]
)
def test_what_is_no_code_is_malformed_and_counted(world: World, typed: str) -> None:
    with pytest.raises(MalformedRecoveryCode):
        recovery_codes.parse_code(typed)
    give(world)
    assert world.rejection(ASTRID, RecoveryCodeAnswer(typed)).reason is Rejection.MALFORMED


def test_a_code_has_eighty_bits() -> None:
    """S-309"""
    codes = {code for _ in range(100) for code in recovery_codes.new_codes()}
    assert len(codes) == 1000
    assert all(len(recovery_codes.parse_code(code)) * 5 >= 64 for code in codes)
