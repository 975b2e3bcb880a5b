"""Adding, naming and removing factors; on each database."""

from collections.abc import Iterator
from datetime import timedelta
from threading import Thread

import pyotp
import pytest

from mfa.enrolment import MOST_TOTP_DEVICES, PENDING_LIFETIME
from mfa.errors import (
    EnrolmentFault,
    EnrolmentRefused,
    FactorRejected,
    PasswordFault,
    PasswordRefused,
    Rejection,
)
from mfa.factors import Factor, FactorKind
from mfa.verification import PasswordAnswer
from tests.storage.mfa_world import ASTRID, BO, RIGHT, WRONG, World, all_at_once
from tests.support.clock import FrozenClock


@pytest.fixture
def world(sql_url: str, clock: FrozenClock) -> Iterator[World]:
    world = World(sql_url, clock).create_tables()
    yield world
    world.close()


def confirm(world: World, seed: str, *, citizen_id: str = ASTRID, binding: str = "session") -> Factor:
    code = pyotp.TOTP(seed).at(world.clock())
    return world.enrolment.confirm_totp(citizen_id, binding, code, name="Telefon", now=world.clock())


def offered(world: World, *, citizen_id: str = ASTRID, binding: str = "session") -> str:
    return world.enrolment.begin_totp(citizen_id, binding, now=world.clock()).seed.base32


def fault_of(refused: pytest.ExceptionInfo[EnrolmentRefused]) -> EnrolmentFault:
    return refused.value.fault


def test_a_new_password_takes_the_place_of_the_old_and_of_its_failures(world: World) -> None:
    world.give_password()
    world.fail(ASTRID, WRONG, 10)
    new = world.give_password(password="en-ny-og-bedre")
    assert world.factors.of_citizen(ASTRID) == [new]
    assert world.rejection(ASTRID, RIGHT).reason is Rejection.WRONG
    assert world.verify(ASTRID, PasswordAnswer("en-ny-og-bedre")).factor_id == new.factor_id


def test_a_disabled_password_is_set_anew(world: World) -> None:
    """S-239"""
    world.give_password()
    world.fail(ASTRID, WRONG, 100, known=True)
    assert world.rejection(ASTRID, RIGHT, known=True).reason is Rejection.DISABLED
    world.give_password(password="en-ny-og-bedre")
    world.verify(ASTRID, PasswordAnswer("en-ny-og-bedre"))


def test_a_refused_password_changes_nothing(world: World) -> None:
    world.give_password()
    hashed = world.passwords.hashes_computed
    with pytest.raises(PasswordRefused) as refused:
        world.enrolment.set_password(ASTRID, "astrid.holm", personal=["astrid.holm"], now=world.clock())
    assert refused.value.fault is PasswordFault.PERSONAL
    assert world.passwords.hashes_computed == hashed
    world.verify(ASTRID, RIGHT)


def test_of_passwords_set_at_once_one_is_left(world: World) -> None:
    outcomes = all_at_once(8, lambda n: world.give_password(password=f"mit-nye-nummer-{n}"))
    assert all(isinstance(outcome, Factor) for outcome in outcomes), outcomes
    (left,) = world.factors.of_citizen(ASTRID)
    winners = [n for n, outcome in enumerate(outcomes) if outcome == left]
    assert len(winners) == 1
    world.verify(ASTRID, PasswordAnswer(f"mit-nye-nummer-{winners[0]}"))


def test_a_device_does_not_count_until_a_code_confirms_it(world: World) -> None:
    """S-259"""
    seed = offered(world)
    assert world.factors.of_citizen(ASTRID) == []
    factor = confirm(world, seed)
    assert world.factors.of_citizen(ASTRID) == [factor]
    assert (factor.kind, factor.name, factor.citizen_id) == (FactorKind.TOTP, "Telefon", ASTRID)


def test_the_code_that_confirmed_a_device_does_not_sign_in(world: World) -> None:
    device = world.give_totp()
    world.clock.forward(seconds=-60)
    assert world.rejection(ASTRID, device.answer()).reason is Rejection.REPLAYED


