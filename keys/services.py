"""What the moves of a key's life work with, as one frozen dataclass. idp wires it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from keys.policy import KeyPolicy
from keys.ports import Clock, Journal, Keys, Transact
from keys.sealing import Sealer


@dataclass(frozen=True, slots=True)
class KeysServices:
    transact: Transact
    keys: Keys
    sealer: Sealer
    journal: Journal
    clock: Clock
    policy: KeyPolicy
    store_time: Callable[[], datetime | None] | None = None
    """The database's clock, where it has one (rule 11)."""
    unavailable: tuple[type[Exception], ...] = ()
    """What `transact` raises when the store does not answer; the command line exits with 3."""


@dataclass(frozen=True, slots=True)
class Order:
    """Who wants a move, and why. `actor` is `system` or `operator:<name>`."""

    actor: str
    reason: str
