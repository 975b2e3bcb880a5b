"""Repeated proofing of an identity (NIST SP 800-63B-4 §4.2.2.2): an officer has seen the citizen and a document.

All that an officer can do is to say so, with a reason: no password is chosen, no secret seen and no factor bound here
(S-314). It lets a letter alone begin a recovery, once, within its time, after a cooling-off that the citizen is told of.
Where level High is offered, two officers must say it, each for themselves.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from idp.clock import Clock
from idp.ledger import events
from idp.records import Citizen
from idp.recovery import ports
from idp.storage import ports as stores


class ProofingRefused(Exception):
    """What was asked cannot be recorded; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class ProofedUntil:
    """What an officer's word has come to."""

    expires_at: datetime
    missing_officers: int
    """How many others must say it, too, before it counts."""


@dataclass(frozen=True, slots=True)
class Proofing:
    """Records an officer's word."""

    transact: stores.Transact
    proofings: ports.Proofings
    ledger: stores.Ledger
    clock: Clock
    lifetime: timedelta

    def record(self, citizen: Citizen, *, actor: str, reason: str) -> ProofedUntil:
        """Record that the citizen's identity was proofed.

        Raises:
            ProofingRefused: without a reason, or for an access that is closed.
        """
        if not reason.strip():
            raise ProofingRefused(
                "A proofing needs a --reason, such as the case number; the citizen will read it."
            )
        if citizen.status == "closed":
            raise ProofingRefused("The citizen's access is closed for good.")
        now = self.clock()
        expires_at = now + self.lifetime

        def work(tx: stores.Tx) -> None:
            self.proofings.add(
                tx, citizen.citizen_id, officer=actor, reason=reason, at=now, expires_at=expires_at
            )
            self.ledger.append(
                tx,
                event=events.CITIZEN_PROOFED,
                actor=actor,
                at=now,
                citizen_id=citizen.citizen_id,
                facts={"reason": reason, "valid_until": expires_at.isoformat()},
            )

        self.transact(work)
        return ProofedUntil(expires_at, self.proofings.missing(citizen.citizen_id, now))
