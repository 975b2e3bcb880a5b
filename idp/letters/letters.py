"""Letters: how one is issued, looked at and spent.

    issued ──printed──▶ on paper ──spend──▶ used
       └────────────────────┴──a newer one──▶ replaced ;  ──21 days──▶ expired

Until it is printed, a letter's code is kept sealed, since its digest cannot be printed; then it is erased. Who may be
sent a letter, and what a spent one gives, is decided outside.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from idp.ids import digest
from idp.ledger import events
from idp.letters import ports
from idp.letters.codes import MalformedCode, new_code, parse_code, print_code
from idp.letters.letter import (
    IssuedLetter,
    Letter,
    LetterFault,
    LetterKind,
    LetterRejected,
    LetterToPrint,
)
from idp.storage.ports import Ledger, Tx

POSTAL_LIFETIME = timedelta(days=21)
"""NIST SP 800-63B-4 §4.2.1.2: a code by post inside the country (S-310)."""


@dataclass(frozen=True, slots=True)
class Letters:
    """Each change with its ledger entry, in the caller's transaction."""

    store: ports.Letters
    sealer: ports.Sealer
    ledger: Ledger
    lifetime: timedelta = POSTAL_LIFETIME

    def issue(
        self, tx: Tx, *, kind: LetterKind, citizen_id: str, actor: str, now: datetime, reason: str = ""
    ) -> IssuedLetter:
        """A new letter for the print queue; it ends the one of its kind before it."""
        code, expires_at = new_code(), now + self.lifetime
        code_digest = digest(code)
        letter = self.store.add(
            tx,
            kind=kind,
            citizen_id=citizen_id,
            code_digest=code_digest,
            sealed_code=self.sealer.seal(code.encode(), bound_to(kind, citizen_id)),
            issued_at=now,
            expires_at=expires_at,
        )
        facts = {"letter": kind.value, "number": letter.number, "valid_until": expires_at.isoformat()}
        self.ledger.append(
            tx,
            event=events.LETTER_ISSUED,
            actor=actor,
            at=now,
            citizen_id=citizen_id,
            facts={**facts, **({"reason": reason} if reason else {})},
        )
        return IssuedLetter(letter, print_code(code))

    def look(self, code: str, *, kind: LetterKind, now: datetime) -> Letter:
        """The letter whose code was typed. Nothing is spent.

        Raises:
            LetterRejected: with the reason.
        """
        kept = self.store.find(_digest(code))
        if kept is None:
            raise LetterRejected(LetterFault.UNKNOWN)
        fault = _fault(kept, kind, now)
        if fault is not None:
            raise LetterRejected(fault, kept.letter.kind)
        return kept.letter

    def spend(self, tx: Tx, code: str, *, kind: LetterKind, now: datetime) -> str:
        """Use the code up, in the transaction that records what it gives; whose letter it was.

        Raises:
            LetterRejected: somebody was faster, or it expired; nothing was spent.
        """
        return self._spent(self.store.spend(tx, _digest(code), kind, now), kind)

    def spend_letter(self, tx: Tx, number: int, *, kind: LetterKind, now: datetime) -> str:
        """The same for whoever typed the code earlier, and was remembered by the letter's number.

        Raises:
            LetterRejected
        """
        return self._spent(self.store.spend_number(tx, number, kind, now), kind)

    def check_living(self, number: int, *, now: datetime) -> None:
        """
        Raises:
            LetterRejected: the letter cannot be used any more.
        """
        kept = self.store.find_by_number(number)
        if kept is None:
            raise LetterRejected(LetterFault.UNKNOWN)
        fault = _fault(kept, kept.letter.kind, now)
        if fault is not None:
            raise LetterRejected(fault, kept.letter.kind)

    def end(self, tx: Tx, *, kind: LetterKind, citizen_id: str, now: datetime) -> bool:
        """End the person's living letter of this kind, used or not; True where there was one."""
        return self.store.end(tx, kind, citizen_id, now)

    def last_issued(self, *, kind: LetterKind, citizen_id: str) -> datetime | None:
        """When the person's newest letter of this kind was issued, for limits such as one in seven days."""
        return self.store.last_issued(kind, citizen_id)

    def count_to_print(self, now: datetime, kind: LetterKind | None = None) -> int:
        """How many letters wait for their printer."""
        return self.store.count_unprinted(now, kind)

    def to_print(
        self, now: datetime, limit: int, kind: LetterKind | None = None, *, after: int = 0
    ) -> list[LetterToPrint]:
        """The oldest letters that wait for their printer, with their codes in groups; `after` a letter's number."""
        return [
            LetterToPrint(queued.letter, queued.addressee, print_code(self._unseal(queued)))
            for queued in self.store.unprinted(now, limit, kind, after=after)
        ]

    def printed(self, tx: Tx, letters: list[LetterToPrint], now: datetime) -> None:
        """They are on paper: forget their codes."""
        self.store.printed(tx, [each.letter.number for each in letters], now)

    def _spent(self, citizen_id: str | None, kind: LetterKind) -> str:
        if citizen_id is None:
            raise LetterRejected(LetterFault.USED, kind)
        return citizen_id

    def _unseal(self, queued: ports.QueuedLetter) -> str:
        letter = queued.letter
        return self.sealer.unseal(queued.sealed_code, bound_to(letter.kind, letter.citizen_id)).decode()


def _digest(code: str) -> str:
    try:
        return digest(parse_code(code))
    except MalformedCode:
        raise LetterRejected(LetterFault.MALFORMED) from None


def _fault(kept: ports.KeptLetter, kind: LetterKind, now: datetime) -> LetterFault | None:
    if kept.letter.kind is not kind:
        return LetterFault.OTHER_KIND
    if kept.spent_at is not None:
        return LetterFault.USED
    if kept.ended_at is not None:
        return LetterFault.REPLACED
    return LetterFault.EXPIRED if now >= kept.letter.expires_at else None


def bound_to(kind: LetterKind, citizen_id: str) -> bytes:
    """Binds a sealed code to its letter: two people's envelopes cannot be swapped."""
    return f"letter:{kind.value}:{citizen_id}".encode()
