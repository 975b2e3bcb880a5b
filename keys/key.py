"""A signing key as it is kept, and the set of all of them.

Does not sign: the private part is sealed here, and opened only by key_ring.py and lifecycle.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any

import msgspec

from keys.errors import MoveRefused
from keys.states import ALLOWED_MOVES, KeyState


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key of one algorithm. `version` rises by one with each change of its row (compare-and-set)."""

    kid: str
    """RFC 7638 thumbprint of the public part."""
    algorithm: str
    state: KeyState
    public_jwk: Mapping[str, str]
    created_at: datetime
    version: int = 1
    published_at: datetime | None = None
    activated_at: datetime | None = None
    deactivated_at: datetime | None = None
    destroyed_at: datetime | None = None
    compromised_at: datetime | None = None
    serve_until: datetime | None = None
    """Set at deactivation: when the last token it signed has expired everywhere."""
    sealed: bytes = field(default=b"", repr=False)
    """The envelope over the private part, or over nothing once that is gone; it vouches for the whole row."""

    def associated(self) -> bytes:
        """What the envelope is bound to: every other field, so that a row altered by hand does not open."""
        row: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "sealed"}
        return msgspec.json.encode(row, order="sorted")

    def newest(self) -> datetime:
        """The last time that anything happened to this key: since when it is in its state."""
        dates: list[datetime | None] = [getattr(self, name) for name in ("created_at", *_DATE_OF.values())]
        return max(date for date in dates if date is not None)

    def moved(self, to: KeyState, at: datetime, *, serve_until: datetime | None = None) -> "SigningKey":
        """The key after a move, its envelope not yet made anew.

        Raises:
            MoveRefused: the life cycle has no such move.
        """
        if to not in ALLOWED_MOVES[self.state]:
            raise MoveRefused(
                f"The key {self.kid} is {self.state} and cannot become {to}.",
                "`adgang keys list` shows what stands where.",
            )
        dated: dict[str, Any] = {_DATE_OF[to]: at}
        return replace(
            self,
            state=to,
            version=self.version + 1,
            serve_until=serve_until or self.serve_until,
            sealed=b"",
            **dated,
        )


_DATE_OF = {
    KeyState.PUBLISHED: "published_at",
    KeyState.ACTIVE: "activated_at",
    KeyState.DEACTIVATED: "deactivated_at",
    KeyState.DESTROYED: "destroyed_at",
    KeyState.COMPROMISED: "compromised_at",
}


@dataclass(frozen=True, slots=True)
class KeySet:
    """All keys, as of one version of the set. Every change of any key raises the version by one."""

    version: int
    keys: tuple[SigningKey, ...]

    def mark(self) -> "Mark":
        return Mark(self.version, {key.kid: key.state for key in self.keys})

    def find(self, kid: str) -> SigningKey | None:
        return next((key for key in self.keys if key.kid == kid), None)

    def load(self, kid: str) -> SigningKey:
        """The one key whose kid begins so; raises `MoveRefused` where there is none, or more than one."""
        found = [key for key in self.keys if kid and key.kid.startswith(kid)]
        if len(found) != 1:
            raise MoveRefused(
                f"{'No key has' if not found else 'More than one key has'} a kid that begins so.",
                "`adgang keys list --json` shows them whole.",
            )
        return found[0]

    def active(self, algorithm: str) -> SigningKey | None:
        return next(iter(self.in_state(algorithm, KeyState.ACTIVE)), None)

    def successors(self, algorithm: str) -> list[SigningKey]:
        """Published keys, the one published longest ago first: it is next."""
        return self.in_state(algorithm, KeyState.PUBLISHED)

    def in_state(self, algorithm: str, state: KeyState) -> list[SigningKey]:
        found = [key for key in self.keys if key.algorithm == algorithm and key.state == state]
        return sorted(found, key=lambda key: (key.published_at or key.created_at, key.kid))


@dataclass(frozen=True, slots=True)
class Mark:
    """What stood where at a version, remembered outside the database to know an old backup by."""

    version: int
    states: Mapping[str, KeyState]


@dataclass(frozen=True, slots=True)
class Refusal:
    """What an operator asked for and was refused. `act` is the command; `unsealed` is false where a row did not open."""

    at: datetime
    actor: str
    act: str
    why: str
    unsealed: bool = True


@dataclass(frozen=True, slots=True)
class Move:
    """One step in a key's life, as it stands in the history. `before` is None at its birth."""

    kid: str
    algorithm: str
    before: KeyState | None
    after: KeyState
    at: datetime
    actor: str
    reason: str
