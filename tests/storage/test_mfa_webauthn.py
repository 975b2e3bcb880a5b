"""Passkeys and security keys: added, used, removed; on each database."""

from collections.abc import Iterator

import pytest

from mfa.errors import EnrolmentFault, EnrolmentRefused, Rejection
from mfa.factors import Category, Factor, FactorKind, VerifiedFactor, categories_of
from mfa.webauthn import Ceremony
from tests.storage.mfa_world import ASTRID, BO, World, all_at_once
from tests.storage.software_key import BE, BS, UP, SoftwareKey
from tests.support.clock import FrozenClock


@pytest.fixture
def world(sql_url: str, clock: FrozenClock) -> Iterator[World]:
    world = World(sql_url, clock).create_tables()
    yield world
    world.close()


def test_a_passkey_alone_says_who_it_is_and_proves_two_kinds(world: World) -> None:
    key = world.give_key()
    verified = world.verify(None, world.touch(key, None, user_verification=True))
    assert (verified.factor_id, verified.citizen_id) == (key.factor_id, ASTRID)
    assert (verified.kind, verified.amr) == (FactorKind.WEBAUTHN, ("pop", "user", "mfa"))
    assert categories_of([verified]) == set(Category)
    assert world.events() == ["factor-added", "factor-verified"]


def test_a_key_that_does_not_verify_its_user_is_one_factor(world: World) -> None:
    """S-270"""
    key = world.give_key(verifies_user=False)
    verified = world.verify(ASTRID, world.touch(key))
    assert verified.amr == ("pop", "user")
    assert categories_of([verified]) == {Category.POSSESSION}
    assert key.factor is not None and not key.factor.proves_two


def test_a_synced_passkey_is_named_as_one_that_travels(world: World) -> None:
    verified = world.verify(None, world.touch(world.give_key(synced=True), None))
    assert verified.amr == ("swk", "user", "mfa")


def test_a_key_without_a_counter_works_every_time(world: World) -> None:
    """S-273"""
    key = world.give_key(counts=False)
    for _ in range(3):
        world.verify(ASTRID, world.touch(key))


def test_what_is_known_of_a_key_is_kept_up_to_date(world: World) -> None:
    """S-284"""
    key = world.give_key()
    key.synced = False
    world.verify(ASTRID, world.touch(key, counter=41))
    (stored,) = world.credentials.of_citizen(ASTRID)
    assert (stored.sign_count, stored.backup_eligible, stored.backed_up) == (41, False, False)
    travelling = world.give_key(BO, synced=True)
    world.verify(BO, world.touch(travelling, BO, flags=travelling.flags & ~BS))
    (stored,) = world.credentials.of_citizen(BO)
    assert (stored.backup_eligible, stored.backed_up) == (True, False)


def test_a_falling_counter_is_refused_recorded_and_told(world: World) -> None:
    """S-273"""
    key = world.give_key()
    world.verify(ASTRID, world.touch(key, counter=10))
    for counter in (10, 5, 0):
        assert world.rejection(ASTRID, world.touch(key, counter=counter)).reason is Rejection.SUSPECT
    (stored,) = world.credentials.of_citizen(ASTRID)
    assert (stored.sign_count, stored.suspected_at) == (10, world.clock())
    assert world.events().count("factor-suspected") == 3
    world.verify(ASTRID, world.touch(key, counter=11))


def test_of_parallel_counters_none_ever_falls(world: World) -> None:
    """S-274"""
    key = world.give_key()
    answers = [world.touch(key, counter=counter) for counter in (3, 1, 4, 2)]
    outcomes = all_at_once(4, lambda n: world.verify(ASTRID, answers[n]))
    assert any(isinstance(outcome, VerifiedFactor) for outcome in outcomes)
    (stored,) = world.credentials.of_citizen(ASTRID)
    assert stored.sign_count == 4 or isinstance(outcomes[2], Exception)
    assert stored.sign_count == max(
        (3, 1, 4, 2)[n] for n, outcome in enumerate(outcomes) if isinstance(outcome, VerifiedFactor)
    )


