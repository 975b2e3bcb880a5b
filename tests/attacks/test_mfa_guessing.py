"""Guessing passwords and codes: alone, in parallel, at people who do not exist, and to keep somebody out."""

import sqlite3
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import event, select, update

from keys.errors import UnsealFailed
from mfa import tables
from mfa.errors import FactorRejected, Rejection
from mfa.factors import VerifiedFactor
from mfa.lockout import LIMIT, STRANGERS_LIMIT
from mfa.verification import Answer, PasswordAnswer, RecoveryCodeAnswer, TotpAnswer
from tests.storage.mfa_world import ASTRID, BO, RIGHT, WRONG, World, all_at_once
from tests.support.clock import FrozenClock


@pytest.fixture
def world(sql_url: str, clock: FrozenClock) -> Iterator[World]:
    world = World(sql_url, clock).create_tables()
    yield world
    world.close()


def reasons(outcomes: list[VerifiedFactor | Exception]) -> list[str]:
    assert all(isinstance(outcome, VerifiedFactor | FactorRejected) for outcome in outcomes), outcomes
    return [
        outcome.reason.value if isinstance(outcome, FactorRejected) else "verified" for outcome in outcomes
    ]


def test_a_hundred_failures_disable_a_password_even_for_the_right_one(world: World) -> None:
    """S-239"""
    world.give_password()
    world.fail(ASTRID, WRONG, STRANGERS_LIMIT)
    world.fail(ASTRID, WRONG, LIMIT - STRANGERS_LIMIT, known=True)
    world.clock.forward(timedelta(days=400))
    for known in (False, True):
        assert world.rejection(ASTRID, RIGHT, known=known).reason is Rejection.DISABLED


def test_a_hundred_failures_disable_a_device(world: World) -> None:
    """S-255"""
    device = world.give_totp()
    world.fail(ASTRID, TotpAnswer("abcdef"), LIMIT, known=True)
    world.clock.forward(timedelta(days=400))
    for known in (False, True):
        assert world.rejection(ASTRID, device.answer(), known=known).reason is Rejection.DISABLED
    assert world.events()[-1] == "factor-disabled"


def test_guessing_passwords_keeps_nobody_out_of_a_known_browser_or_a_device(world: World) -> None:
    """S-240"""
    world.give_password()
    device = world.give_totp()
    for _ in range(1000):
        world.rejection(ASTRID, WRONG)
        world.clock.forward(seconds=20)
    world.verify(ASTRID, device.answer())
    world.verify(ASTRID, RIGHT, known=True)
    world.verify(ASTRID, RIGHT)  # and with that, from anywhere


def test_fifty_guesses_at_once_are_counted_exactly(world: World) -> None:
    """S-241"""
    factor = world.give_password()
    world.fail(ASTRID, WRONG, 2)
    hashed = world.passwords.hashes_computed
    outcomes = all_at_once(20, lambda _: world.verify(ASTRID, WRONG))
    assert sorted(reasons(outcomes)) == ["slowed"] * 17 + ["wrong"] * 3
    assert world.passwords.hashes_computed == hashed + 3
    assert world.failures.of([factor.factor_id])[factor.factor_id].total == 5


def test_guesses_at_once_never_pass_the_last_of_the_limit(world: World) -> None:
    """S-241"""
    world.give_password()
    world.fail(ASTRID, WRONG, STRANGERS_LIMIT)
    world.fail(ASTRID, WRONG, LIMIT - STRANGERS_LIMIT - 1, known=True)
    hashed = world.passwords.hashes_computed
    outcomes = all_at_once(16, lambda n: world.verify(ASTRID, WRONG, known=bool(n % 2)))
    assert sorted(reasons(outcomes)) == ["disabled"] * 15 + ["wrong"]
    assert world.passwords.hashes_computed == hashed + 1


