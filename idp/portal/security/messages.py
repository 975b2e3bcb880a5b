"""The inbox: what we told this citizen, on whatever channel."""

from idp.portal.security import pages
from idp.portal.security.visit import ROOT, OwnVisit
from idp.services import Services


def show_messages(services: Services, visit: OwnVisit) -> pages.Messages:
    safety = services.safeties.find(visit.citizen_id)
    return pages.Messages(
        secret=visit.secret,
        path=f"{ROOT}/messages",
        now=visit.now,
        messages=tuple(services.outbox.of_citizen(visit.citizen_id)),
        phrase=safety.phrase,
        cap_days=safety.cap.days,
    )
