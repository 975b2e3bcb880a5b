"""Which moves are due, and which come next: pure (keys.md, rules 1, 3 and 4).

Does not know who has fetched the JWKS (evidence.py may hold a rotation back), and does not move anything.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from keys.key import KeySet, SigningKey
from keys.policy import KeyPolicy
from keys.states import KeyState


class Act(StrEnum):
    GENERATE = "generate"
    """Make a key and publish it at once, as the successor."""
    PUBLISH = "publish"
    ACTIVATE = "activate"
    ROTATE = "rotate"
    """The successor becomes active, the active key is deactivated, a new successor is published: one step."""
    DESTROY = "destroy"


@dataclass(frozen=True, slots=True)
class PlannedMove:
    """`kid` is the key that is published, activated, put in the place of the active one, or destroyed."""

    act: Act
    algorithm: str
    due_at: datetime
    kid: str | None = None


def plan(keys: KeySet, policy: KeyPolicy, now: datetime) -> list[PlannedMove]:
    """What is due now, in the order in which it should be done."""
    return [move for move in upcoming(keys, policy, now) if move.due_at <= now]


def upcoming(keys: KeySet, policy: KeyPolicy, now: datetime) -> list[PlannedMove]:
    """The next move of everything, the soonest first."""
    moves = [move for algorithm in policy.algorithms for move in _succession(keys, policy, algorithm, now)]
    moves += [
        PlannedMove(Act.DESTROY, key.algorithm, key.serve_until or now, key.kid)
        for key in keys.keys
        if key.state is KeyState.DEACTIVATED
    ]
    return sorted(moves, key=lambda move: move.due_at)


def may_activate_at(key: SigningKey, policy: KeyPolicy) -> datetime | None:
    """From when a published key may sign; None where it is not published."""
    if key.state is not KeyState.PUBLISHED or key.published_at is None:
        return None
    return key.published_at + policy.lead


def _succession(keys: KeySet, policy: KeyPolicy, algorithm: str, now: datetime) -> Iterator[PlannedMove]:
    active, successors = keys.active(algorithm), keys.successors(algorithm)
    if not successors:
        waiting = keys.in_state(algorithm, KeyState.PRE_ACTIVATION)
        if waiting:
            yield PlannedMove(Act.PUBLISH, algorithm, now, waiting[0].kid)
        else:
            yield PlannedMove(Act.GENERATE, algorithm, now)
        return
    ready_at = may_activate_at(successors[0], policy) or now
    if active is None:
        yield PlannedMove(Act.ACTIVATE, algorithm, ready_at, successors[0].kid)
        return
    due_at = (active.activated_at or active.created_at) + policy.rotate_after
    yield PlannedMove(Act.ROTATE, algorithm, max(due_at, ready_at), successors[0].kid)