def test_codes_guessed_at_once_are_counted_exactly(world: World) -> None:
    """S-241, S-255"""
    device = world.give_totp()
    wrong = device.wrong()
    outcomes = all_at_once(20, lambda _: world.verify(ASTRID, wrong))
    assert sorted(reasons(outcomes)) == ["slowed"] * 15 + ["wrong"] * 5
    assert world.failures.of([device.factor.factor_id])[device.factor.factor_id].total == 5


def _story(world: World, citizen_id: str | None) -> list[tuple[str, timedelta | None, int]]:
    """130 wrong passwords, 150 s apart: each one's reason, wait and hashes."""
    told = []
    for _ in range(130):
        hashed = world.passwords.hashes_computed
        rejected = world.rejection(citizen_id, WRONG)
        wait = None if rejected.retry_at is None else rejected.retry_at - world.clock()
        told.append((rejected.reason.value, wait, world.passwords.hashes_computed - hashed))
        world.clock.forward(seconds=150)
    return told


def test_known_and_unknown_user_ids_answer_alike(world: World) -> None:
    """S-237, S-238: the same reasons, waits and hashes for a citizen, one without a password, and nobody."""
    world.give_password(ASTRID)
    world.give_totp(BO)
    somebody, without, nobody = (_story(world, citizen_id) for citizen_id in (ASTRID, BO, None))
    assert somebody == without == nobody
    assert {reason for reason, _, _ in nobody} == {"wrong", "slowed"}
    assert all(hashes == (reason == "wrong") for reason, _, hashes in nobody)


def test_a_disabled_password_answers_like_nobodys_that_was_guessed_at_as_often(world: World) -> None:
    """S-237"""
    world.give_password()
    answers = []
    for citizen_id in (ASTRID, None):
        world.fail(citizen_id, WRONG, STRANGERS_LIMIT)
        hashed = world.passwords.hashes_computed
        answers.append((world.rejection(citizen_id, RIGHT).reason, world.passwords.hashes_computed - hashed))
    assert answers == [(Rejection.DISABLED, 0)] * 2


def test_a_failure_takes_as_many_writes_for_nobody_as_for_somebody(world: World) -> None:
    """S-237"""
    world.give_password()
    seen: list[str] = []
    event.listen(world.database.writing, "commit", lambda connection: seen.append("commit"))
    commits = []
    for citizen_id in (ASTRID, None):
        seen.clear()
        world.rejection(citizen_id, WRONG)
        commits.append(len(seen))
    assert commits == [2, 2]


@pytest.mark.parametrize(
    "answer", [WRONG, RecoveryCodeAnswer("AAAA-AAAA-AAAA-AAAA")], ids=["password", "code"]
)
def test_a_wrong_answer_asks_the_database_as_much_for_nobody_as_for_somebody(
    sqlite_url: str, clock: FrozenClock, answer: Answer
) -> None:
    """S-237: a citizen, one without such a factor, and nobody: the same kinds of statement in the same order, when the
    answer is looked at and when it is not."""
    world = World(sqlite_url, clock).create_tables()
    world.give_password(ASTRID)
    world.recovery.renew(ASTRID, now=clock())
    steps: list[str] = []

    def trace(connection: sqlite3.Connection, *_: object) -> None:
        connection.set_trace_callback(lambda sql: steps.append(sql.split()[0]))

    event.listen(world.database.writing, "checkout", trace)
    taken = []
    for citizen_id in (ASTRID, BO, None):
        taken.append([])
        for reason in [Rejection.WRONG] * 5 + [Rejection.SLOWED]:
            steps.clear()
            assert world.rejection(citizen_id, answer).reason is reason
            taken[-1].append(list(steps))
    assert taken[0] == taken[1] == taken[2]
    assert "SELECT" in taken[0][0] and "SELECT" in taken[0][-1]
    world.close()


def test_spellings_of_one_user_id_share_one_count(world: World) -> None:
    """S-243: what names the unknown is the digest of the canonical user ID, so only that decides."""
    for _ in range(5):
        world.rejection(None, WRONG, unknown_key="digest-a")
    assert world.rejection(None, WRONG, unknown_key="digest-a").reason is Rejection.SLOWED
    assert world.rejection(None, WRONG, unknown_key="digest-b").reason is Rejection.WRONG


