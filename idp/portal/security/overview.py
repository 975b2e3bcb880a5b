"""How things stand, in a few lines: the first page."""

from datetime import datetime

from idp.ledger import events
from idp.portal.security import pages
from idp.portal.security.visit import ROOT, OwnVisit
from idp.services import Services
from mfa.factors import FactorKind
from mfa.overview import FactorStanding

_POSSESSED = frozenset({FactorKind.TOTP, FactorKind.WEBAUTHN})


def show_overview(services: Services, visit: OwnVisit) -> pages.Overview:
    standings = services.factor_overview.of_citizen(visit.citizen_id, visit.now)
    usable = [found for found in standings if found.factor.kind in _POSSESSED and not found.disabled]
    return pages.Overview(
        secret=visit.secret,
        path=ROOT,
        now=visit.now,
        notice=visit.notice,
        citizen_name=visit.citizen.name,
        ways=len(usable),
        codes_left=sum(found.codes_left or 0 for found in standings),
        troubled=tuple(filter(_is_troubled, standings)),
        sessions=len(services.self_service.sessions_of(visit.citizen_id)),
        last_sign_in=_sign_in_before(services, visit),
    )


def _is_troubled(standing: FactorStanding) -> bool:
    suspected = standing.key is not None and standing.key.suspected_at is not None
    return standing.disabled or suspected or standing.failures > 0


def _sign_in_before(services: Services, visit: OwnVisit) -> datetime | None:
    """When the citizen signed in before this session."""
    entries = services.history.latest(visit.citizen_id, events={events.SIGNED_IN}, limit=20)
    earlier = (entry.at for entry in entries if entry.at < visit.signed_in.session.started_at)
    return next(earlier, None)
