"""Does what is due (keys.md, rules 2, 3 and 9). Safe to run in every process at once: one acts, the others see it done.

Does not run by itself: idp calls `run_due` from its serving processes, the command line on demand.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from keys.birth import new_key, publish
from keys.changes import Sight, commit, look
from keys.endings import destroy
from keys.errors import KeySetChanged, MoveRefused
from keys.evidence import overdue
from keys.rotation import Act, PlannedMove, plan
from keys.services import KeysServices, Order
from keys.states import KeyState
from keys.succession import activate, evidence_for, rotate

ANOTHER_WAS_FIRST = "another process was first"

SCHEDULE = Order("system", "due by the schedule")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one move that was due. `waits_for` names the clients that hold a rotation back: an alarm."""

    move: PlannedMove
    done: bool
    why_not: str = ""
    waits_for: tuple[str, ...] = ()
    left_behind: tuple[str, ...] = ()
    """Clients that were overdue when their time had run out, and the rotation went on."""


class _Laggards(NamedTuple):
    wait: tuple[str, ...]
    leave: tuple[str, ...]


def run_due(services: KeysServices, order: Order = SCHEDULE) -> list[Outcome]:
    """Do all that is due. A move that is refused does not stop the others.

    Raises:
        KeysBehind, KeysUnavailable: nothing can be done at all.
        MoveRefused: our clock cannot be trusted.
    """
    sight = look(services)
    return [_run(services, move, order) for move in plan(sight.keys, services.policy, sight.now)]


def _run(services: KeysServices, move: PlannedMove, order: Order) -> Outcome:
    try:
        if move.act is Act.ROTATE:
            return _rotate(services, move, order)
        _DO[move.act](services, move, order)
    except KeySetChanged:
        return Outcome(move, done=False, why_not=ANOTHER_WAS_FIRST)
    except MoveRefused as refusal:
        return Outcome(move, done=False, why_not=str(refusal))
    return Outcome(move, done=True)


def _rotate(services: KeysServices, move: PlannedMove, order: Order) -> Outcome:
    sight = look(services)
    if not _still_due(services, sight, move):
        raise KeySetChanged
    laggards = _laggards(services, sight, move, sight.now)
    if laggards.wait:
        return Outcome(move, done=False, why_not="clients are overdue", waits_for=laggards.wait)
    rotate(services, move.algorithm, order, accept_laggards=laggards.leave, seen=sight)
    return Outcome(move, done=True, left_behind=laggards.leave)


def _laggards(services: KeysServices, sight: Sight, move: PlannedMove, now: datetime) -> _Laggards:
    behind = tuple(overdue(evidence_for(services, sight, move.algorithm)))
    if now < move.due_at + services.policy.laggards_hold:
        return _Laggards(behind, ())
    return _Laggards((), behind)


def _still_due(services: KeysServices, sight: Sight, move: PlannedMove) -> bool:
    return move in plan(sight.keys, services.policy, sight.now)


def _generate(services: KeysServices, move: PlannedMove, order: Order) -> None:
    sight = look(services)
    due = plan(sight.keys, services.policy, sight.now)
    if not any(each.act is Act.GENERATE and each.algorithm == move.algorithm for each in due):
        raise KeySetChanged
    commit(services, sight, [new_key(services, move.algorithm, KeyState.PUBLISHED, sight.now)], order)


_DO: dict[Act, Callable[[KeysServices, PlannedMove, Order], object]] = {
    Act.GENERATE: _generate,
    Act.PUBLISH: lambda services, move, order: publish(services, move.kid or "", order),
    Act.ACTIVATE: lambda services, move, order: activate(services, move.kid or "", order),
    Act.DESTROY: lambda services, move, order: destroy(services, move.kid or "", order),
}