@pytest.mark.parametrize(("citizen_id", "binding"), [(ASTRID, "another session"), (BO, "session")])
def test_an_offer_belongs_to_who_was_offered_it(world: World, citizen_id: str, binding: str) -> None:
    """S-259"""
    seed = offered(world)
    with pytest.raises(EnrolmentRefused) as refused:
        confirm(world, seed, citizen_id=citizen_id, binding=binding)
    assert fault_of(refused) is EnrolmentFault.UNKNOWN
    other = offered(world, citizen_id=citizen_id, binding=binding)
    assert other != seed
    with pytest.raises(FactorRejected):
        confirm(world, seed, citizen_id=citizen_id, binding=binding)
    assert world.factors.of_citizen(citizen_id) == []


def test_an_offer_lasts_ten_minutes(world: World) -> None:
    """S-259"""
    seed = offered(world)
    world.clock.forward(PENDING_LIFETIME)
    with pytest.raises(EnrolmentRefused) as refused:
        confirm(world, seed)
    assert fault_of(refused) is EnrolmentFault.UNKNOWN
    assert offered(world) != seed


def test_a_reload_and_a_second_tab_are_offered_the_same_device(world: World) -> None:
    """S-259"""
    first = offered(world)
    world.clock.forward(seconds=599)
    assert offered(world) == first
    assert len({str(seed) for seed in all_at_once(6, lambda _: offered(world, binding="tabs"))}) == 1


def test_a_mistyped_code_leaves_the_offer_standing(world: World) -> None:
    seed = offered(world)
    near = {pyotp.TOTP(seed).at(world.clock(), counter_offset=offset) for offset in (-1, 0, 1)}
    wrong = next(code for code in ("000000", "000001", "000002", "000003") if code not in near)
    for typed, reason in ((wrong, Rejection.WRONG), ("123", Rejection.MALFORMED)):
        with pytest.raises(FactorRejected) as rejected:
            world.enrolment.confirm_totp(ASTRID, "session", typed, name="Telefon", now=world.clock())
        assert rejected.value.reason is reason
    confirm(world, seed)


def test_an_offer_is_taken_up_once(world: World) -> None:
    seed = offered(world)
    outcomes = all_at_once(8, lambda _: confirm(world, seed))
    assert sum(isinstance(outcome, Factor) for outcome in outcomes) == 1
    assert len(world.factors.of_citizen(ASTRID)) == 1


def test_a_citizen_has_at_most_three_devices(world: World) -> None:
    seed = offered(world, binding="early")
    for number in range(MOST_TOTP_DEVICES):
        world.give_totp(name=f"Telefon {number}")
    for attempt in (lambda: offered(world), lambda: confirm(world, seed, binding="early")):
        with pytest.raises(EnrolmentRefused) as refused:
            attempt()
        assert fault_of(refused) is EnrolmentFault.TOO_MANY


def test_a_factor_is_renamed_by_its_citizen_only(world: World) -> None:
    device = world.give_totp()
    world.enrolment.rename(ASTRID, device.factor.factor_id, "  Min nye  ", now=world.clock())
    assert [factor.name for factor in world.factors.of_citizen(ASTRID)] == ["Min nye"]
    with pytest.raises(EnrolmentRefused) as refused:
        world.enrolment.rename(BO, device.factor.factor_id, "Bos", now=world.clock())
    assert fault_of(refused) is EnrolmentFault.UNKNOWN
    assert world.events() == ["factor-added", "factor-renamed"]


@pytest.mark.parametrize("name", ["", "   ", "x" * 65, "to\nlinjer", "skjult\u202e", "nul\0", "sur\ud800"])
def test_a_name_is_one_line_of_text(world: World, name: str) -> None:
    device = world.give_totp()
    with pytest.raises(EnrolmentRefused) as refused:
        world.enrolment.rename(ASTRID, device.factor.factor_id, name, now=world.clock())
    assert fault_of(refused) is EnrolmentFault.NAME


def test_a_removed_device_proves_nothing(world: World) -> None:
    world.give_password()
    lost, kept = world.give_totp(name="Tabt"), world.give_totp(name="Ny")
    world.enrolment.remove(ASTRID, lost.factor.factor_id, now=world.clock())
    assert world.rejection(ASTRID, lost.answer()).reason is Rejection.WRONG
    world.verify(ASTRID, kept.answer())


