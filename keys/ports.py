"""What must be kept of the keys, as promises. tests/storage proves them on every database.

Reads raise `KeysUnavailable` when the store does not answer. Writes go into the caller's transaction.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from keys.key import KeySet, Mark, Move, Refusal, SigningKey

Tx = Any
"""An open transaction. Opaque: made by `Transact`, handed on, never looked into."""

T = TypeVar("T")

Clock = Callable[[], datetime]
"""Aware UTC."""


class Transact(Protocol):
    """Runs `work(tx)` in one transaction: all of it is kept, or nothing."""

    def __call__(self, work: Callable[[Tx], T]) -> T: ...


class Journal(Protocol):
    """Where each move is told, in the transaction that makes it. idp's ledger implements it."""

    def append(
        self,
        tx: Tx,
        *,
        event: str,
        actor: str,
        at: datetime,
        citizen_id: str | None = None,
        facts: Mapping[str, str | int | list[str]] | None = None,
    ) -> None:
        """Add one entry."""


class Keys(Protocol):
    """The set of all keys, changed by compare-and-set on the version of the whole set."""

    def version(self) -> int:
        """The set's version; 0 before the first change."""

    def load_all(self) -> KeySet:
        """All keys and the version they belong to, read as of one moment."""

    def advance(self, tx: Tx, expected: int, to: int | None = None) -> None:
        """Raise the set's version, by one or further. The first write of every change.

        Of many callers with the same `expected`, one succeeds.

        Raises:
            KeySetChanged: the set is not at `expected` any more.
        """

    def add(self, tx: Tx, key: SigningKey) -> None:
        """A new key.

        Raises:
            KeySetChanged: a key with this kid exists, or its algorithm has an active key already (S-386).
        """

    def replace(self, tx: Tx, key: SigningKey) -> None:
        """The key's row anew, if the row stands at `key.version - 1`; otherwise raises `KeySetChanged`."""

    def record(self, tx: Tx, move: Move) -> None:
        """Append to the history, which is never altered."""

    def time(self) -> datetime | None:
        """The store's own clock; None where it has none (SQLite)."""

    def history(self, kid: str | None = None) -> list[Move]:
        """All moves, or one key's, oldest first."""


class HighWater(Protocol):
    """Remembers, outside the database, the newest state of the keys that anyone has seen (S-381)."""

    def read(self) -> Mark | None:
        """The newest mark; None where nothing was ever marked."""

    def raise_to(self, mark: Mark) -> None:
        """Keep `mark` if it is newer; a mark never falls, whoever writes at the same time."""


class SealedElsewhere(Protocol):
    """Other secrets under the same key-encryption key, wherever they are kept."""

    @property
    def name(self) -> str:
        """What they are, in the plural."""

    def waiting(self) -> int:
        """How many another key than the present one has sealed."""

    def reseal(self, after: Sequence[Any], limit: int) -> tuple[Sequence[Any] | None, int, list[str]]:
        """Seal one batch of them anew, beginning behind the key `after` (empty: at the first).

        Returns the key of the batch's last, or None where there was none left; how many were sealed anew; and what
        names those that do not open, which are left as they are. Safe to run twice, and to kill at any time.
        """


class Refusals(Protocol):
    """What operators were refused: for the metrics, which a command that ends cannot keep."""

    def record(self, tx: Tx, refusal: Refusal) -> None:
        """Append it."""

    def of_all_time(self) -> list[Refusal]:
        """Oldest first."""


class Fetches(Protocol):
    """When each client that can be told apart last fetched the JWKS."""

    def record(self, tx: Tx, client_id: str, at: datetime) -> None:
        """The client has fetched at `at`; an earlier time changes nothing."""

    def latest(self) -> Mapping[str, datetime]:
        """The last fetch of each client that has ever fetched."""
