"""Which moves are due: pure (keys.md, rules 1, 3, 4)."""

from datetime import UTC, datetime, timedelta

from keys.key import KeySet, SigningKey
from keys.policy import KeyPolicy
from keys.rotation import Act, plan, upcoming
from keys.states import KeyState

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
POLICY = KeyPolicy(algorithms=("ES256",))


def key(kid: str, state: KeyState, **dates: datetime) -> SigningKey:
    return SigningKey(kid, "ES256", state, {}, START, **dates)  # type: ignore[arg-type]


def keys(*members: SigningKey) -> KeySet:
    return KeySet(1, members)


ACTIVE = key("active", KeyState.ACTIVE, published_at=START, activated_at=START)
NEXT = key("next", KeyState.PUBLISHED, published_at=START)


def test_nothing_is_due_while_all_is_well() -> None:
    assert plan(keys(ACTIVE, NEXT), POLICY, START + timedelta(days=89)) == []


def test_a_rotation_is_due_when_the_active_key_is_old_enough() -> None:
    due = plan(keys(ACTIVE, NEXT), POLICY, START + POLICY.rotate_after)
    assert [(move.act, move.kid) for move in due] == [(Act.ROTATE, "next")]


def test_a_missing_successor_is_generated_at_once() -> None:
    assert [move.act for move in plan(keys(ACTIVE), POLICY, START)] == [Act.GENERATE]


def test_a_key_that_waits_unpublished_is_published_rather_than_another_made() -> None:
    due = plan(keys(ACTIVE, key("waiting", KeyState.PRE_ACTIVATION)), POLICY, START)
    assert [(move.act, move.kid) for move in due] == [(Act.PUBLISH, "waiting")]


def test_a_successor_published_too_lately_waits_for_every_cache() -> None:
    """Rule 1: max-age, plus the slowest client's cache, plus skew, plus the bound within which processes follow."""
    late = key("late", KeyState.PUBLISHED, published_at=START + POLICY.rotate_after)
    (move,) = upcoming(keys(ACTIVE, late), POLICY, START)
    assert move.due_at == START + POLICY.rotate_after + timedelta(seconds=300 + 86_400 + 60 + 5)


def test_of_two_successors_the_one_published_first_is_next() -> None:
    second = key("second", KeyState.PUBLISHED, published_at=START + timedelta(days=1))
    (move,) = upcoming(keys(ACTIVE, second, NEXT), POLICY, START)
    assert move.kid == "next"


def test_without_an_active_key_the_successor_is_activated_once_it_may() -> None:
    assert plan(keys(NEXT), POLICY, START + POLICY.lead - timedelta(seconds=1)) == []
    assert [move.act for move in plan(keys(NEXT), POLICY, START + POLICY.lead)] == [Act.ACTIVATE]


def test_a_deactivated_key_is_destroyed_when_its_last_token_has_expired() -> None:
    """S-375."""
    until = START + timedelta(hours=2)
    old = key("old", KeyState.DEACTIVATED, deactivated_at=START, serve_until=until)
    assert plan(keys(ACTIVE, NEXT, old), POLICY, until - timedelta(seconds=1)) == []
    due = plan(keys(ACTIVE, NEXT, old), POLICY, until)
    assert [(move.act, move.kid) for move in due] == [(Act.DESTROY, "old")]


def test_an_algorithm_that_the_policy_no_longer_names_gets_no_successor() -> None:
    assert plan(keys(ACTIVE), KeyPolicy(algorithms=()), START) == []
