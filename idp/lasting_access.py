"""What citizens see and end of the lasting access that they gave to services (OpenID Connect Core §11).

Ending one takes everything back that the citizen gave to the service, so that it has to ask anew. How such access is
given is the login's matter, how it is used the grant type's.
"""

from dataclasses import dataclass
from datetime import datetime

from idp.clock import Clock
from idp.ledger import events
from idp.storage import ports


class NoSuchAccess(Exception):
    """The service has no lasting access from this citizen."""


@dataclass(frozen=True, slots=True)
class ServiceAccess:
    """All lasting access of one client to one citizen's data."""

    client_id: str
    since: datetime
    last_used_at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class LastingAccesses:
    """The citizen's view of them."""

    transact: ports.Transact
    refresh_tokens: ports.RefreshTokens
    grants: ports.Grants
    consents: ports.Consents
    ledger: ports.Ledger
    clock: Clock

    def of_citizen(self, citizen_id: str) -> list[ServiceAccess]:
        """A service each, the last used first."""
        found: dict[str, ServiceAccess] = {}
        for access in self.refresh_tokens.lasting_of(citizen_id, self.clock()):
            grant = access.grant
            others = found.get(grant.client_id)
            found[grant.client_id] = ServiceAccess(
                client_id=grant.client_id,
                since=min(grant.created_at, others.since) if others else grant.created_at,
                last_used_at=max(access.last_used_at, others.last_used_at) if others else access.last_used_at,
                until=max(grant.expires_at, others.until) if others else grant.expires_at,
            )
        return sorted(found.values(), key=lambda access: access.last_used_at, reverse=True)

    def end(self, citizen_id: str, client_id: str, *, service_name: str) -> None:
        """End every grant of the service and take the citizen's consents to it back.

        Raises:
            NoSuchAccess
        """
        if client_id not in {access.client_id for access in self.of_citizen(citizen_id)}:
            raise NoSuchAccess
        now = self.clock()

        def work(tx: ports.Tx) -> None:
            self.grants.revoke_all_of(tx, at=now, citizen_id=citizen_id, client_id=client_id)
            self.consents.revoke(tx, citizen_id, client_id, None, now)
            self.ledger.append(
                tx,
                event=events.ACCESS_ENDED,
                actor=events.BY_CITIZEN,
                at=now,
                citizen_id=citizen_id,
                facts={"client_id": client_id, "service": service_name},
            )

        self.transact(work)
