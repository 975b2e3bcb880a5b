"""What the moves of a key's life work with, as one frozen dataclass. idp wires it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from keys.evidence import JwksClient
from keys.policy import KeyPolicy
from keys.ports import Clock, Fetches, HighWater, Journal, Keys, Refusals, SealedElsewhere, Transact
from keys.sealing import Sealer
from keys.signing_backends import SOFTWARE, SigningBackends


def _no_time() -> None:
    return None


@dataclass(frozen=True, slots=True)
class KeysServices:
    transact: Transact
    keys: Keys
    sealer: Sealer
    journal: Journal
    clock: Clock
    policy: KeyPolicy
    store_time: Callable[[], datetime | None] = _no_time
    """Another clock to hold ours against: the database's, or Redis' where the database has none (rule 11)."""
    high_water: HighWater | None = None
    fetches: Fetches | None = None
    clients: Callable[[], Sequence[JwksClient]] = tuple
    """Every client that was active in the last 30 days."""
    backends: SigningBackends = SOFTWARE
    refusals: Refusals | None = None
    sealed_elsewhere: Sequence[SealedElsewhere] = ()
    unavailable: tuple[type[Exception], ...] = ()
    """What `transact` raises when the store does not answer; the command line exits with 3."""


@dataclass(frozen=True, slots=True)
class Order:
    """Who wants a move, and why. `actor` is `system` or `operator:<name>`."""

    actor: str
    reason: str
