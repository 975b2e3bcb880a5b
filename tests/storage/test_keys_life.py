"""A key's life from birth to destruction, by the rules of keys.md, on every database."""

import dataclasses
import json
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from keys.birth import ensure_keys, generate, publish
from keys.endings import compromise, destroy
from keys.errors import KeyDoesNotUnseal, MoveRefused
from keys.evidence import JwksClient
from keys.key_ring import KeyRing
from keys.own_tokens import issue_token, verify_token
from keys.policy import KeyPolicy
from keys.reseal import reseal
from keys.schedule import run_due
from keys.sealing import Sealer
from keys.services import Order
from keys.signing_backends import SigningBackends
from keys.states import KeyState
from keys.succession import activate, deactivate, rotate
from tests.storage.keys_world import KEK, ORDER, World
from tests.support.clock import FrozenClock

SECOND = timedelta(seconds=1)
NORDHAVN = JwksClient("nordhavn", "Nordhavn Kommune", ("192.0.2.10",))


@pytest.fixture
def world(sql_url: str, clock: FrozenClock, backends: SigningBackends) -> Iterator[World]:
    made = World(sql_url, clock, KeyPolicy(algorithms=("ES256",)), backends=backends)
    made.ensure()
    yield made
    made.close()


def states(world: World) -> list[str]:
    return sorted(key.state.value for key in world.keys.load_all().keys)


# --- activation (rules 1, 2) -------------------------------------------------------------------------------------


def test_a_key_does_not_sign_before_every_cache_can_know_it(world: World) -> None:
    """S-374: refused, with the time at which it will be allowed."""
    allowed = world.clock() + world.policy.lead
    with pytest.raises(MoveRefused, match=f"until {allowed:%Y-%m-%d %H:%M:%S} UTC"):
        rotate(world.services, "ES256", ORDER)
    world.clock.forward(world.policy.lead - SECOND)
    with pytest.raises(MoveRefused):
        rotate(world.services, "ES256", ORDER)
    world.clock.forward(SECOND)
    rotate(world.services, "ES256", ORDER)


def test_a_rotation_puts_the_successor_in_place_and_a_new_one_behind_it(world: World) -> None:
    old, heir = world.active(), world.successor()
    world.past_lead()
    done = rotate(world.services, "ES256", ORDER)
    assert (world.active().kid, done.new.kid, done.old.kid) == (heir.kid, heir.kid, old.kid)
    assert world.successor().kid == done.successor.kid
    assert states(world) == ["active", "deactivated", "published"]


def test_a_second_rotation_waits_for_its_own_successor(world: World) -> None:
    world.past_lead()
    rotate(world.services, "ES256", ORDER)
    with pytest.raises(MoveRefused, match="may hold a JWKS without"):
        rotate(world.services, "ES256", ORDER)


def test_a_rotation_is_refused_while_a_client_is_overdue_unless_it_is_named(world: World) -> None:
    world.clients = (NORDHAVN,)
    world.past_lead()
    before = world.keys.load_all()
    with pytest.raises(MoveRefused, match="overdue: nordhavn"):
        rotate(world.services, "ES256", ORDER)
    assert world.keys.load_all() == before
    assert rotate(world.services, "ES256", ORDER, accept_laggards=["nordhavn"])


def test_a_client_that_has_fetched_holds_nothing_back(world: World) -> None:
    world.clients = (NORDHAVN,)
    world.past_lead()
    world.fetched("nordhavn")
    assert [e.standing.value for e in rotate(world.services, "ES256", ORDER).evidence] == ["seen"]


def test_a_later_fetch_counts_and_an_earlier_one_changes_nothing(world: World) -> None:
    later = world.clock.forward(timedelta(hours=1))
    world.fetched("nordhavn")
    world.clock.forward(timedelta(minutes=-10))
    world.fetched("nordhavn")
    assert world.fetches.latest() == {"nordhavn": later}


def test_only_a_published_key_is_activated(world: World) -> None:
    world.policy = KeyPolicy(algorithms=())
    unpublished = generate(world.services, "EdDSA", ORDER)
    with pytest.raises(MoveRefused, match="is pre-activation and cannot become active"):
        activate(world.services, unpublished.kid, ORDER)
    published = publish(world.services, unpublished.kid, ORDER)
    with pytest.raises(MoveRefused, match="without the key"):
        activate(world.services, published.kid, ORDER)
    world.past_lead()
    assert activate(world.services, published.kid, ORDER).state is KeyState.ACTIVE


