"""What the end of a recovery gives and takes, in the transaction of the last change.

All old sessions end and what was given in them is revoked (NIST SP 800-63B-4 §4.6, S-307); the level is capped for
seven days (idp/safety.py); used recovery codes are renewed; the citizen's own block is opened; every other recovery of
the citizen is stopped, and a letter that was not needed opens nothing. Factors that were not lost stay as they are, and so do their failures (S-248).
"""

from dataclasses import dataclass
from datetime import datetime

from idp.browser_sessions import record_end
from idp.ledger import events
from idp.letters.letter import LetterKind
from idp.letters.letters import Letters
from idp.recovery import ports
from idp.recovery.noting import note
from idp.recovery.recovery import Recovery
from idp.recovery.rules import Proof
from idp.storage import ports as stores
from mfa.recovery_codes import IssuedCodes
from mfa.recovery_enrolment import RecoveryEnrolment


@dataclass(frozen=True, slots=True)
class Completion:
    """The stores that a completed recovery writes to."""

    recoveries: ports.Recoveries
    citizens: stores.Citizens
    safeties: stores.Safeties
    sessions: stores.BrowserSessions
    ended_sessions: stores.EndedSessions
    grants: stores.Grants
    letters: Letters
    ledger: stores.Ledger
    recovery_codes: RecoveryEnrolment

    def record(self, tx: stores.Tx, recovery: Recovery, citizen_id: str, now: datetime) -> IssuedCodes | None:
        """Write the end; new recovery codes where one was used. Afterwards call `forget_sessions`."""
        self._end_sessions(tx, citizen_id, now)
        self.safeties.set_recovered(tx, citizen_id, now)
        self.recoveries.stop_all_of(tx, citizen_id, now, but=recovery.recovery_id)
        self.letters.end(tx, kind=LetterKind.RECOVERY, citizen_id=citizen_id, now=now)
        if self.citizens.open_own_block(tx, citizen_id):
            self.ledger.append(
                tx,
                event=events.CITIZEN_UNBLOCKED,
                actor=events.BY_CITIZEN,
                at=now,
                citizen_id=citizen_id,
                facts={"reason": "recovery"},
            )
        note(self.ledger, tx, recovery, events.RECOVERY_DONE, now)
        if Proof.RECOVERY_CODE not in recovery.proofs:
            return None
        return self.recovery_codes.renew_in(tx, citizen_id, now=now)

    def forget_sessions(self, citizen_id: str) -> None:
        """In Redis, after the commit."""
        self.sessions.forget_all_of(citizen_id)

    def _end_sessions(self, tx: stores.Tx, citizen_id: str, now: datetime) -> None:
        for session in self.sessions.of_citizen(citizen_id):
            record_end(
                tx,
                session,
                ended_sessions=self.ended_sessions,
                grants=self.grants,
                ledger=self.ledger,
                actor=events.BY_CITIZEN,
                now=now,
            )
        self.grants.revoke_all_of(tx, at=now, citizen_id=citizen_id)
