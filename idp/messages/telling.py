"""The ledger that tells: whatever is appended passes here, and what a citizen must know goes to the outbox, too.

Both in the caller's transaction: there is no change of a factor without its message, and no message without a change.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from idp.messages.message import topic_of
from idp.messages.ports import Outbox
from idp.records import LedgerEntry
from idp.storage import ports


class TellingLedger:
    """Implements `ports.Ledger`, and thereby the `Journal` of keys, mfa and clients_registry."""

    def __init__(self, ledger: ports.Ledger, outbox: Outbox) -> None:
        self._ledger = ledger
        self._outbox = outbox

    def append(
        self,
        tx: ports.Tx,
        *,
        event: str,
        actor: str,
        at: datetime,
        citizen_id: str | None = None,
        facts: Mapping[str, str | int | list[str]] | None = None,
    ) -> None:
        self._ledger.append(tx, event=event, actor=actor, at=at, citizen_id=citizen_id, facts=facts)
        topic = None if citizen_id is None else topic_of(event, facts or {})
        if topic is not None and citizen_id is not None:
            self._outbox.write(tx, citizen_id, topic, at=at)

    def of_citizen(self, citizen_id: str, *, after: int = 0, limit: int = 100) -> Iterable[LedgerEntry]:
        return self._ledger.of_citizen(citizen_id, after=after, limit=limit)

    def last_time(self, citizen_id: str, event: str) -> datetime | None:
        return self._ledger.last_time(citizen_id, event)
