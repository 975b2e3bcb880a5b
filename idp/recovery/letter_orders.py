"""Ordering a letter for a recovery: by name and CPR number, sent to the registered address only (S-303).

An order is written down sealed, whoever gave it, and looked at a moment later by a background thread. So the answer and
its time are the same for everybody, known or not (S-238). One letter in seven days; orders beyond that are dropped.
"""

import json
import logging
import threading
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

from idp.clock import Clock
from idp.cpr import parse_cpr
from idp.errors import StoreUnavailable
from idp.ledger import events
from idp.letters.letter import LetterKind
from idp.letters.letters import Letters
from idp.messages.ports import Sealer
from idp.records import Citizen
from idp.recovery import ports
from idp.storage import ports as stores
from keys.errors import UnsealFailed

_log = logging.getLogger(__name__)

_BATCH = 20
_LONGEST_NAME = 200
BOUND_TO = b"letter-order"
"""Of the envelope: an order names nobody outside it."""


@dataclass(frozen=True, slots=True)
class LetterOrdering:
    """Takes orders, and carries them out."""

    transact: stores.Transact
    orders: ports.LetterOrders
    letters: Letters
    citizens: stores.Citizens
    sealer: Sealer
    clock: Clock
    between_letters: timedelta

    def order(self, name: str, cpr: str) -> None:
        """Write the order down.

        Raises:
            ImpossibleCpr: not a CPR number, whoever's.
        """
        text = json.dumps([name[:_LONGEST_NAME], parse_cpr(cpr)])
        sealed, now = self.sealer.seal(text.encode(), BOUND_TO), self.clock()
        self.transact(lambda tx: self.orders.add(tx, sealed, now))

    def carry_out(self) -> int:
        """Issue letters for the oldest orders; how many were issued."""
        return self.transact(self._carry_out)

    def _carry_out(self, tx: stores.Tx) -> int:
        now = self.clock()
        return sum(self._issue(tx, order.sealed, now) for order in self.orders.take(tx, _BATCH))

    def _issue(self, tx: stores.Tx, sealed: bytes, now: datetime) -> bool:
        try:
            name, cpr = json.loads(self.sealer.unseal(sealed, BOUND_TO))
        except UnsealFailed:
            # Kept, it would hold up every order behind it for ever.
            _log.error("an order of a letter does not open and is dropped; the citizen has to order again")
            return False
        citizen = self.citizens.find_by_cpr(cpr)
        if citizen is None or not self._may_have_one(citizen, name, now):
            return False
        self.letters.issue(
            tx,
            kind=LetterKind.RECOVERY,
            citizen_id=citizen.citizen_id,
            actor=events.BY_CITIZEN,
            now=now,
        )
        return True

    def _may_have_one(self, citizen: Citizen, name: str, now: datetime) -> bool:
        if citizen.status == "closed" or citizen.address is None or not _is_name_of(citizen, name):
            return False
        last = self.letters.last_issued(kind=LetterKind.RECOVERY, citizen_id=citizen.citizen_id)
        return last is None or now >= last + self.between_letters


class LetterOrderThread:
    """Carries orders out every few seconds; `start()` once in a process."""

    def __init__(self, ordering: LetterOrdering, every: timedelta) -> None:
        self._ordering = ordering
        self._every = every
        self._ended = threading.Event()

    def start(self) -> None:
        """Begin; the thread ends with its process."""
        threading.Thread(target=self._run, daemon=True, name="letter-orders").start()

    def stop(self) -> None:
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.wait(self._every.total_seconds()):
            try:
                self._ordering.carry_out()
            except StoreUnavailable as fault:
                _log.warning("letter orders held up", extra={"why": str(fault)})
            except Exception:  # noqa: BLE001  a thread that ends for an unforeseen error would never issue again
                _log.exception("letter orders failed")


def _is_name_of(citizen: Citizen, typed: str) -> bool:
    """First and last name, however they were written; middle names may be missing."""
    given, family, words = _words(citizen.given_name), _words(citizen.family_name), _words(typed)
    return bool(given and family and words) and words[0] == given[0] and words[-1] == family[-1]


def _words(name: str) -> list[str]:
    return unicodedata.normalize("NFKC", name).casefold().replace("-", " ").split()
