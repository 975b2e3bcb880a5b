"""A letter as we know it: never its code, which only the paper has."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from idp.records import Address


class LetterKind(StrEnum):
    """What a letter's code is for; a code opens nothing else (S-306)."""

    ACTIVATION = "activation"
    RECOVERY = "recovery"


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter. `citizen_id` names an invitation too: it is the id that the person will have as a citizen."""

    number: int
    kind: LetterKind
    citizen_id: str
    issued_at: datetime
    expires_at: datetime
    printed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class IssuedLetter:
    """A letter just made, with its code in groups, for whoever prints it."""

    letter: Letter
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whom a letter goes to."""

    name: str = field(repr=False)
    address: Address = field(repr=False)
    language: str


@dataclass(frozen=True, slots=True)
class LetterToPrint:
    """A letter that nobody has printed yet."""

    letter: Letter
    addressee: Addressee
    code: str = field(repr=False)


class LetterFault(StrEnum):
    """Why a code is refused. All but the first two are told only to somebody who holds a real letter."""

    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    OTHER_KIND = "other-kind"
    USED = "used"
    REPLACED = "replaced"
    """A newer letter was sent."""
    EXPIRED = "expired"


class LetterRejected(Exception):
    """The code opens nothing."""

    def __init__(self, fault: LetterFault, kind: LetterKind | None = None) -> None:
        super().__init__(fault.value)
        self.fault = fault
        self.kind = kind
        """What the letter is for, where it is a real one."""
