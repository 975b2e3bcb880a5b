"""Activation: a letter's code becomes a citizen with a password, a first factor and recovery codes.

    code ──look──▶ record ──"that is me"──▶ confirmed ──user ID, password──▶ chosen ──first factor──▶ citizen
                     └── the letter was used, replaced or expired meanwhile ──▶ nothing

Everything that lasts is written in one transaction, which spends the letter: of two browsers with one letter, one
makes the citizen (S-288). Who may try, and how often, is decided outside.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from idp.activation.record import LIFETIME, ActivationRecord
from idp.activation.user_ids import UserIdFault, UserIdRefused, check_user_id
from idp.clock import Clock
from idp.ledger import events
from idp.letters.letter import LetterFault, LetterKind, LetterRejected
from idp.letters.letters import Letters
from idp.letters.ports import Invitation, Invitations
from idp.records import Citizen
from idp.storage.ports import AlreadyKnown, Citizens, Ledger, Transact, Tx
from mfa.enrolment import Enrolment
from mfa.factors import Factor
from mfa.password import HashedPassword
from mfa.recovery_enrolment import RecoveryEnrolment

_KIND = LetterKind.ACTIVATION


@dataclass(frozen=True, slots=True)
class Activated:
    """A new citizen, and what is shown once."""

    citizen: Citizen
    password: Factor
    first_factor: Factor
    recovery_codes: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Activation:
    """The acts of an activation."""

    transact: Transact
    letters: Letters
    invitations: Invitations
    citizens: Citizens
    enrolment: Enrolment
    recovery: RecoveryEnrolment
    ledger: Ledger
    clock: Clock

    def begin(self, code: str) -> ActivationRecord:
        """What a typed code opens.

        Raises:
            LetterRejected
        """
        now = self.clock()
        letter = self.letters.look(code, kind=_KIND, now=now)
        self._load(letter.citizen_id)
        return ActivationRecord(letter.number, letter.citizen_id, now + LIFETIME)

    def person(self, record: ActivationRecord) -> Invitation:
        """Whom the letter was sent to, while it can still be used.

        Raises:
            LetterRejected: used, replaced or expired since the code was typed.
        """
        self.letters.check_living(record.letter_number, now=self.clock())
        return self._load(record.citizen_id)

    def choose(
        self, record: ActivationRecord, person: Invitation, user_id: str, password: str
    ) -> ActivationRecord:
        """The record with user ID and password.

        Raises:
            UserIdRefused, PasswordRefused, Busy
        """
        chosen = check_user_id(user_id)
        if self.citizens.find_by_user_id(chosen) is not None:
            raise UserIdRefused(UserIdFault.TAKEN)
        hashed = self.enrolment.hash_new_password(password, personal=(chosen, person.name))
        return replace(record, user_id=chosen, password_hash=hashed.encoded)

    def finish(
        self, record: ActivationRecord, person: Invitation, keep_factor: Callable[[Tx], Factor]
    ) -> Activated:
        """Make the citizen; `keep_factor` adds the first factor in the same transaction, or raises.

        Raises:
            LetterRejected: somebody was faster.
            UserIdRefused: somebody took the user ID meanwhile.
            What `keep_factor` raises. Then nothing has happened.
        """
        now, cpr = self.clock(), self.invitations.load_cpr(record.citizen_id)
        citizen = _citizen(record, person, now=now)

        def work(tx: Tx) -> Activated:
            self.letters.spend_letter(tx, record.letter_number, kind=_KIND, now=now)
            self.citizens.add(tx, citizen, cpr=cpr)
            self.ledger.append(
                tx, event=events.ACTIVATED, actor=events.BY_CITIZEN, at=now, citizen_id=citizen.citizen_id
            )
            hashed = HashedPassword(record.password_hash)
            password = self.enrolment.keep_password(
                tx,
                citizen.citizen_id,
                hashed,
                actor=events.BY_CITIZEN,
                now=now,
                part_of=events.ACTIVATED,
            )
            factor = keep_factor(tx)
            renewed = self.recovery.renew_in(tx, citizen.citizen_id, now=now, part_of=events.ACTIVATED)
            self.invitations.remove(tx, citizen.citizen_id)
            return Activated(citizen, password, factor, renewed.codes)

        try:
            return self.transact(work)
        except AlreadyKnown:
            if self.citizens.find_by_cpr(cpr) is not None:
                raise LetterRejected(LetterFault.USED, _KIND) from None
            raise UserIdRefused(UserIdFault.TAKEN) from None

    def _load(self, citizen_id: str) -> Invitation:
        found = self.invitations.find(citizen_id)
        if found is None:  # the operator made the person a citizen by hand, or withdrew the invitation
            raise LetterRejected(LetterFault.USED, _KIND)
        return found


def _citizen(record: ActivationRecord, person: Invitation, *, now: datetime) -> Citizen:
    return Citizen(
        citizen_id=record.citizen_id,
        user_id=record.user_id,
        status="active",
        given_name=person.given_name,
        family_name=person.family_name,
        birthdate=person.birthdate,
        locale=person.language,
        created_at=now,
        address=person.address,
    )