def test_one_assertion_is_accepted_once_by_a_counting_key(world: World) -> None:
    """S-266: beside the challenge, which the caller takes once."""
    answer = world.touch(world.give_key())
    outcomes = all_at_once(12, lambda _: world.verify(ASTRID, answer))
    assert sum(isinstance(outcome, VerifiedFactor) for outcome in outcomes) == 1


def test_a_citizens_handle_is_64_random_bytes_and_stays(world: World) -> None:
    """S-279"""
    first, second, theirs = world.give_key(), world.give_key(), world.give_key(BO)
    assert first.user_handle == second.user_handle != theirs.user_handle
    assert len(first.user_handle) == 64


def test_one_key_is_registered_once_whoever_asks(world: World) -> None:
    key = world.give_key(ASTRID)
    for citizen_id in (ASTRID, BO):
        ceremony = Ceremony(b"c" * 32, user_verification_required=False)
        options = world.keys.begin(citizen_id, ceremony, user_id="x", display_name="X")
        with pytest.raises(EnrolmentRefused) as refused:
            world.keys.finish(citizen_id, key.create(options), ceremony, name="To", now=world.clock())
        assert refused.value.fault is EnrolmentFault.ALREADY
    assert [factor.factor_id for factor in world.factors.of_citizen(ASTRID)] == [key.factor_id]
    assert world.factors.of_citizen(BO) == []


def test_a_key_registered_by_two_at_once_belongs_to_one(world: World) -> None:
    key = SoftwareKey()
    ceremony = Ceremony(b"c" * 32, user_verification_required=False)
    texts = [
        key.create(world.keys.begin(who, ceremony, user_id="x", display_name="X")) for who in (ASTRID, BO)
    ]
    outcomes = all_at_once(
        2, lambda n: world.keys.finish((ASTRID, BO)[n], texts[n], ceremony, name="En", now=world.clock())
    )
    assert sum(isinstance(outcome, Factor) for outcome in outcomes) == 1, outcomes
    assert len(world.factors.of_citizen(ASTRID)) + len(world.factors.of_citizen(BO)) == 1


def test_a_browser_is_told_which_keys_exist_and_what_is_wanted(world: World) -> None:
    key = world.give_key()
    ceremony = Ceremony(b"c" * 32, user_verification_required=True)
    creating = world.keys.begin(ASTRID, ceremony, user_id="astrid.holm", display_name="Astrid Holm")
    assert [each["alg"] for each in creating["pubKeyCredParams"]] == [-7, -8, -257]
    assert creating["authenticatorSelection"]["userVerification"] == "required"
    assert creating["attestation"] == "none" and len(creating["excludeCredentials"]) == 1
    getting = world.keys.options(ASTRID, ceremony)
    assert getting["allowCredentials"] == creating["excludeCredentials"]
    assert world.keys.options(None, ceremony)["allowCredentials"] == []
    assert key.credential_id in world.keys.credential_ids(ASTRID)


def test_a_removed_key_proves_nothing(world: World) -> None:
    """S-286"""
    lost, kept = world.give_key(name="Tabt"), world.give_key(name="Ny")
    late = world.touch(lost, None)
    world.enrolment.remove(ASTRID, lost.factor_id, now=world.clock())
    assert world.rejection(None, late).reason is Rejection.WRONG
    assert world.rejection(ASTRID, world.touch(lost)).reason is Rejection.WRONG
    world.verify(None, world.touch(kept, None))


def test_a_user_verifying_passkey_is_a_way_in_by_itself(world: World) -> None:
    """S-315"""
    passkey, plain = world.give_key(), world.give_key(verifies_user=False)
    with pytest.raises(EnrolmentRefused) as refused:
        world.enrolment.remove(ASTRID, passkey.factor_id, now=world.clock())
    assert refused.value.fault is EnrolmentFault.LAST
    world.enrolment.remove(ASTRID, plain.factor_id, now=world.clock())


def test_the_eligibility_of_a_key_never_changes(world: World) -> None:
    """S-284"""
    key = world.give_key()
    assert world.rejection(ASTRID, world.touch(key, flags=UP | BE)).reason is Rejection.WRONG
