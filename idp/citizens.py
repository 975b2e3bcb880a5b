"""What operators do with citizens: add, find, block, unblock, end sessions, close. Each is a ledger entry.

    active ──block──▶ blocked ──unblock──▶ active
       └───────close──────┴──▶ closed (for good)

Nobody but the citizen chooses a password: what `add` returns is made here, shown once and meant to be replaced.
"""

import re
from dataclasses import dataclass, field
from datetime import date

from clients_registry.purposes import LANGUAGES
from idp.browser_sessions import record_end
from idp.clock import Clock
from idp.ledger import events
from idp.records import BrowserSession, Citizen, Consent
from idp.storage import ports

_USER_ID = re.compile(r"[A-Za-z0-9æøåÆØÅäöÄÖüÜ._@-]{5,48}")
_CPR = re.compile(r"[0-9]{10}")


class CitizenRefused(Exception):
    """What was asked for a citizen cannot be done; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class NewCitizen:
    """Who is added. `cpr` is ten digits without a dash."""

    user_id: str
    cpr: str = field(repr=False)
    given_name: str
    family_name: str
    birthdate: str
    locale: str = "da"

    def faults(self) -> list[str]:
        """Every fault, in sentences."""
        found = []
        if not _USER_ID.fullmatch(self.user_id):
            found.append("The user ID must have 5 to 48 letters, digits, dots, dashes, underscores or @.")
        if not _CPR.fullmatch(self.cpr):
            found.append("The CPR number must be ten digits, without a dash.")
        if not (self.given_name.strip() and self.family_name.strip()):
            found.append("Both a given name and a family name are needed.")
        try:
            date.fromisoformat(self.birthdate)
        except ValueError:
            found.append("The birthdate must be a date such as 1984-02-29.")
        if self.locale not in LANGUAGES:
            found.append(f"The language must be one of {', '.join(LANGUAGES)}.")
        return found


@dataclass(frozen=True, slots=True)
class Citizens:
    """The operators' acts, each in one transaction with its ledger entry."""

    transact: ports.Transact
    store: ports.Citizens
    consents: ports.Consents
    grants: ports.Grants
    sessions: ports.BrowserSessions
    ended_sessions: ports.EndedSessions
    ledger: ports.Ledger
    clock: Clock

    def record_added(self, tx: ports.Tx, citizen: Citizen, cpr: str, *, actor: str, reason: str) -> None:
        """Add a citizen in `tx`, together with the factors that the caller adds there.

        Raises:
            CitizenRefused: the user ID or the CPR number is taken.
        """
        try:
            self.store.add(tx, citizen, cpr=cpr)
        except ports.AlreadyKnown:
            raise CitizenRefused(
                "The user ID or the CPR number belongs to a citizen already. Look with `adgang citizens find`."
            ) from None
        self._note(tx, events.CITIZEN_ADDED, citizen.citizen_id, actor, reason)

    def look_up(
        self, *, actor: str, reason: str, user_id: str | None = None, cpr: str | None = None
    ) -> Citizen:
        """Find a citizen; the look itself is told to the citizen through the ledger."""
        found = self.store.find_by_user_id(user_id) if user_id else self.store.find_by_cpr(cpr or "")
        if found is None:
            raise CitizenRefused("There is no such citizen. Check the user ID or the CPR number.")
        self.transact(lambda tx: self._note(tx, events.CITIZEN_LOOKED_UP, found.citizen_id, actor, reason))
        return found

    def block(self, citizen: Citizen, *, actor: str, reason: str) -> int:
        """Block the citizen and end every session. Returns how many sessions ended."""
        return self._stop(citizen, "blocked", events.CITIZEN_BLOCKED, actor, reason)

    def close(self, citizen: Citizen, *, actor: str, reason: str) -> int:
        """Close the citizen's access for good. The user ID and the subjects are never given to anybody else."""
        return self._stop(citizen, "closed", events.CITIZEN_CLOSED, actor, reason)

    def unblock(self, citizen: Citizen, *, actor: str, reason: str) -> None:
        if citizen.status != "blocked":
            raise CitizenRefused(
                f"The citizen is {citizen.status}, not blocked; there is nothing to unblock."
            )

        def work(tx: ports.Tx) -> None:
            self.store.set_status(tx, citizen.citizen_id, "active")
            self._note(tx, events.CITIZEN_UNBLOCKED, citizen.citizen_id, actor, reason)

        self.transact(work)

    def end_sessions(self, citizen: Citizen, *, actor: str, reason: str) -> int:
        """Sign the citizen out everywhere. Returns how many sessions ended."""
        sessions = self.sessions.of_citizen(citizen.citizen_id)

        def work(tx: ports.Tx) -> None:
            self._note(tx, events.SESSIONS_ENDED, citizen.citizen_id, actor, reason)
            self._end(tx, citizen, sessions, actor)

        self.transact(work)
        # Not one that began meanwhile: it has no end in SQL, so it must not vanish from Redis either.
        self.sessions.forget_these(citizen.citizen_id, {session.session_id for session in sessions})
        return len(sessions)

    def revoke_consent(self, citizen: Citizen, client_id: str, purpose_id: str | None, *, actor: str) -> int:
        """Take consents back and end what was given on them. Returns how many were in force."""
        now = self.clock()

        def work(tx: ports.Tx) -> int:
            count = self.consents.revoke(tx, citizen.citizen_id, client_id, purpose_id, now)
            if count:
                self.grants.revoke_all_of(tx, at=now, citizen_id=citizen.citizen_id, client_id=client_id)
                self.ledger.append(
                    tx,
                    event=events.CONSENT_REVOKED,
                    actor=actor,
                    at=now,
                    citizen_id=citizen.citizen_id,
                    facts={"client_id": client_id, "purpose": purpose_id or "every purpose"},
                )
            return count

        return self.transact(work)

    def consents_of(self, citizen: Citizen) -> list[Consent]:
        return self.consents.of_citizen(citizen.citizen_id)

    def _stop(self, citizen: Citizen, status: str, event: str, actor: str, reason: str) -> int:
        own = status == "blocked" and citizen.blocked_by == "citizen"  # an operator's block takes its place
        if citizen.status in (status, "closed") and not own:
            raise CitizenRefused(f"The citizen is {citizen.status} already.")
        sessions = self.sessions.of_citizen(citizen.citizen_id)

        def work(tx: ports.Tx) -> None:
            blocked_by = "operator" if status == "blocked" else None
            self.store.set_status(tx, citizen.citizen_id, status, blocked_by=blocked_by)
            self._note(tx, event, citizen.citizen_id, actor, reason)
            self._end(tx, citizen, sessions, actor)

        self.transact(work)
        self.sessions.forget_all_of(citizen.citizen_id)
        return len(sessions)

    def _end(self, tx: ports.Tx, citizen: Citizen, sessions: list[BrowserSession], actor: str) -> None:
        now = self.clock()
        for session in sessions:
            record_end(
                tx,
                session,
                ended_sessions=self.ended_sessions,
                grants=self.grants,
                ledger=self.ledger,
                actor=actor,
                now=now,
            )
        self.grants.revoke_all_of(tx, at=now, citizen_id=citizen.citizen_id)

    def _note(self, tx: ports.Tx, event: str, citizen_id: str, actor: str, reason: str) -> None:
        self.ledger.append(
            tx, event=event, actor=actor, at=self.clock(), citizen_id=citizen_id, facts={"reason": reason}
        )