def test_a_compromised_key_is_never_activated(world: World) -> None:
    heir = world.successor()
    compromise(world.services, heir.kid, ORDER)
    world.past_lead()
    with pytest.raises(MoveRefused, match="is compromised and cannot become active"):
        activate(world.services, heir.kid, ORDER)


def test_a_key_is_not_activated_beside_another(world: World) -> None:
    world.past_lead()
    with pytest.raises(MoveRefused, match="has an active key already"):
        activate(world.services, world.successor().kid, ORDER)


# --- endings (rules 3, 4, 8) -------------------------------------------------------------------------------------


def test_a_deactivated_key_is_served_until_its_last_token_has_expired(world: World) -> None:
    """S-375: a process that was cut off may have signed with it for a while."""
    ring, old = world.ring(), world.active()
    world.past_lead()
    rotate(world.services, "ES256", ORDER)
    until = world.key(old.kid).serve_until
    assert until == world.clock() + timedelta(seconds=300 + 3600 + 60)
    with pytest.raises(MoveRefused, match=f"until {until:%Y-%m-%d %H:%M:%S} UTC"):
        destroy(world.services, old.kid, ORDER)
    assert old.kid.encode() in ring.public_jwks().body
    world.clock.forward(world.policy.tail)
    destroy(world.services, old.kid, ORDER)
    world.clock.forward(SECOND)
    assert old.kid.encode() not in ring.public_jwks().body
    assert world.key(old.kid).public_jwk == old.public_jwk, "the public part stays for auditors"


def test_a_shorter_token_life_does_not_shorten_what_was_promised(world: World) -> None:
    old = world.active()
    world.past_lead()
    rotate(world.services, "ES256", ORDER)
    world.policy = dataclasses.replace(world.policy, longest_token=timedelta(0))
    with pytest.raises(MoveRefused):
        destroy(world.services, old.kid, ORDER)


def test_the_active_key_is_not_destroyed_and_the_jwks_is_never_empty(world: World) -> None:
    with pytest.raises(MoveRefused, match="is active and cannot become destroyed"):
        destroy(world.services, world.active().kid, ORDER)
    with pytest.raises(MoveRefused, match="no other successor"):
        destroy(world.services, world.successor().kid, ORDER)
    with pytest.raises(MoveRefused, match="is offered to clients"):
        deactivate(world.services, world.active().kid, ORDER)
    world.policy = KeyPolicy(algorithms=())
    with pytest.raises(MoveRefused, match="Nothing could sign"):
        deactivate(world.services, world.active().kid, ORDER)


def test_an_algorithm_no_longer_offered_can_be_ended(world: World) -> None:
    """S-387: RS256 to ES256."""
    world.policy = KeyPolicy(algorithms=("ES256", "EdDSA"))
    world.ensure()
    world.past_lead()
    activate(world.services, world.successor("EdDSA").kid, ORDER)
    world.policy = KeyPolicy(algorithms=("EdDSA",))
    ring, token = world.ring(), issue_token(world.ring(), "ES256", "JWT", {"sub": "x"})
    assert deactivate(world.services, world.active("ES256").kid, ORDER).state is KeyState.DEACTIVATED
    world.clock.forward(SECOND)
    assert ring.algorithms() == ("EdDSA",)
    assert verify_token(ring, token, typ="JWT", algorithms=("ES256",)) == {"sub": "x"}


def test_a_compromise_takes_effect_everywhere_and_a_successor_signs_in_the_same_step(world: World) -> None:
    """S-382."""
    rings = [world.ring() for _ in range(3)]
    bad, heir = world.active(), world.successor()
    world.past_lead()
    done = compromise(world.services, bad.kid, Order("operator:karen", "laptop stolen"))
    assert done.signs_now is not None and done.signs_now.kid == heir.kid
    assert (done.exposed_from, done.caches_know_it_from) == (bad.created_at, None)
    world.clock.forward(seconds=5)
    for ring in rings:
        assert ring.sign("ES256", b"x").kid == heir.kid
        served = [key["kid"] for key in json.loads(ring.public_jwks().body)["keys"]]
        assert bad.kid not in served and heir.kid in served and len(served) == 2
    assert states(world) == ["active", "compromised", "published"]


