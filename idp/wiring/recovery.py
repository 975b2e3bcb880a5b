"""The way back in: recoveries, letters that were ordered, proofing, stopping."""

from datetime import timedelta
from functools import cached_property

from idp.recovery import in_sql as recovery_in_sql
from idp.recovery.completion import Completion
from idp.recovery.letter_orders import LetterOrdering, LetterOrderThread
from idp.recovery.moves import RecoveryMoves
from idp.recovery.proofing import Proofing
from idp.recovery.stopping import RecoveryStops
from idp.storage import in_redis, in_sql
from idp.storage.safety_in_sql import Safeties
from idp.wiring.messages import WithMessages
from mfa.in_sql import Factors

_ORDERS_EVERY = timedelta(seconds=5)


class WithRecovery(WithMessages):
    """What idp/recovery needs, and what needs it."""

    @cached_property
    def recovery_moves(self) -> RecoveryMoves:
        reading = self.database.reading
        return RecoveryMoves(
            transact=self.database.transact,
            store=recovery_in_sql.Recoveries(reading),
            proofings=self.proofings,
            letters=self.letters,
            citizens=self.citizen_store,
            factors=Factors(reading),
            outbox=self.outbox,
            sealer=self._sealer("messages"),
            ledger=self.ledger,
            completion=Completion(
                recoveries=recovery_in_sql.Recoveries(reading),
                citizens=self.citizen_store,
                safeties=Safeties(reading, self.recovery_times.cap),
                sessions=in_redis.BrowserSessions(self.redis, self.clock),
                ended_sessions=self.ended_sessions,
                grants=in_sql.Grants(reading, self.clock),
                letters=self.letters,
                ledger=self.ledger,
                recovery_codes=self.recovery_enrolment,
            ),
            times=self.recovery_times,
        )

    @cached_property
    def recovery_stops(self) -> RecoveryStops:
        store = recovery_in_sql.Recoveries(self.database.reading)
        return RecoveryStops(self.database.transact, store, self.ledger)

    @cached_property
    def letter_ordering(self) -> LetterOrdering:
        return LetterOrdering(
            transact=self.database.transact,
            orders=recovery_in_sql.LetterOrders(),
            letters=self.letters,
            citizens=self.citizen_store,
            sealer=self._sealer("letter-orders"),
            clock=self.clock,
            between_letters=self.recovery_times.between_letters,
        )

    @cached_property
    def letter_order_thread(self) -> LetterOrderThread:
        return LetterOrderThread(self.letter_ordering, _ORDERS_EVERY)

    @cached_property
    def proofings(self) -> recovery_in_sql.Proofings:
        return recovery_in_sql.Proofings(self.database.reading, needed=2 if self.policy.high_offered else 1)

    @cached_property
    def proofing(self) -> Proofing:
        return Proofing(
            transact=self.database.transact,
            proofings=self.proofings,
            ledger=self.ledger,
            clock=self.clock,
            lifetime=self.recovery_times.proofing,
        )
