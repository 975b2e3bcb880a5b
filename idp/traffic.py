"""What clients did, noted in memory: who fetched the JWKS, who authenticated.

A note costs an entry in a dictionary, so that it can stand on a hot path and needs no store. The schedule of keys
(key_schedule.py) takes the notes every few seconds and writes them down; what a killed process had not written is
lost, which is the safe side: a client that was not seen is waited for. Decides nothing.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

_MOST = 20_000
"""Notes of a kind between two writings: twice the clients of a country. A flood of addresses is cut off here."""


class Fetch(NamedTuple):
    """Where a fetch of the JWKS came from."""

    address: str
    handle: str | None


class Notes(NamedTuple):
    """When each was last seen."""

    fetches: Mapping[Fetch, datetime]
    uses: Mapping[str, datetime]


class Traffic:
    """One per process; any thread may note."""

    def __init__(self) -> None:
        self._fetches: dict[Fetch, datetime] = {}
        self._uses: dict[str, datetime] = {}

    def jwks_fetched(self, address: str, handle: str | None, at: datetime) -> None:
        """The JWKS was given to this address."""
        _note(self._fetches, Fetch(address, handle), at)

    def client_used(self, client_id: str, at: datetime) -> None:
        """The client has authenticated."""
        _note(self._uses, client_id, at)

    def take(self) -> Notes:
        """All notes since the last call."""
        fetches, self._fetches = self._fetches, {}
        uses, self._uses = self._uses, {}
        return Notes(fetches, uses)


def _note(notes: dict[Any, datetime], key: Any, at: datetime) -> None:
    if len(notes) < _MOST or key in notes:
        notes[key] = at
