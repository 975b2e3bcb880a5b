"""The promises of `keys.ports.Keys`, on every database."""

import dataclasses
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.exc import DBAPIError

from keys.birth import generate, make_key, publish
from keys.changes import Sight, commit
from keys.errors import KeySetChanged, KeysUnavailable
from keys.key import KeySet, SigningKey
from keys.sealed_keys import sealed_anew
from keys.states import KeyState
from keys.tables import metadata, signing_keys
from tests.storage.keys_world import ORDER, World
from tests.support.clock import FrozenClock


@pytest.fixture
def world(sql_url: str, clock: FrozenClock) -> Iterator[World]:
    made = World(sql_url, clock)
    yield made
    made.close()


def test_an_empty_store_has_version_zero_and_no_keys(world: World) -> None:
    assert world.keys.version() == 0
    assert world.keys.load_all() == KeySet(0, ())


def test_a_key_is_read_as_it_was_written(world: World) -> None:
    made = make_key(world.sealer, "ES256", KeyState.ACTIVE, world.clock() + timedelta(microseconds=123_456))
    commit(world.services, Sight(KeySet(0, ()), world.clock()), [made], ORDER)
    (read,) = world.keys.load_all().keys
    assert read == made
    assert read.sealed == made.sealed


def test_the_version_rises_with_every_change(world: World) -> None:
    key = generate(world.services, "ES256", ORDER)
    first = world.keys.version()
    publish(world.services, key.kid, ORDER)
    assert (first, world.keys.version(), world.keys.load_all().version) == (1, 2, 2)


def test_a_change_seen_from_an_old_version_is_refused_and_leaves_nothing(world: World) -> None:
    """S-377."""
    old = world.keys.load_all()
    generate(world.services, "ES256", ORDER)
    late = make_key(world.sealer, "ES256", KeyState.PRE_ACTIVATION, world.clock())
    with pytest.raises(KeySetChanged):
        commit(world.services, Sight(old, world.clock()), [late], ORDER)
    assert world.keys.load_all().find(late.kid) is None
    assert world.keys.history(late.kid) == []


def test_a_row_is_replaced_only_at_the_version_it_was_read_at(world: World) -> None:
    key = generate(world.services, "ES256", ORDER)
    later = dataclasses.replace(key, version=7)
    with pytest.raises(KeySetChanged):
        world.database.transact(lambda tx: world.keys.replace(tx, later))


def test_a_kid_that_exists_is_refused(world: World) -> None:
    """S-386."""
    key = generate(world.services, "ES256", ORDER)
    with pytest.raises(KeySetChanged):
        world.database.transact(lambda tx: world.keys.add(tx, key))


def test_the_database_itself_refuses_a_second_active_key(world: World) -> None:
    """S-377: whatever a program does."""
    world.ensure()
    second = make_key(world.sealer, "ES256", KeyState.ACTIVE, world.clock())
    with pytest.raises(KeySetChanged):
        world.database.transact(lambda tx: world.keys.add(tx, second))
    successor = world.successor()
    with pytest.raises(DBAPIError):
        world.database.transact(
            lambda tx: tx.execute(
                update(signing_keys).where(signing_keys.c.kid == successor.kid).values(state="active")
            )
        )


def test_two_algorithms_have_an_active_key_each(world: World) -> None:
    world.ensure()
    assert world.active("ES256").kid != world.active("RS256").kid


def test_the_history_keeps_who_why_and_when(world: World) -> None:
    key = generate(world.services, "ES256", ORDER)
    world.clock.forward(timedelta(hours=1))
    publish(world.services, key.kid, ORDER)
    born, published = world.keys.history(key.kid)
    assert (born.before, born.after) == (None, KeyState.PRE_ACTIVATION)
    assert (published.before, published.after) == (KeyState.PRE_ACTIVATION, KeyState.PUBLISHED)
    assert (published.at, published.actor, published.reason) == (world.clock(), ORDER.actor, ORDER.reason)


def test_a_move_is_told_in_the_journal(world: World) -> None:
    key = generate(world.services, "ES256", ORDER)
    publish(world.services, key.kid, ORDER)
    assert [(e["event"], e["kid"], e["actor"]) for e in world.journal.entries] == [
        ("key.generated", key.kid, ORDER.actor),
        ("key.published", key.kid, ORDER.actor),
    ]


def test_a_move_whose_journal_fails_does_not_happen(world: World) -> None:
    """One transaction: no move without its ledger entry."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError("the ledger is full")

    world.journal.append = refuse  # type: ignore[method-assign, assignment]
    with pytest.raises(OSError, match="full"):
        generate(world.services, "ES256", ORDER)
    assert world.keys.load_all() == KeySet(0, ())


def test_first_keys_are_an_active_one_and_a_successor_for_each_algorithm(world: World) -> None:
    made = world.ensure()
    assert [(k.algorithm, k.state) for k in made] == [
        ("ES256", KeyState.ACTIVE),
        ("ES256", KeyState.PUBLISHED),
        ("RS256", KeyState.ACTIVE),
        ("RS256", KeyState.PUBLISHED),
    ]
    assert world.ensure() == []


def test_an_algorithm_added_later_is_published_and_does_not_sign_at_once(world: World) -> None:
    """S-374: clients hold a JWKS without it."""
    world.ensure()
    world.policy = dataclasses.replace(world.policy, algorithms=("ES256", "RS256", "EdDSA"))
    (made,) = world.ensure()
    assert (made.algorithm, made.state) == ("EdDSA", KeyState.PUBLISHED)


def test_many_processes_at_first_start_make_one_set_of_keys(world: World) -> None:
    world.policy = dataclasses.replace(world.policy, algorithms=("ES256", "EdDSA"))
    start = threading.Barrier(8)
    made: list[list[SigningKey]] = []

    def begin() -> None:
        start.wait()
        made.append(world.ensure())

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(each) for each in made) == [0] * 7 + [4]
    assert len(world.keys.load_all().keys) == 4


def test_of_many_moves_from_one_look_one_wins(world: World) -> None:
    key = generate(world.services, "ES256", ORDER)
    seen = world.keys.load_all()
    published = sealed_anew(world.sealer, key, key.moved(KeyState.PUBLISHED, world.clock()))
    start, outcomes = threading.Barrier(8), []

    def move() -> None:
        start.wait()
        try:
            commit(world.services, Sight(seen, world.clock()), [published], ORDER)
            outcomes.append("won")
        except KeySetChanged:
            outcomes.append("refused")

    threads = [threading.Thread(target=move) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused"] * 7 + ["won"]
    assert len(world.keys.history(key.kid)) == 2


def test_a_store_that_does_not_answer_is_told_as_such(world: World) -> None:
    metadata.drop_all(world.database.writing)
    for read in (world.keys.version, world.keys.load_all, world.keys.history):
        with pytest.raises(KeysUnavailable):
            read()
