"""What citizens do with their own access: end sessions, block it, change password and contact data.

    active ──block──▶ blocked by the citizen ──a recovery, or an operator──▶ active

Each act is one transaction with its ledger entry, whose actor is the citizen. Who may ask for it, and how freshly a
factor must have been proven, is decided outside; what belongs to another citizen is not found (S-226). Factors are
added, named and removed by mfa; getting back in is idp/recovery.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from idp.browser_sessions import record_end
from idp.clock import Clock
from idp.ledger import events
from idp.records import BrowserSession
from idp.storage import ports
from mfa.enrolment import Enrolment

_LONGEST_EMAIL = 254
"""RFC 5321 §4.5.3.1.3, without the angle brackets."""
_EMAIL = re.compile(
    r"[^\s@<>,;\"()\[\]\\]{1,64}@(?:[^\s@.<>,;\"()\[\]\\]{1,63}\.)+[^\s@.<>,;\"()\[\]\\0-9]{2,63}"
)
_PHONE = re.compile(r"\+?[0-9]{5,15}", re.ASCII)
"""ITU-T E.164: at most fifteen digits."""


class NoSuchSession(Exception):
    """No session with this id is this citizen's."""


class NoSuchEntry(Exception):
    """No entry of the ledger with this number is this citizen's."""


class NotActive(Exception):
    """The citizen's access is blocked or closed already."""


class ContactRefused(Exception):
    """The e-mail address or the telephone number is none; `part` says which."""

    def __init__(self, part: str) -> None:
        super().__init__(part)
        self.part = part


@dataclass(frozen=True, slots=True)
class ContactData:
    """How a citizen wants to be reached; both may be missing."""

    email: str | None = field(repr=False)
    phone_number: str | None = field(repr=False)


def parse_contact(email: str, phone_number: str) -> ContactData:
    """Contact data as it may be kept; an empty field takes the old value away.

    Raises:
        ContactRefused
    """
    address = unicodedata.normalize("NFC", email[: 2 * _LONGEST_EMAIL]).strip()
    number = re.sub(r"[\s().-]", "", phone_number[:64])
    if address and (
        len(address) > _LONGEST_EMAIL or not _EMAIL.fullmatch(address) or not address.isprintable()
    ):
        raise ContactRefused("email")
    if number and not _PHONE.fullmatch(number):
        raise ContactRefused("phone-number")
    return ContactData(address or None, number or None)


