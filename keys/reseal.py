"""A new key-encryption key, brought in while everything runs (keys.md, rule 7).

1. Every process gets the new key among the `others` of its `Sealer`: it opens what the others will seal.
2. Every process gets the new key as the present one, and the old among the `others`.
3. `reseal` and `reseal_elsewhere` seal everything under the new key.
4. The old key is taken away.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from keys.changes import commit, look
from keys.key import SigningKey
from keys.ports import SealedElsewhere
from keys.sealed_keys import sealed_anew
from keys.services import KeysServices, Order

_BATCH = 500
"""Rows in one transaction: some 20 ms, so that nobody who writes at the same time waits longer."""


@dataclass
class Resealed:
    """What became of one kind of secret. `closed` names rows that do not open; they are left as they are."""

    name: str
    waiting: int
    done: int = 0
    closed: list[str] = field(default_factory=list)


def reseal(services: KeysServices, order: Order) -> list[SigningKey]:
    """Seal every signing key anew that is not sealed under the present key-encryption key; all of it or nothing.

    Raises:
        KeyDoesNotUnseal: a row was altered, or sealed under a key that we do not have.
    """
    sight = look(services)
    changed = [
        sealed_anew(services.sealer, key, replace(key, version=key.version + 1))
        for key in sight.keys.keys
        if not services.sealer.is_current(key.sealed)
    ]
    if changed:
        commit(services, sight, changed, order, event="key.resealed")
    return changed


def reseal_elsewhere(
    services: KeysServices,
    secrets: SealedElsewhere,
    order: Order,
    told: Callable[[Resealed], None] = lambda _: None,
    *,
    batch: int = _BATCH,
) -> Resealed:
    """Seal anew, batch by batch, what others keep under the same key-encryption key; `told` hears of each batch.

    Killed at any time, it has done what it has told, and the next run goes on from there.
    """
    found = Resealed(secrets.name, secrets.waiting())
    after, done, closed = secrets.reseal((), batch)
    while after is not None:
        found.done += done
        found.closed += closed
        told(found)
        after, done, closed = secrets.reseal(after, batch)
    if found.done:
        facts: dict[str, str | int | list[str]] = {
            "what": found.name,
            "count": found.done,
            "key_encryption_key": services.sealer.key_id,
            "reason": order.reason,
        }
        services.transact(
            lambda tx: services.journal.append(
                tx, event="secrets.resealed", actor=order.actor, at=services.clock(), facts=facts
            )
        )
    return found
