"""How a key begins: made, and published for its clients to fetch (keys.md, rule 1).

Does not activate, but for the very first keys of a deployment, which nobody can have missed.
"""

from datetime import datetime

from keys.algorithms import SIGNING_ALGORITHMS, public_jwk
from keys.changes import commit
from keys.errors import KeySetChanged, MoveRefused
from keys.key import KeySet, SigningKey
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
    private = SIGNING_ALGORITHMS[algorithm].generate()
    jwk = public_jwk(algorithm, private)
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


def generate(services: KeysServices, algorithm: str, order: Order) -> SigningKey:
    """A key that nobody sees yet."""
    now = services.clock()
    seen = services.keys.load_all()
    key = make_key(services.sealer, algorithm, KeyState.PRE_ACTIVATION, now)
    commit(services, seen, [key], order, now)
    return key


def publish(services: KeysServices, kid: str, order: Order) -> SigningKey:
    """The key into the JWKS."""
    now = services.clock()
    seen = services.keys.load_all()
    key = load(seen, kid)
    published = sealed_anew(services.sealer, key, key.moved(KeyState.PUBLISHED, now))
    commit(services, seen, [published], order, now)
    return published


def load(seen: KeySet, kid: str) -> SigningKey:
    """The key, or raises `MoveRefused`."""
    key = seen.find(kid)
    if key is None:
        raise MoveRefused("There is no key with this kid.", "`adgang keys list` shows them.")
    return key


def ensure_keys(services: KeysServices, order: Order) -> list[SigningKey]:
    """Make what the policy's algorithms lack; safe to call at every start, from several processes at once.

    In an empty set each algorithm gets an active key and a published successor. Later, an algorithm that is added
    gets a published key, which waits for its clients' caches like any other. Returns the keys that were made.
    """
    for _ in range(_ATTEMPTS):
        now = services.clock()
        seen = services.keys.load_all()
        made = _first_keys(services, now) if not seen.keys else _missing(services, seen, now)
        try:
            if made:
                commit(services, seen, made, order, now)
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


def _missing(services: KeysServices, seen: KeySet, now: datetime) -> list[SigningKey]:
    return [
        make_key(services.sealer, move.algorithm, KeyState.PUBLISHED, now)
        for move in plan(seen, services.policy, now)
        if move.act is Act.GENERATE
    ]
