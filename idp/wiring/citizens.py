"""The citizens: their records, their way in, and what they do for themselves."""

from datetime import timedelta
from functools import cached_property

from idp.activation.activation import Activation
from idp.citizens import Citizens
from idp.lasting_access import LastingAccesses
from idp.ledger.in_sql import History
from idp.letters import in_sql as letters_in_sql
from idp.letters.invitations_in_sql import Invitations
from idp.letters.letters import Letters
from idp.new_citizens import NewCitizens
from idp.places import FindPlace, open_places
from idp.self_service import SelfService
from idp.storage import citizens_in_sql, in_redis, in_sql
from idp.storage.refresh_in_sql import RefreshTokens
from idp.storage.safety_in_sql import Safeties
from idp.wiring.factors import SHOWN_NAME, WithFactors


class WithCitizens(WithFactors):
    """Citizens, invitations, activation and self-service."""

    @cached_property
    def citizen_store(self) -> citizens_in_sql.Citizens:
        return citizens_in_sql.Citizens(
            self.database.reading, self._sealer("citizens"), self.secrets.index_secret
        )

    @cached_property
    def citizens(self) -> Citizens:
        reading = self.database.reading
        return Citizens(
            transact=self.database.transact,
            store=self.citizen_store,
            consents=in_sql.Consents(reading),
            grants=in_sql.Grants(reading, self.clock),
            sessions=in_redis.BrowserSessions(self.redis, self.clock),
            ended_sessions=self.ended_sessions,
            ledger=self.ledger,
            clock=self.clock,
        )

    @cached_property
    def new_citizens(self) -> NewCitizens:
        return NewCitizens(self.citizens, self.enrolment, SHOWN_NAME)

    @cached_property
    def letters(self) -> Letters:
        store = letters_in_sql.Letters(self.database.reading)
        lifetime = timedelta(days=self.settings.letter_days)
        return Letters(store, self._sealer("letters"), self.ledger, lifetime)

    @cached_property
    def invitations(self) -> Invitations:
        sealer = self._sealer("invitations")
        return Invitations(self.database.reading, sealer, self.citizen_store.cpr_index)

    @cached_property
    def activation(self) -> Activation:
        return Activation(
            transact=self.database.transact,
            letters=self.letters,
            invitations=self.invitations,
            citizens=self.citizen_store,
            enrolment=self.enrolment,
            recovery=self.recovery_enrolment,
            ledger=self.ledger,
            clock=self.clock,
        )

    @cached_property
    def self_service(self) -> SelfService:
        reading = self.database.reading
        return SelfService(
            transact=self.database.transact,
            citizens=self.citizen_store,
            grants=in_sql.Grants(reading, self.clock),
            sessions=in_redis.BrowserSessions(self.redis, self.clock),
            ended_sessions=self.ended_sessions,
            ledger=self.ledger,
            history=History(reading),
            safeties=Safeties(reading, self.recovery_times.cap),
            enrolment=self.enrolment,
            clock=self.clock,
        )

    @cached_property
    def lasting_accesses(self) -> LastingAccesses:
        reading = self.database.reading
        return LastingAccesses(
            transact=self.database.transact,
            refresh_tokens=RefreshTokens(reading),
            grants=in_sql.Grants(reading, self.clock),
            consents=in_sql.Consents(reading),
            ledger=self.ledger,
            clock=self.clock,
        )

    @cached_property
    def find_place(self) -> FindPlace:
        return open_places(self.settings.location_database)