def test_a_compromise_tells_from_when_every_cache_knows_the_new_key(world: World) -> None:
    heir = world.successor()
    done = compromise(world.services, world.active().kid, ORDER)
    assert done.caches_know_it_from == (heir.published_at or world.clock()) + world.policy.lead


def test_a_compromise_without_any_successor_makes_one(world: World) -> None:
    world.policy = KeyPolicy(algorithms=())
    destroy(world.services, world.successor().kid, ORDER)
    done = compromise(world.services, world.active().kid, ORDER)
    assert done.signs_now is not None
    assert world.active().kid == done.signs_now.kid


def test_a_compromised_successor_is_replaced_and_the_active_key_goes_on(world: World) -> None:
    active, heir = world.active(), world.successor()
    done = compromise(world.services, heir.kid, ORDER)
    assert (done.signs_now, world.active().kid) == (None, active.kid)
    assert world.successor().kid != heir.kid


def test_any_key_can_be_compromised_even_a_destroyed_one_and_only_once(world: World) -> None:
    old = world.active()
    world.past_lead()
    rotate(world.services, "ES256", ORDER)
    world.clock.forward(world.policy.tail)
    destroy(world.services, old.kid, ORDER)
    assert compromise(world.services, old.kid, ORDER).signs_now is None
    with pytest.raises(MoveRefused, match="is compromised and cannot become compromised"):
        compromise(world.services, old.kid, ORDER)


def test_a_compromise_needs_a_reason(world: World) -> None:
    with pytest.raises(MoveRefused, match="reason"):
        compromise(world.services, world.active().kid, Order("operator:karen", "  "))


def test_a_compromise_does_not_need_the_old_envelope_to_open(world: World) -> None:
    from sqlalchemy import update

    from keys.tables import signing_keys

    bad = world.active()
    world.database.transact(
        lambda tx: tx.execute(update(signing_keys).where(signing_keys.c.kid == bad.kid).values(sealed=b"x"))
    )
    compromise(world.services, bad.kid, ORDER)
    assert world.ring().find_public(bad.kid) is None


# --- races and clocks (rules 5, 11) ------------------------------------------------------------------------------


