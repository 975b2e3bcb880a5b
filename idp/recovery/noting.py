"""What the ledger says about a recovery: what was lost and which kinds of proof were shown, never a proof itself."""

from datetime import datetime

from idp.ledger import events
from idp.recovery.recovery import Recovery
from idp.storage import ports


def note(ledger: ports.Ledger, tx: ports.Tx, recovery: Recovery, event: str, now: datetime) -> None:
    """One entry for the citizen whose recovery it is; nobody's has none."""
    if recovery.citizen_id is None:
        return
    ledger.append(
        tx,
        event=event,
        actor=events.BY_CITIZEN,
        at=now,
        citizen_id=recovery.citizen_id,
        facts={
            "lost": recovery.lost.value,
            "proofs": sorted(proof.value for proof in recovery.proofs),
        },
    )
