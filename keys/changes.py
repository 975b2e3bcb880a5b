"""How every change of keys begins and is written.

It begins with one look at all keys, at a time that can be trusted, and is written by compare-and-set on what was
seen, with history and journal in the same transaction. All of a change is kept or none is, so a process that is
killed anywhere leaves the old state or the new (S-377, S-378). Does not decide anything.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple

from keys.errors import KeyDoesNotUnseal, KeysBehind, KeysUnavailable, MoveRefused
from keys.key import KeySet, Move, SigningKey
from keys.ports import Tx
from keys.sealed_keys import unseal_key
from keys.services import KeysServices, Order
from keys.states import HOLDS_PRIVATE_PART, KeyState

_CLOCKS_MAY_DIFFER = timedelta(seconds=60)  # keys.md, rule 11
_EVENTS = {
    KeyState.PRE_ACTIVATION: "key.generated",
    KeyState.PUBLISHED: "key.published",
    KeyState.ACTIVE: "key.activated",
    KeyState.DEACTIVATED: "key.deactivated",
    KeyState.DESTROYED: "key.destroyed",
    KeyState.COMPROMISED: "key.compromised",
}


class Sight(NamedTuple):
    """What was seen, and when: by the store's clock where it has one (S-380)."""

    keys: KeySet
    now: datetime


def look(services: KeysServices, *, urgent: bool = False) -> Sight:
    """All keys, before a change.

    Raises:
        MoveRefused: our clock cannot be trusted; an urgent change goes on with the store's.
        KeysBehind: an old backup was restored.
    """
    seen = services.keys.load_all()
    mark = services.high_water.read() if services.high_water is not None else None
    if mark is not None and seen.version < mark.version:
        raise KeysBehind(seen.version, mark.version)
    local, store = services.clock(), services.store_time()
    if not urgent:
        _check_clocks(local, store, seen)
    return Sight(seen, store or local)


def commit(
    services: KeysServices,
    sight: Sight,
    changed: Sequence[SigningKey],
    order: Order,
    *,
    event: str | None = None,
    version: int | None = None,
) -> None:
    """Write `changed`, each a new key or a later form of one that was seen, in this order.

    What a token holds is destroyed after the commit, so that a key that signs never lacks its private part; what a
    kill in between leaves there, `adgang sweep` finds.

    Raises:
        KeySetChanged: the keys are not as they were seen any more; nothing was done.
    """
    seen = sight.keys

    def write(tx: Tx) -> None:
        services.keys.advance(tx, seen.version, version)
        for key in changed:
            before = seen.find(key.kid)
            (services.keys.add if before is None else services.keys.replace)(tx, key)
            _tell(services, tx, before, key, order, sight.now, event)

    try:
        services.transact(write)
    except BaseException:
        services.backends.forget(_held(services, [key for key in changed if seen.find(key.kid) is None]))
        raise
    services.backends.forget(_held(services, _without_private_part(seen, changed)))
    raise_high_water(services)


def _without_private_part(seen: KeySet, changed: Sequence[SigningKey]) -> list[SigningKey]:
    """The earlier forms of those that had a private part and have none now."""
    gone = [seen.find(key.kid) for key in changed if key.state not in HOLDS_PRIVATE_PART]
    return [key for key in gone if key is not None and key.state in HOLDS_PRIVATE_PART]


def _held(services: KeysServices, keys: Sequence[SigningKey]) -> Iterator[bytes]:
    for key in keys:
        with suppress(KeyDoesNotUnseal):  # a compromise does not wait for an envelope that was altered
            yield unseal_key(services.sealer, key)


def raise_high_water(services: KeysServices) -> None:
    """After a change. Where this fails, or we are killed before it, the next key ring that looks does it."""
    if services.high_water is not None:
        with suppress(KeysUnavailable):
            services.high_water.raise_to(services.keys.load_all().mark())


def _check_clocks(local: datetime, store: datetime | None, seen: KeySet) -> None:
    """Against the store's clock, and against the newest time in the table, which must not lie ahead of us."""
    ahead = max((key.newest() - local for key in seen.keys), default=timedelta())
    differs = max(ahead, abs(local - store) if store is not None else timedelta())
    if differs > _CLOCKS_MAY_DIFFER:
        raise MoveRefused(
            f"This machine's clock differs from the store's by {round(differs.total_seconds())} s.",
            "Set the clock right (`timedatectl`), then try again.",
        )


def _tell(
    services: KeysServices,
    tx: Tx,
    before: SigningKey | None,
    after: SigningKey,
    order: Order,
    at: datetime,
    event: str | None,
) -> None:
    state = before.state if before is not None else None
    services.keys.record(
        tx, Move(after.kid, after.algorithm, state, after.state, at, order.actor, order.reason)
    )
    services.journal.append(
        tx,
        event=event or _EVENTS[after.state],
        actor=order.actor,
        at=at,
        facts={
            "kid": after.kid,
            "algorithm": after.algorithm,
            "before": state.value if state is not None else "",
            "after": after.state.value,
            "reason": order.reason,
        },
    )