@dataclass(frozen=True, slots=True)
class SelfService:
    """The citizens' acts."""

    transact: ports.Transact
    citizens: ports.Citizens
    grants: ports.Grants
    sessions: ports.BrowserSessions
    ended_sessions: ports.EndedSessions
    ledger: ports.Ledger
    history: ports.History
    safeties: ports.Safeties
    enrolment: Enrolment
    clock: Clock

    def sessions_of(self, citizen_id: str) -> list[BrowserSession]:
        """What can be ended, last used first, also what was left idle; what Redis forgot to forget is left out."""
        live = [
            session
            for session in self.sessions.of_citizen(citizen_id)
            if not self.ended_sessions.has_ended(session.session_id)
        ]
        return sorted(live, key=lambda session: session.last_used_at, reverse=True)

    def end_session(self, citizen_id: str, session_id: str) -> None:
        """End one session.

        Raises:
            NoSuchSession
        """
        found = [session for session in self.sessions_of(citizen_id) if session.session_id == session_id]
        if not found:
            raise NoSuchSession
        self._end(citizen_id, found)

    def end_other_sessions(self, citizen_id: str, kept_session_id: str) -> int:
        """End every session but one; returns how many."""
        others = [found for found in self.sessions_of(citizen_id) if found.session_id != kept_session_id]
        self._end(citizen_id, others, self._note(citizen_id, events.SESSIONS_ENDED, {"ended": len(others)}))
        return len(others)

    def end_all_sessions(self, citizen_id: str) -> int:
        """End every session and everything that was given in them; returns how many."""
        return self._end_all(citizen_id, lambda tx, ended: self._ended_all(tx, citizen_id, ended))

    def dispute(self, citizen_id: str, number: int) -> int:
        """ "It was not me", of the citizen's entry `number`: end every session; returns how many.

        Raises:
            NoSuchEntry
        """
        if self.history.find(citizen_id, number) is None:
            raise NoSuchEntry

        def work(tx: ports.Tx, ended: int) -> None:
            self._note(citizen_id, events.SIGN_IN_DISPUTED, {"entry": number})(tx)
            self._ended_all(tx, citizen_id, ended)

        return self._end_all(citizen_id, work)

    def block(self, citizen_id: str) -> int:
        """Block the citizen's own access and end every session; returns how many.

        Raises:
            NotActive
        """

        def work(tx: ports.Tx, _ended: int) -> None:
            if not self.citizens.block_oneself(tx, citizen_id):
                raise NotActive
            self._note(citizen_id, events.CITIZEN_BLOCKED, {"reason": "own wish"})(tx)
            self.grants.revoke_all_of(tx, at=self.clock(), citizen_id=citizen_id)

        ended = self._end_all(citizen_id, work)
        # One that began while the others were ended: whoever signed in did not see the block yet.
        self.sessions.forget_all_of(citizen_id)
        return ended

    def change_password(
        self, citizen_id: str, password: str, *, personal: Iterable[str], kept_session_id: str
    ) -> int:
        """Replace the password, end every other session and what was given in them (S-307); returns how many ended.

        Raises:
            PasswordRefused, Busy
        """
        hashed = self.enrolment.hash_new_password(password, personal=personal)
        others = [found for found in self.sessions_of(citizen_id) if found.session_id != kept_session_id]

        def keep(tx: ports.Tx) -> None:
            # Lasting access too: whoever knew the old password may have given it.
            self.grants.revoke_all_of(
                tx, at=self.clock(), citizen_id=citizen_id, kept_session_id=kept_session_id
            )
            self.enrolment.keep_password(tx, citizen_id, hashed, actor=events.BY_CITIZEN, now=self.clock())

        self._end(citizen_id, others, keep)
        return len(others)

    def change_contact(self, citizen_id: str, contact: ContactData) -> bool:
        """Keep new contact data, unverified where it is new; False where nothing changed."""
        present = self.citizens.find(citizen_id)
        if present is None or (present.email, present.phone_number) == (contact.email, contact.phone_number):
            return False
        changed = []
        if present.email != contact.email:
            changed.append("email")
        if present.phone_number != contact.phone_number:
            changed.append("phone_number")

        def work(tx: ports.Tx) -> None:
            self._note(citizen_id, events.CONTACT_CHANGED, {"changed": changed})(
                tx
            )  # first: the old address is told
            self.citizens.set_contact(
                tx, citizen_id, email=contact.email, phone_number=contact.phone_number, at=self.clock()
            )

        self.transact(work)
        return True

    def change_phrase(self, citizen_id: str, phrase: str) -> None:
        """Keep the phrase, which `idp.safety.check_phrase` passed, by which the citizen knows our messages."""

        def work(tx: ports.Tx) -> None:
            self.safeties.set_phrase(tx, citizen_id, phrase)
            self._note(citizen_id, events.PHRASE_CHANGED, {})(tx)

        self.transact(work)

    def _ended_all(self, tx: ports.Tx, citizen_id: str, ended: int) -> None:
        self._note(citizen_id, events.SESSIONS_ENDED, {"ended": ended})(tx)
        self.grants.revoke_all_of(tx, at=self.clock(), citizen_id=citizen_id)

    def _end_all(self, citizen_id: str, first: Callable[[ports.Tx, int], None]) -> int:
        sessions = self.sessions_of(citizen_id)
        self._end(citizen_id, sessions, lambda tx: first(tx, len(sessions)))
        return len(sessions)

    def _end(
        self,
        citizen_id: str,
        sessions: list[BrowserSession],
        first: Callable[[ports.Tx], None] | None = None,
    ) -> None:
        """End sessions in SQL, after what `first` writes in the same transaction; then in Redis."""
        now = self.clock()

        def work(tx: ports.Tx) -> None:
            if first is not None:
                first(tx)
            for session in sessions:
                record_end(
                    tx,
                    session,
                    ended_sessions=self.ended_sessions,
                    grants=self.grants,
                    ledger=self.ledger,
                    actor=events.BY_CITIZEN,
                    now=now,
                )

        self.transact(work)
        self.sessions.forget_these(citizen_id, {session.session_id for session in sessions})

    def _note(
        self, citizen_id: str, event: str, facts: dict[str, str | int | list[str]]
    ) -> Callable[[ports.Tx], None]:
        return lambda tx: self.ledger.append(
            tx, event=event, actor=events.BY_CITIZEN, at=self.clock(), citizen_id=citizen_id, facts=facts
        )
