"""How a key ends: destroyed in peace, or compromised (keys.md, rules 3, 4 and 8)."""

from dataclasses import dataclass
from datetime import datetime

from keys.birth import new_key
from keys.changes import Sight, commit, look
from keys.errors import HsmAway, MoveRefused
from keys.key import SigningKey
from keys.rotation import may_activate_at
from keys.sealed_keys import seal_key, sealed_anew
from keys.services import KeysServices, Order
from keys.states import KeyState


@dataclass(frozen=True, slots=True)
class Compromise:
    """What was done, and the window in which tokens of the key may be forged."""

    key: SigningKey
    signs_now: SigningKey | None
    """The key that took its place; None where it was not the active one."""
    exposed_from: datetime
    """Since the key existed, at the earliest."""
    caches_know_it_from: datetime | None
    """Until then, clients that hold an old JWKS may refuse what the new key signs; None where all know it."""


def destroy(services: KeysServices, kid: str, order: Order) -> SigningKey:
    """Out of the JWKS, for good; the public part stays in the history.

    Raises:
        MoveRefused: the key is active, its tokens may still be checked, or it is the only successor.
    """
    sight = look(services)
    key = sight.keys.load(kid)
    moved = key.moved(KeyState.DESTROYED, sight.now)
    if key.serve_until is not None and sight.now < key.serve_until:
        raise MoveRefused(
            f"Tokens of the key {key.kid} may be checked until {key.serve_until:%Y-%m-%d %H:%M:%S} UTC.",
            "Try again then, or leave it to `adgang keys schedule --run`.",
        )
    if _is_the_only_successor(services, sight, key):
        raise MoveRefused(
            f"{key.algorithm} has no other successor, and one must always stand ready.",
            f"Publish another first: `adgang keys generate --algorithm {key.algorithm}`, `adgang keys publish`.",
        )
    destroyed = sealed_anew(services.sealer, key, moved)
    commit(services, sight, [destroyed], order)
    return destroyed


def compromise(services: KeysServices, kid: str, order: Order) -> Compromise:
    """Now: the key out of the JWKS, its tokens refused; where it was active, a successor signs in the same step.

    It never waits: not for caches, not for evidence, not for a wrong clock; and it does not open the old envelope.

    Raises:
        MoveRefused: there is no reason given, or the key is compromised already.
    """
    if not order.reason.strip():
        raise MoveRefused("A compromise needs a reason.", "Say it with --reason.")
    sight = look(services, urgent=True)
    key = sight.keys.load(kid)
    gone = seal_key(services.sealer, key.moved(KeyState.COMPROMISED, sight.now), b"")
    replacing, signs_now, known_from = _replacement(services, sight, key)
    commit(services, sight, [gone, *replacing], order)
    return Compromise(gone, signs_now, key.created_at, known_from)


def _replacement(
    services: KeysServices, sight: Sight, key: SigningKey
) -> tuple[list[SigningKey], SigningKey | None, datetime | None]:
    """Keys that have to change with it, the one that signs now, and from when every cache knows that one."""
    if key.state not in (KeyState.ACTIVE, KeyState.PUBLISHED):
        return [], None, None
    others = [each for each in sight.keys.successors(key.algorithm) if each.kid != key.kid]
    if key.state is KeyState.PUBLISHED:
        return ([] if others else _spare(services, sight, key.algorithm, KeyState.PUBLISHED)), None, None
    new_successor = _spare(services, sight, key.algorithm, KeyState.PUBLISHED)
    if not others:
        made = _spare(services, sight, key.algorithm, KeyState.ACTIVE)
        return [*made, *new_successor], next(iter(made), None), sight.now + services.policy.lead
    heir = others[0]
    signs_now = sealed_anew(services.sealer, heir, heir.moved(KeyState.ACTIVE, sight.now))
    known_from = may_activate_at(heir, services.policy)
    late = known_from if known_from is not None and known_from > sight.now else None
    return [signs_now, *new_successor], signs_now, late


def _spare(services: KeysServices, sight: Sight, algorithm: str, state: KeyState) -> list[SigningKey]:
    """A new key; none where the HSM is away, for a compromise never waits, and the schedule makes it later."""
    try:
        return [new_key(services, algorithm, state, sight.now)]
    except HsmAway:
        return []


def _is_the_only_successor(services: KeysServices, sight: Sight, key: SigningKey) -> bool:
    if key.state is not KeyState.PUBLISHED or key.algorithm not in services.policy.algorithms:
        return False
    return len(sight.keys.successors(key.algorithm)) == 1
