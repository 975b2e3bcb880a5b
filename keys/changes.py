"""How every change of keys is written: compare-and-set on the whole set, history and journal in one transaction.

All moves of one change are kept or none is, so a process that is killed anywhere leaves the old state or the new
(S-378). Does not decide anything.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from keys.key import KeySet, Move, SigningKey
from keys.ports import Tx
from keys.services import KeysServices, Order
from keys.states import KeyState

_EVENTS = {
    KeyState.PRE_ACTIVATION: "key.generated",
    KeyState.PUBLISHED: "key.published",
    KeyState.ACTIVE: "key.activated",
    KeyState.DEACTIVATED: "key.deactivated",
    KeyState.DESTROYED: "key.destroyed",
    KeyState.COMPROMISED: "key.compromised",
}


def commit(
    services: KeysServices,
    seen: KeySet,
    changed: Sequence[SigningKey],
    order: Order,
    at: datetime,
) -> None:
    """Write `changed`, each a new key or the later form of one in `seen`, in this order.

    Raises:
        KeySetChanged: the keys are not as `seen` any more; nothing was done.
    """
    services.transact(_writing(services, seen, changed, order, at))


def _writing(
    services: KeysServices, seen: KeySet, changed: Sequence[SigningKey], order: Order, at: datetime
) -> Callable[[Tx], None]:
    def write(tx: Tx) -> None:
        services.keys.advance(tx, seen.version)
        for key in changed:
            before = seen.find(key.kid)
            (services.keys.add if before is None else services.keys.replace)(tx, key)
            _tell(services, tx, before, key, order, at)

    return write


def _tell(
    services: KeysServices, tx: Tx, before: SigningKey | None, after: SigningKey, order: Order, at: datetime
) -> None:
    state = before.state if before is not None else None
    move = Move(after.kid, after.algorithm, state, after.state, at, order.actor, order.reason)
    services.keys.record(tx, move)
    services.journal.append(
        tx,
        event=_EVENTS[after.state],
        actor=order.actor,
        at=at,
        facts={
            "kid": move.kid,
            "algorithm": move.algorithm,
            "before": move.before.value if move.before else "",
            "after": move.after.value,
            "reason": move.reason,
        },
    )
