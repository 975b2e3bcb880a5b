"""Stopping a recovery: by the stop code in its message, by a signed-in browser, by the one that began it."""

from dataclasses import dataclass, replace
from datetime import datetime

from idp.ids import digest
from idp.ledger import events
from idp.messages.stop_code import MalformedStopCode, parse_stop_code
from idp.recovery import ports
from idp.recovery.noting import note
from idp.recovery.recovery import Recovery, Stage
from idp.storage import ports as stores


class UnknownStopCode(Exception):
    """No recovery that waits has this stop code."""


@dataclass(frozen=True, slots=True)
class RecoveryStops:
    """One for each process."""

    transact: stores.Transact
    store: ports.Recoveries
    ledger: stores.Ledger

    def waiting_of(self, citizen_id: str, now: datetime) -> Recovery | None:
        """For the notice on the pages of a citizen who is signed in."""
        return self.store.waiting_of(citizen_id, now)

    def stop_by_code(self, typed: str, now: datetime) -> None:
        """Stop the recovery whose message carried this code. The code can do nothing else.

        Raises:
            UnknownStopCode: malformed, unknown, or the recovery no longer lives.
        """
        try:
            stop_digest = digest(parse_stop_code(typed))
        except MalformedStopCode:
            raise UnknownStopCode from None

        def work(tx: stores.Tx) -> None:
            stopped = self.store.stop(tx, stop_digest, now)
            if stopped is None:
                raise UnknownStopCode
            note(self.ledger, tx, stopped, events.RECOVERY_STOPPED, now)

        self.transact(work)

    def stop_of_citizen(self, citizen_id: str, now: datetime) -> bool:
        """Stop whatever is under way, from a browser in which the citizen is signed in; True where something waited."""

        def work(tx: stores.Tx) -> bool:
            if not self.store.stop_all_of(tx, citizen_id, now):
                return False
            self.ledger.append(
                tx, event=events.RECOVERY_STOPPED, actor=events.BY_CITIZEN, at=now, citizen_id=citizen_id
            )
            return True

        return self.transact(work)

    def cancel(self, recovery_id: str, now: datetime) -> None:
        """By the browser that began it."""

        def work(tx: stores.Tx) -> None:
            recovery = self.store.lock(tx, recovery_id)
            if recovery is None or recovery.stands(now) in (Stage.DONE, Stage.STOPPED, Stage.OVER):
                return
            self.store.keep(tx, replace(recovery, stage=Stage.STOPPED))
            if recovery.cooling_until is not None:
                note(self.ledger, tx, recovery, events.RECOVERY_STOPPED, now)

        self.transact(work)
