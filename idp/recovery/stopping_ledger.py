"""The ledger that stops recoveries: what a citizen does to be safe ends every recovery that was begun before.

In the transaction of the act, so that no move of a recovery comes between: whoever had shown a proof that is now taken
back, or began while a thief held it, begins anew with what is left. A recovery's own changes pass here too; it has
marked itself done by then (moves.py).
"""

from collections.abc import Mapping
from datetime import datetime

from idp.ledger import events
from idp.messages.ports import Outbox
from idp.messages.telling import TellingLedger
from idp.recovery import ports
from idp.storage import ports as stores
from mfa import events as factor_events
from mfa.factors import FactorKind

_ENDING = frozenset(
    {
        factor_events.FACTOR_REMOVED,
        events.SESSIONS_ENDED,
        events.SIGN_IN_DISPUTED,
        events.CITIZEN_BLOCKED,
        events.CITIZEN_CLOSED,
    }
)
_REPLACED_BY_A_NEW_ONE = frozenset({FactorKind.PASSWORD, FactorKind.RECOVERY_CODE})


class StoppingLedger(TellingLedger):
    """Implements `idp.storage.ports.Ledger`; what it stops is told like everything that is appended."""

    def __init__(self, ledger: stores.Ledger, outbox: Outbox, recoveries: ports.Recoveries) -> None:
        super().__init__(ledger, outbox)
        self._recoveries = recoveries

    def append(
        self,
        tx: stores.Tx,
        *,
        event: str,
        actor: str,
        at: datetime,
        citizen_id: str | None = None,
        facts: Mapping[str, str | int | list[str]] | None = None,
    ) -> None:
        super().append(tx, event=event, actor=actor, at=at, citizen_id=citizen_id, facts=facts)
        if citizen_id is None or not _ends_recoveries(event, facts or {}):
            return
        if self._recoveries.stop_all_of(tx, citizen_id, at):
            super().append(tx, event=events.RECOVERY_STOPPED, actor=actor, at=at, citizen_id=citizen_id)


def _ends_recoveries(event: str, facts: Mapping[str, object]) -> bool:
    if event == factor_events.FACTOR_ADDED:
        return facts.get("kind") in _REPLACED_BY_A_NEW_ONE
    return event in _ENDING