def test_of_two_rotations_at_once_one_wins_and_one_is_clearly_refused_fifty_times(world: World) -> None:
    """S-377: two nodes; each time exactly one active key and one refusal."""
    nodes = [World(world.url, world.clock, world.policy, backends=world.backends) for _ in range(2)]
    for number in range(1, 51):
        world.past_lead()
        start, outcomes = threading.Barrier(2), []

        def operator(node: World, start: threading.Barrier = start, told: list[str] = outcomes) -> None:
            start.wait()
            try:
                rotate(node.services, "ES256", ORDER)
                told.append("done")
            except MoveRefused as refusal:
                told.append(str(refusal))

        threads = [threading.Thread(target=operator, args=(node,)) for node in nodes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        refusals = [told for told in outcomes if told != "done"]
        assert len(refusals) == 1
        # The slower one met the change itself, or looked only after it and found a successor too young.
        assert "by somebody else" in refusals[0] or "may hold a JWKS without" in refusals[0]
        assert states(world) == ["active", *["deactivated"] * number, "published"]
    for node in nodes:
        node.close()


@pytest.mark.parametrize("off", [timedelta(hours=1), timedelta(hours=-1), timedelta(seconds=61)])
def test_a_machine_whose_clock_differs_from_the_store_refuses_to_rotate(world: World, off: timedelta) -> None:
    """S-380."""
    world.past_lead()
    world.store_time = lambda: world.clock() + off
    before = world.keys.load_all()
    with pytest.raises(MoveRefused, match=f"clock differs from the store's by {abs(off).seconds} s"):
        rotate(world.services, "ES256", ORDER)
    assert world.keys.load_all() == before


def test_a_change_is_dated_by_the_store_s_clock(world: World) -> None:
    """S-380."""
    world.past_lead()
    world.store_time = lambda: world.clock() + timedelta(seconds=30)
    assert rotate(world.services, "ES256", ORDER).new.activated_at == world.clock() + timedelta(seconds=30)


def test_without_a_clock_in_the_store_the_newest_recorded_time_must_not_lie_ahead(world: World) -> None:
    """Rule 11, SQLite."""
    world.past_lead()
    rotate(world.services, "ES256", ORDER)
    world.clock.forward(timedelta(hours=-1))
    with pytest.raises(MoveRefused, match="by 3600 s"):
        generate(world.services, "ES256", ORDER)


def test_a_compromise_does_not_wait_for_a_right_clock(world: World) -> None:
    world.store_time = lambda: world.clock() + timedelta(hours=1)
    assert compromise(world.services, world.active().kid, ORDER).key.compromised_at == world.store_time()


def test_postgresql_tells_its_time_and_sqlite_has_none(world: World) -> None:
    told = world.keys.time()
    assert (told is None) == world.database.is_sqlite
    assert told is None or told.utcoffset() == timedelta(0)


# --- the schedule ------------------------------------------------------------------------------------------------


def test_the_schedule_rotates_when_it_is_due_and_destroys_when_the_tail_has_passed(world: World) -> None:
    assert run_due(world.services) == []
    world.clock.forward(world.policy.rotate_after)
    assert [(o.move.act.value, o.done) for o in run_due(world.services)] == [("rotate", True)]
    assert run_due(world.services) == []
    world.clock.forward(world.policy.tail)
    assert [(o.move.act.value, o.done) for o in run_due(world.services)] == [("destroy", True)]
    assert states(world) == ["active", "destroyed", "published"]
    assert world.journal.entries[-1]["actor"] == "system"


def test_the_schedule_waits_for_a_client_that_is_overdue_names_it_and_goes_on_after_seven_days(
    world: World,
) -> None:
    world.clients = (NORDHAVN,)
    world.clock.forward(world.policy.rotate_after)
    for _ in range(7):
        (held,) = run_due(world.services)
        assert (held.done, held.waits_for) == (False, ("nordhavn",))
        world.clock.forward(timedelta(days=1))
    (gone,) = run_due(world.services)
    assert (gone.done, gone.left_behind) == (True, ("nordhavn",))


def test_the_schedule_run_in_many_processes_acts_once(world: World) -> None:
    world.clock.forward(world.policy.rotate_after)
    start, outcomes = threading.Barrier(4), []

    def process() -> None:
        start.wait()
        outcomes.extend(run_due(world.services))

    threads = [threading.Thread(target=process) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(outcome.done for outcome in outcomes) == 1
    assert states(world) == ["active", "deactivated", "published"]


def test_the_schedule_makes_a_successor_that_is_missing(world: World) -> None:
    world.policy = KeyPolicy(algorithms=())
    destroy(world.services, world.successor().kid, ORDER)
    world.policy = KeyPolicy(algorithms=("ES256",))
    assert [(o.move.act.value, o.done) for o in run_due(world.services)] == [("generate", True)]


# --- the key-encryption key (rule 7) -----------------------------------------------------------------------------


def test_a_new_key_encryption_key_is_brought_in_while_processes_serve(world: World) -> None:
    new = b"n" * 32
    world.sealer = Sealer(new, "signing keys", others=(KEK,))
    serving = world.ring()
    assert len(reseal(world.services, ORDER)) == 2
    world.clock.forward(SECOND)
    assert serving.sign("ES256", b"x")
    assert serving.status().fault == ""
    world.sealer = Sealer(new, "signing keys")
    assert world.ring().sign("ES256", b"x"), "the old key can be taken away"
    assert reseal(world.services, ORDER) == []
    assert {entry["event"] for entry in world.journal.entries[-2:]} == {"key.resealed"}


def test_a_reseal_with_one_row_that_does_not_open_changes_nothing(world: World) -> None:
    before = world.keys.load_all()
    world.sealer = Sealer(b"n" * 32, "signing keys")
    with pytest.raises(KeyDoesNotUnseal):
        reseal(world.services, ORDER)
    assert [key.sealed for key in world.keys.load_all().keys] == [key.sealed for key in before.keys]


def test_a_process_with_the_old_key_only_keeps_what_it_knows_and_says_so(world: World) -> None:
    late = KeyRing(world.keys, Sealer(KEK, "signing keys"), world.clock, backends=world.backends)
    late.load()
    jwks = late.public_jwks()
    world.sealer = Sealer(b"n" * 32, "signing keys", others=(KEK,))
    reseal(world.services, ORDER)
    world.clock.forward(SECOND)
    assert late.public_jwks() == jwks
    assert "another key-encryption key" in late.status().fault


def test_ensure_is_safe_at_every_start(world: World) -> None:
    before = world.keys.load_all()
    assert ensure_keys(world.services, ORDER) == []
    assert world.keys.load_all() == before
