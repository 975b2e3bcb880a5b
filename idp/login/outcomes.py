"""What came of telling the services that a session has ended, in facts that a page has words for."""

from collections.abc import Iterable
from datetime import datetime

from clients_registry.client import Client
from clients_registry.registry import RegisteredClient
from idp.login.sign_out_pages import ServiceOutcome, Told
from idp.logout.notice import LogoutNotice, Outcome
from idp.services import Services
from idp.web import current_language

_WORST_FIRST = (
    Told.UNANSWERED,
    Told.WAITING,
    Told.NOT_TOLD,
    Told.ONLY_IN_BROWSER,
    Told.IN_BROWSER,
    Told.CONFIRMED,
)


def outcomes_of(services: Services, session_ids: Iterable[str], now: datetime) -> tuple[ServiceOutcome, ...]:
    """Each service of these sessions once, with the worst that came of it. The first one is this browser's own."""
    ids = tuple(session_ids)
    lasting = {
        grant.client_id
        for session_id in ids
        for grant in services.grants.of_session(session_id)
        if grant.offline and grant.revoked_at is None and grant.expires_at > now
    }
    found: dict[str, ServiceOutcome] = {}
    for notice in services.logout_notices.of_sessions(ids) if ids else ():
        lasts, framed = notice.client_id in lasting, notice.session_id == ids[0]
        outcome = outcome_of(services, notice, lasting=lasts, framed=framed)
        known = found.get(notice.client_id)
        if known is None or _WORST_FIRST.index(outcome.told) < _WORST_FIRST.index(known.told):
            found[notice.client_id] = outcome
    return tuple(
        sorted(found.values(), key=lambda outcome: (outcome.organisation_name, outcome.service_name))
    )


def outcome_of(
    services: Services, notice: LogoutNotice, *, lasting: bool, framed: bool = False
) -> ServiceOutcome:
    """One service of one session; `framed` where the page that tells it holds the frames of that session."""
    registered = services.registry.find_client(notice.client_id)
    return ServiceOutcome(
        client_id=notice.client_id,
        organisation_name=registered.organisation.name if registered else "",
        service_name=registered.client.name_in(current_language()) if registered else "",
        told=_told(notice.outcome, registered, framed=framed),
        lasting=lasting,
    )


def frames_of(services: Services, session_id: str) -> tuple[Client, ...]:
    """The services of a session that are told in the browser (OpenID Connect Front-Channel Logout 1.0 §2)."""
    found = []
    for notice in services.logout_notices.of_sessions((session_id,)):
        registered = services.registry.find_client(notice.client_id)
        if registered is not None and not registered.disabled and registered.client.frontchannel_logout_uri:
            found.append(registered.client)
    return tuple(found)


def _told(outcome: Outcome, registered: RegisteredClient | None, *, framed: bool) -> Told:
    """As the queue has it; a service that cannot be told is known to be one before the queue has looked at it."""
    if outcome in (Outcome.CONFIRMED, Outcome.UNANSWERED):
        return Told(outcome.value)
    client = None if registered is None or registered.disabled else registered.client
    if outcome is Outcome.WAITING and client is not None and client.backchannel_logout_uri:
        return Told.WAITING
    if client is None or not client.frontchannel_logout_uri:
        return Told.NOT_TOLD
    return Told.IN_BROWSER if framed else Told.ONLY_IN_BROWSER
