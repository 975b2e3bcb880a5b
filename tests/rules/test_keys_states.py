"""The moves of a key's life (keys.md; NIST SP 800-57 part 1 §7)."""

from datetime import UTC, datetime

import pytest

from keys.birth import make_key
from keys.errors import MoveRefused
from keys.key import SigningKey
from keys.sealing import Sealer
from keys.states import ALLOWED_MOVES, HOLDS_PRIVATE_PART, IN_JWKS, KeyState

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def a_key(state: KeyState) -> SigningKey:
    return SigningKey("kid", "ES256", state, {"kty": "EC"}, NOW)


def test_moves_only_go_forward() -> None:
    """No state is ever reached again."""

    def reachable(state: KeyState) -> set[KeyState]:
        return {after for step in ALLOWED_MOVES[state] for after in {step} | reachable(step)}

    assert all(state not in reachable(state) for state in KeyState)


def test_every_state_leads_to_compromised_and_compromised_leads_nowhere() -> None:
    assert ALLOWED_MOVES[KeyState.COMPROMISED] == frozenset()
    assert all(KeyState.COMPROMISED in ALLOWED_MOVES[s] for s in KeyState if s is not KeyState.COMPROMISED)


@pytest.mark.parametrize(
    ("before", "after"),
    [(a, b) for a in KeyState for b in KeyState if b not in ALLOWED_MOVES[a]],
)
def test_a_move_that_is_not_drawn_is_refused(before: KeyState, after: KeyState) -> None:
    with pytest.raises(MoveRefused, match=f"is {before} and cannot become {after}"):
        a_key(before).moved(after, NOW)


def test_the_active_key_cannot_be_destroyed() -> None:
    with pytest.raises(MoveRefused):
        a_key(KeyState.ACTIVE).moved(KeyState.DESTROYED, NOW)


def test_a_move_dates_the_key_and_raises_its_version() -> None:
    moved = a_key(KeyState.PUBLISHED).moved(KeyState.ACTIVE, NOW)
    assert (moved.state, moved.activated_at, moved.version) == (KeyState.ACTIVE, NOW, 2)


def test_a_compromised_key_keeps_no_private_part_and_is_not_served() -> None:
    assert KeyState.COMPROMISED not in HOLDS_PRIVATE_PART | IN_JWKS


def test_no_repr_of_a_key_shows_its_envelope() -> None:
    key = make_key(Sealer(b"k" * 32, "signing keys"), "ES256", KeyState.ACTIVE, NOW)
    assert key.sealed
    assert "sealed" not in repr(key)
