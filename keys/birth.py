"""How a key begins: made, and published for its clients to fetch (keys.md, rule 1).

Does not activate, but for the very first keys of a deployment, which nobody can have missed.
"""

from datetime import datetime
from typing import Any

from keys.algorithms import SIGNING_ALGORITHMS, public_jwk
from keys.changes import Sight, commit, look
from keys.errors import KeySetChanged, MoveRefused
from keys.key import SigningKey
from keys.rotation import Act, plan
from keys.sealed_keys import seal_new, sealed_anew
from keys.sealing import Sealer
from keys.services import KeysServices, Order
from keys.states import KeyState

_ATTEMPTS = 3


def make_key(sealer: Sealer, algorithm: str, state: KeyState, at: datetime) -> SigningKey:
    """A new key, born into `state`."""
    if algorithm not in SIGNING_ALGORITHMS:
        raise MoveRefused(
            f"We do not sign with {algorithm}.", f"Choose from {', '.join(SIGNING_ALGORITHMS)}."
        )
    private, jwk = _new_pair(algorithm)
    key = SigningKey(
        kid=jwk["kid"],
        algorithm=algorithm,
        state=state,
        public_jwk=jwk,
        created_at=at,
        published_at=None if state is KeyState.PRE_ACTIVATION else at,
        activated_at=at if state is KeyState.ACTIVE else None,
    )
    return seal_new(sealer, key, private)


def _new_pair(algorithm: str) -> tuple[Any, dict[str, str]]:
    while True:
        private = SIGNING_ALGORITHMS[algorithm].generate()
        jwk = public_jwk(algorithm, private)
        if jwk["kid"][0].isalnum():  # a kid that begins with a dash would be an option on a command line
            return private, jwk


def generate(services: KeysServices, algorithm: str, order: Order) -> SigningKey:
    """A key that nobody sees yet."""
    sight = look(services)
    key = make_key(services.sealer, algorithm, KeyState.PRE_ACTIVATION, sight.now)
    commit(services, sight, [key], order)
    return key


def publish(services: KeysServices, kid: str, order: Order) -> SigningKey:
    """The key into the JWKS."""
    sight = look(services)
    key = sight.keys.load(kid)
    published = sealed_anew(services.sealer, key, key.moved(KeyState.PUBLISHED, sight.now))
    commit(services, sight, [published], order)
    return published


def ensure_keys(services: KeysServices, order: Order) -> list[SigningKey]:
    """Make what the policy's algorithms lack; safe to call at every start, from several processes at once.

    In an empty set each algorithm gets an active key and a published successor. Later, an algorithm that is added
    gets a published key, which waits for its clients' caches like any other. Returns the keys that were made.
    """
    for _ in range(_ATTEMPTS):
        sight = look(services)
        made = _missing(services, sight) if sight.keys.keys else _first_keys(services, sight.now)
        try:
            if made:
                commit(services, sight, made, order)
        except KeySetChanged:
            continue
        return made
    raise KeySetChanged


def _first_keys(services: KeysServices, now: datetime) -> list[SigningKey]:
    return [
        make_key(services.sealer, algorithm, state, now)
        for algorithm in services.policy.algorithms
        for state in (KeyState.ACTIVE, KeyState.PUBLISHED)
    ]


def _missing(services: KeysServices, sight: Sight) -> list[SigningKey]:
    return [
        make_key(services.sealer, move.algorithm, KeyState.PUBLISHED, sight.now)
        for move in plan(sight.keys, services.policy, sight.now)
        if move.act is Act.GENERATE
    ]