def test_the_last_way_in_is_not_removed(world: World) -> None:
    """S-315"""
    password, device = world.give_password(), world.give_totp()
    for factor in (password, device.factor):
        with pytest.raises(EnrolmentRefused) as refused:
            world.enrolment.remove(ASTRID, factor.factor_id, now=world.clock())
        assert fault_of(refused) is EnrolmentFault.LAST
    assert len(world.factors.of_citizen(ASTRID)) == 2


def test_a_disabled_factor_is_no_way_in(world: World) -> None:
    """S-315"""
    world.give_password()
    dead, live = world.give_totp(name="Død"), world.give_totp(name="Levende")
    world.database.transact(lambda tx: world.factors.disable(tx, dead.factor.factor_id, world.clock()))
    with pytest.raises(EnrolmentRefused):
        world.enrolment.remove(ASTRID, live.factor.factor_id, now=world.clock())
    world.enrolment.remove(ASTRID, dead.factor.factor_id, now=world.clock())


def test_two_removals_at_once_leave_one_device(world: World) -> None:
    """S-315"""
    world.give_password()
    devices = [world.give_totp(name="En"), world.give_totp(name="To")]
    outcomes = all_at_once(
        2, lambda n: world.enrolment.remove(ASTRID, devices[n].factor.factor_id, now=world.clock())
    )
    assert sum(isinstance(outcome, EnrolmentRefused) for outcome in outcomes) == 1
    assert sorted(factor.kind for factor in world.factors.of_citizen(ASTRID)) == ["password", "totp"]


def test_a_removal_waits_for_the_one_before_it(world: World) -> None:
    """S-315: the second sees what the first left, even when it began before the first was kept."""
    world.give_password()
    first, second = world.give_totp(name="En"), world.give_totp(name="To")
    outcomes: list[object] = []

    def remove_second() -> None:
        outcomes.extend(
            all_at_once(
                1, lambda _: world.enrolment.remove(ASTRID, second.factor.factor_id, now=world.clock())
            )
        )

    other = Thread(target=remove_second)

    def remove_first(tx: object) -> None:
        world.factors.lock_of_citizen(tx, ASTRID)  # type: ignore[arg-type]
        world.factors.remove(tx, first.factor.factor_id)  # type: ignore[arg-type]
        if not other.ident:
            other.start()
            other.join(timeout=0.5)  # it would be done by then, if it did not wait

    world.database.transact(remove_first)
    other.join()
    assert [type(outcome) for outcome in outcomes] == [EnrolmentRefused]


def test_a_factor_that_was_removed_or_disabled_is_not_used(world: World) -> None:
    """S-301"""
    world.give_password()
    gone, dead = world.give_totp(name="Væk"), world.give_totp(name="Død")
    use, now = world.factors.use, world.clock()
    assert world.database.transact(lambda tx: use(tx, gone.factor.factor_id, now))
    world.enrolment.remove(ASTRID, gone.factor.factor_id, now=now)
    world.database.transact(lambda tx: world.factors.disable(tx, dead.factor.factor_id, now))
    for factor_id in (gone.factor.factor_id, dead.factor.factor_id):
        with world.database.writing.begin() as tx:
            assert not use(tx, factor_id, now)


def test_somebody_elses_factor_is_not_removed(world: World) -> None:
    world.give_password(BO)
    theirs = world.give_totp(BO)
    with pytest.raises(EnrolmentRefused) as refused:
        world.enrolment.remove(ASTRID, theirs.factor.factor_id, now=world.clock())
    assert fault_of(refused) is EnrolmentFault.UNKNOWN
    world.verify(BO, theirs.answer())


def test_forgotten_offers_are_swept(world: World) -> None:
    offered(world, binding="a")
    world.clock.forward(timedelta(minutes=5))
    offered(world, binding="b")
    world.clock.forward(timedelta(minutes=6))
    assert world.enrolment.sweep(world.clock()) == 1
    assert world.enrolment.sweep(world.clock()) == 0
