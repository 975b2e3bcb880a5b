"""Ended sessions, and the services that are told of them."""

from datetime import timedelta
from functools import cached_property

from clients_registry.registry import RegisteredClient
from idp import metrics
from idp.logout.in_sql import LogoutNotices
from idp.logout.notice import LogoutNotice
from idp.logout.sending import LogoutSending
from idp.logout.telling import TellingEndedSessions
from idp.protocol.encryption import envelope_for
from idp.storage import in_sql
from idp.tokens.logout_token import issue_logout_token
from idp.wiring.clients import WithClients

_LOGOUTS_EVERY = timedelta(seconds=1)
"""The citizen who signed out looks at the answers (login/signed_out.py)."""


class WithLogouts(WithClients):
    """What idp/logout needs."""

    @cached_property
    def logout_notices(self) -> LogoutNotices:
        return LogoutNotices(self.database.reading)

    @cached_property
    def ended_sessions(self) -> TellingEndedSessions:
        return TellingEndedSessions(in_sql.EndedSessions(self.database.reading), self.logout_notices)

    def logout_token(self, registered: RegisteredClient, notice: LogoutNotice) -> str:
        """A fresh one for this try, encrypted where the client's ID tokens are."""
        token = issue_logout_token(
            self.policy,
            self.key_ring,
            self.subjects,
            client=registered.client,
            citizen_id=notice.citizen_id,
            session_id=notice.session_id,
            now=self.clock(),
        )
        return envelope_for(registered, registered.client.id_token_encryption).seal(token)

    @cached_property
    def logout_sending(self) -> LogoutSending:
        return LogoutSending(
            transact=self.database.transact,
            queue=self.logout_notices,
            registry=self.registry,
            make_token=self.logout_token,
            fetcher=self.fetcher,
            ledger=self.ledger,
            clock=self.clock,
            every=_LOGOUTS_EVERY,
            count=metrics.count,
        )
