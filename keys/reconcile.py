"""After an old backup was restored: the keys brought up to what is known to have happened since (S-381).

The high-water mark tells the state of every key at its newest. A key that went further than the backup knows is moved
there; what was made since the backup is lost with its private part, and is replaced. Nothing signs before that.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from keys.birth import new_key
from keys.changes import Sight, commit
from keys.errors import MoveRefused
from keys.key import KeySet, Mark, SigningKey
from keys.sealed_keys import sealed_anew
from keys.services import KeysServices, Order
from keys.states import KeyState

_RANK = list(KeyState)


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What the backup lacked. `lost` are kids whose tokens nobody can verify any more."""

    restored_version: int
    version: int
    changed: tuple[SigningKey, ...]
    lost: tuple[str, ...]


def reconcile(services: KeysServices, order: Order, *, dry_run: bool = False) -> Reconciliation:
    """Bring the table up to the mark, and past it, so that the key rings sign again.

    Raises:
        MoveRefused: the table is not behind.
    """
    seen = services.keys.load_all()
    mark = services.high_water.read() if services.high_water is not None else None
    if mark is None or seen.version >= mark.version:
        raise MoveRefused("The keys are not behind anything we have seen.", "There is nothing to do.")
    now = services.store_time() or services.clock()
    changed = _caught_up(services, seen, mark, now)
    lost = tuple(sorted(kid for kid in mark.states if seen.find(kid) is None))
    if not dry_run:
        commit(services, Sight(seen, now), changed, order, event="key.reconciled", version=mark.version + 1)
    return Reconciliation(seen.version, mark.version + 1, tuple(changed), lost)


def _caught_up(services: KeysServices, seen: KeySet, mark: Mark, now: datetime) -> list[SigningKey]:
    """Endings first: there is never more than one active key of an algorithm."""
    after = {key.kid: _as_marked(services, key, mark.states.get(key.kid), now) for key in seen.keys}
    for algorithm in sorted({key.algorithm for key in seen.keys} & set(services.policy.algorithms)):
        for key in _heirs(services, [k for k in after.values() if k.algorithm == algorithm], algorithm, now):
            after[key.kid] = key
    changed = [key for key in after.values() if key != seen.find(key.kid)]
    return sorted(
        (_sealed(services, seen, key) for key in changed), key=lambda key: key.state is KeyState.ACTIVE
    )


def _as_marked(services: KeysServices, key: SigningKey, marked: KeyState | None, now: datetime) -> SigningKey:
    """The key in the state it is known to have reached. Its dates of the lost time are unknown: now stands there."""
    if marked is None or _RANK.index(marked) <= _RANK.index(key.state):
        return key
    ended = marked in (KeyState.DEACTIVATED, KeyState.DESTROYED)
    return replace(
        key,
        state=marked,
        version=key.version + 1,
        published_at=key.published_at or now,
        activated_at=key.activated_at or (now if marked is KeyState.ACTIVE or ended else None),
        deactivated_at=key.deactivated_at or (now if ended else None),
        destroyed_at=now if marked is KeyState.DESTROYED else key.destroyed_at,
        compromised_at=now if marked is KeyState.COMPROMISED else key.compromised_at,
        serve_until=key.serve_until or (now + services.policy.tail if ended else None),
    )


def _heirs(services: KeysServices, keys: list[SigningKey], algorithm: str, now: datetime) -> list[SigningKey]:
    """What the algorithm lacks: an active key, at once, and a successor."""
    found: list[SigningKey] = []
    published = [key for key in keys if key.state is KeyState.PUBLISHED]
    if not any(key.state is KeyState.ACTIVE for key in keys):
        if published:
            found.append(published.pop(0).moved(KeyState.ACTIVE, now))
        else:
            found.append(new_key(services, algorithm, KeyState.ACTIVE, now))
    if not published:
        found.append(new_key(services, algorithm, KeyState.PUBLISHED, now))
    return found


def _sealed(services: KeysServices, seen: KeySet, key: SigningKey) -> SigningKey:
    before = seen.find(key.kid)
    if before is None:
        return key
    return sealed_anew(services.sealer, before, replace(key, version=before.version + 1))
