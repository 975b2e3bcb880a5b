"""What letters and invitations need kept, as promises. tests/storage proves them on both databases."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from idp.letters.letter import Addressee, Letter, LetterKind
from idp.records import Address
from idp.storage.ports import Tx


class Sealer(Protocol):
    """Authenticated encryption; `keys.sealing.Sealer` is one."""

    def seal(self, plaintext: bytes, associated: bytes) -> bytes: ...

    def unseal(self, envelope: bytes, associated: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class KeptLetter:
    """A letter as it is kept."""

    letter: Letter
    spent_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class QueuedLetter:
    """A letter that waits for its printer, with its sealed code."""

    letter: Letter
    addressee: Addressee
    sealed_code: bytes = field(repr=False)


class Letters(Protocol):
    def add(
        self,
        tx: Tx,
        *,
        kind: LetterKind,
        citizen_id: str,
        code_digest: str,
        sealed_code: bytes,
        issued_at: datetime,
        expires_at: datetime,
    ) -> Letter:
        """Keep a letter; the one of this kind that the person had before ends. Of parallel callers one letter lives."""

    def find(self, code_digest: str) -> KeptLetter | None: ...

    def find_by_number(self, number: int) -> KeptLetter | None: ...

    def spend(self, tx: Tx, code_digest: str, kind: LetterKind, now: datetime) -> str | None:
        """One conditional UPDATE: the person's id for exactly one caller, while the letter lives; else None."""

    def spend_number(self, tx: Tx, number: int, kind: LetterKind, now: datetime) -> str | None:
        """The same by the letter's number."""

    def end(self, tx: Tx, kind: LetterKind, citizen_id: str, now: datetime) -> bool:
        """End the living letter of this kind, if there is one."""

    def last_issued(self, kind: LetterKind, citizen_id: str) -> datetime | None:
        """When the newest letter of this kind was issued to this person, living or not."""

    def unprinted(
        self, now: datetime, limit: int, kind: LetterKind | None = None, *, after: int = 0
    ) -> list[QueuedLetter]:
        """Living letters that were not printed, oldest first; of one kind, or of all; from the one `after` this on."""

    def count_unprinted(self, now: datetime, kind: LetterKind | None = None) -> int: ...

    def printed(self, tx: Tx, numbers: Sequence[int], at: datetime) -> None:
        """Note that these were printed, and erase their sealed codes."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """A person who was invited. The CPR number is kept sealed and is not part of this record."""

    citizen_id: str
    given_name: str = field(repr=False)
    family_name: str = field(repr=False)
    birthdate: str = field(repr=False)
    address: Address = field(repr=False)
    language: str

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}".strip()


class Invitations(Protocol):
    def known(self, cprs: Iterable[str]) -> dict[str, str]:
        """Which of these CPR numbers were invited already, and the id of each."""

    def add(self, tx: Tx, invitation: Invitation, *, cpr: str, at: datetime) -> None:
        """Raises `AlreadyKnown` where the CPR number was invited already."""

    def renew(self, tx: Tx, invitation: Invitation, *, at: datetime) -> None:
        """Replace name, address and language of an invitation."""

    def find(self, citizen_id: str) -> Invitation | None: ...

    def load_cpr(self, citizen_id: str) -> str:
        """The CPR number in clear."""

    def remove(self, tx: Tx, citizen_id: str) -> bool:
        """Forget the invitation: the person is a citizen now. False where there was none."""
