"""How a key begins: made, and published for its clients to fetch (keys.md, rule 1).

Does not activate, but for the very first keys of a deployment, which nobody can have missed.
"""

from datetime import datetime

from keys.algorithms import SIGNING_ALGORITHMS
from keys.changes import Sight, commit, look
from keys.errors import KeySetChanged, MoveRefused
from keys.key import SigningKey
from keys.rotation import Act, plan
from keys.sealed_keys import seal_key, sealed_anew
from keys.sealing import Sealer
from keys.services import KeysServices, Order
from keys.signing_backends import SOFTWARE, SigningBackends
from keys.states import KeyState

_ATTEMPTS = 3


def make_key(
    sealer: Sealer, algorithm: str, state: KeyState, at: datetime, backends: SigningBackends = SOFTWARE
) -> SigningKey:
    """A new key, born into `state`.

    Raises:
        MoveRefused: we do not sign with the algorithm, or the HSM does not.
        HsmAway
    """
    if algorithm not in SIGNING_ALGORITHMS:
        raise MoveRefused(
            f"We do not sign with {algorithm}.", f"Choose from {', '.join(SIGNING_ALGORITHMS)}."
        )
    made = backends.make(algorithm)
    key = SigningKey(
        kid=made.jwk["kid"],
        algorithm=algorithm,
        state=state,
        public_jwk=made.jwk,
        created_at=at,
        published_at=None if state is KeyState.PRE_ACTIVATION else at,
        activated_at=at if state is KeyState.ACTIVE else None,
    )
    return seal_key(sealer, key, made.held)


def new_key(services: KeysServices, algorithm: str, state: KeyState, at: datetime) -> SigningKey:
    """`make_key` as the deployment does it."""
    return make_key(services.sealer, algorithm, state, at, services.backends)


def generate(services: KeysServices, algorithm: str, order: Order) -> SigningKey:
    """A key that nobody sees yet."""
    sight = look(services)
    key = new_key(services, algorithm, KeyState.PRE_ACTIVATION, sight.now)
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
        new_key(services, algorithm, state, now)
        for algorithm in services.policy.algorithms
        for state in (KeyState.ACTIVE, KeyState.PUBLISHED)
    ]


def _missing(services: KeysServices, sight: Sight) -> list[SigningKey]:
    return [
        new_key(services, move.algorithm, KeyState.PUBLISHED, sight.now)
        for move in plan(sight.keys, services.policy, sight.now)
        if move.act is Act.GENERATE
    ]