def test_an_unknown_key_cannot_reach_a_citizens_count(world: World) -> None:
    factor = world.give_password()
    for key in (factor.factor_id, f"citizen:{ASTRID}", f"password:citizen:{ASTRID}"):
        for _ in range(6):
            world.rejection(None, WRONG, unknown_key=key)
    world.verify(ASTRID, RIGHT)


def test_failures_elsewhere_do_not_count_here(world: World) -> None:
    world.give_password(ASTRID)
    world.give_password(BO)
    world.fail(ASTRID, WRONG, 10)
    world.verify(BO, RIGHT)


def test_a_code_is_accepted_once_among_fifty_at_once_on_two_nodes(
    world: World, sql_url: str, clock: FrozenClock
) -> None:
    """S-251"""
    device = world.give_totp()
    nodes = [world, World(sql_url, clock)]
    answer = device.answer()
    outcomes = all_at_once(50, lambda n: nodes[n % 2].verify(ASTRID, answer))
    assert reasons(outcomes).count("verified") == 1
    nodes[1].close()


@pytest.mark.parametrize("later", [0, 1, 29, 30, 45, 59])
def test_a_code_is_never_accepted_again_while_its_step_is_near(world: World, later: int) -> None:
    """S-252"""
    device = world.give_totp()
    answer = device.answer()
    world.clock.forward(seconds=30)
    world.verify(ASTRID, answer)  # at the next step, within the drift
    world.clock.forward(seconds=later)
    assert world.rejection(ASTRID, answer).reason in (Rejection.REPLAYED, Rejection.WRONG)


def test_an_earlier_step_is_refused_after_a_later_one(world: World) -> None:
    """S-252, S-264"""
    device = world.give_totp()
    earlier = device.answer()
    world.clock.forward(seconds=30)
    world.verify(ASTRID, device.answer())
    assert world.rejection(ASTRID, earlier).reason is Rejection.REPLAYED


@pytest.mark.parametrize("zero", [0xFF10, 0x1D7CE, 0x1D7D8, 0x1D7F6])
def test_a_used_code_in_other_digits_is_no_fresh_code(world: World, zero: int) -> None:
    """S-253"""
    device = world.give_totp()
    code = device.code()
    world.verify(ASTRID, TotpAnswer(code))
    disguised = "".join(chr(zero + int(digit)) for digit in code)
    assert world.rejection(ASTRID, TotpAnswer(disguised)).reason is Rejection.MALFORMED


def test_seeds_are_sealed_and_cannot_be_exchanged(world: World) -> None:
    """S-258"""
    mine, theirs = world.give_totp(ASTRID), world.give_totp(BO)
    rows = select(tables.totp.c.factor_id, tables.totp.c.sealed_seed)
    with world.database.writing.begin() as tx:
        sealed = {row.factor_id: row.sealed_seed for row in tx.execute(rows)}
        assert all(
            device.seed.base32.encode() not in sealed[device.factor.factor_id] for device in (mine, theirs)
        )
        swapped = update(tables.totp).where(tables.totp.c.factor_id == mine.factor.factor_id)
        tx.execute(swapped.values(sealed_seed=sealed[theirs.factor.factor_id]))
    for answer in (mine.answer(), theirs.answer()):
        with pytest.raises(UnsealFailed):
            world.verify(ASTRID, answer)


@pytest.mark.parametrize("typed", ["", "\0", "\ud800", "x" * 100_000, "' OR 1=1 --"])
def test_no_typed_password_is_more_than_wrong(world: World, typed: str) -> None:
    """S-229"""
    world.give_password()
    assert world.rejection(ASTRID, PasswordAnswer(typed)).reason is Rejection.WRONG
    assert world.rejection(None, PasswordAnswer(typed)).reason is Rejection.WRONG
