"""How one key takes the place of another (keys.md, rules 1, 2 and 4).

Does not decide when it is time: an operator does, or schedule.py.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from keys.birth import new_key
from keys.changes import Sight, commit, look
from keys.errors import MoveRefused
from keys.evidence import Evidence, check_nobody_is_left, weigh
from keys.key import SigningKey
from keys.rotation import may_activate_at
from keys.sealed_keys import sealed_anew, unseal_key
from keys.services import KeysServices, Order
from keys.signing_backends import try_out
from keys.states import KeyState


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation does: three keys change in one step. `evidence` is what it was decided by."""

    old: SigningKey
    new: SigningKey
    successor: SigningKey
    evidence: tuple[Evidence, ...]


def activate(services: KeysServices, kid: str, order: Order) -> SigningKey:
    """The first active key of an algorithm that has none.

    Raises:
        MoveRefused: the algorithm has an active key, or caches may still lack this one.
    """
    sight = look(services)
    key = sight.keys.load(kid)
    if key.state is KeyState.PUBLISHED and sight.keys.active(key.algorithm) is not None:
        raise MoveRefused(
            f"{key.algorithm} has an active key already.",
            f"Put this one in its place with `adgang keys rotate --algorithm {key.algorithm}`.",
        )
    active = _activated(services, key, sight.now)
    commit(services, sight, [active], order)
    return active


def rotate(
    services: KeysServices,
    algorithm: str,
    order: Order,
    *,
    accept_laggards: Collection[str] = (),
    seen: Sight | None = None,
) -> Rotation:
    """The successor becomes active, the active key is deactivated, and a new successor is published.

    With `seen`, what an operator decided by, anything that changed since makes it a clear refusal (S-377).

    Raises:
        MoveRefused: there is no successor, caches may still lack it, or clients are overdue.
    """
    sight = look(services)
    if seen is not None:
        sight = Sight(seen.keys, sight.now)
    old = sight.keys.active(algorithm)
    if old is None:
        raise MoveRefused(f"{algorithm} has no active key.", "Activate one with `adgang keys activate KID`.")
    new = _activated(services, _successor(sight, algorithm), sight.now)
    evidence = evidence_for(services, sight, algorithm)
    check_nobody_is_left(evidence, accept_laggards)
    successor = new_key(services, algorithm, KeyState.PUBLISHED, sight.now)
    retired = _deactivated(services, old, sight.now)
    commit(services, sight, [retired, new, successor], order)
    return Rotation(retired, new, successor, tuple(evidence))


def evidence_for(services: KeysServices, sight: Sight, algorithm: str) -> list[Evidence]:
    """Where each client stands towards the successor."""
    fetches = services.fetches.latest() if services.fetches is not None else {}
    return weigh(services.clients(), fetches, _successor(sight, algorithm), services.policy)


def deactivate(services: KeysServices, kid: str, order: Order) -> SigningKey:
    """End an algorithm that is no longer offered: its active key signs no more, and gets no successor.

    Raises:
        MoveRefused: the algorithm is still offered, or nothing could sign any more.
    """
    sight = look(services)
    key = sight.keys.load(kid)
    if key.state is KeyState.ACTIVE and key.algorithm in services.policy.algorithms:
        raise MoveRefused(
            f"{key.algorithm} is offered to clients, and this is the key that signs it.",
            f"Replace it with `adgang keys rotate --algorithm {key.algorithm}`.",
        )
    others = [k for k in sight.keys.keys if k.state is KeyState.ACTIVE and k.kid != key.kid]
    if not others:
        raise MoveRefused("Nothing could sign any more.", "Offer another algorithm first.")
    retired = _deactivated(services, key, sight.now)
    commit(services, sight, [retired], order)
    return retired


def _successor(sight: Sight, algorithm: str) -> SigningKey:
    successors = sight.keys.successors(algorithm)
    if not successors:
        raise MoveRefused(
            f"No {algorithm} key is published as successor.",
            f"Make one with `adgang keys generate --algorithm {algorithm}`, then `adgang keys publish`.",
        )
    return successors[0]


def _activated(services: KeysServices, key: SigningKey, now: datetime) -> SigningKey:
    moved = key.moved(KeyState.ACTIVE, now)
    allowed_at = may_activate_at(key, services.policy)
    if allowed_at is not None and now < allowed_at:
        raise MoveRefused(
            f"Clients may hold a JWKS without the key {key.kid} until {allowed_at:%Y-%m-%d %H:%M:%S} UTC.",
            "Try again then; `adgang keys compromise` does not wait, where it must be now.",
        )
    _check_it_signs(services, key)
    return sealed_anew(services.sealer, key, moved)


def _check_it_signs(services: KeysServices, key: SigningKey) -> None:
    """Looked at before anything depends on it: a token may have lost its object.

    Raises:
        KeyDoesNotUnseal, HsmAway
    """
    try_out(key, services.backends.signer(key, unseal_key(services.sealer, key)))


def _deactivated(services: KeysServices, key: SigningKey, now: datetime) -> SigningKey:
    moved = key.moved(KeyState.DEACTIVATED, now, serve_until=now + services.policy.tail)
    return sealed_anew(services.sealer, key, moved)
