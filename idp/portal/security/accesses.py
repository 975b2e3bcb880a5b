"""Which services have lasting access, and ending it."""

from flask import Response
from werkzeug.exceptions import NotFound

from idp.lasting_access import NoSuchAccess, ServiceAccess
from idp.portal.security import pages
from idp.portal.security.visit import ROOT, Done, OwnVisit
from idp.services import Services
from idp.web.language import current_language

_LIST = f"{ROOT}/access"


def show_accesses(services: Services, visit: OwnVisit) -> pages.Accesses:
    return pages.Accesses(
        secret=visit.secret,
        path=_LIST,
        now=visit.now,
        notice=visit.notice,
        accesses=tuple(
            _row(services, visit, access) for access in services.lasting_accesses.of_citizen(visit.citizen_id)
        ),
    )


def end_access(services: Services, visit: OwnVisit, form: dict[str, str], service: str) -> Response:
    """End the access of the service that this page named so."""
    del form
    for access in services.lasting_accesses.of_citizen(visit.citizen_id):
        if visit.handle_of(access.client_id) == service:
            return _end(services, visit, access)
    raise NotFound


def _end(services: Services, visit: OwnVisit, access: ServiceAccess) -> Response:
    row = _row(services, visit, access)
    try:
        services.lasting_accesses.end(visit.citizen_id, access.client_id, service_name=row.service_name)
    except NoSuchAccess:  # in another tab meanwhile
        raise NotFound from None
    return visit.after(_LIST, Done.ACCESS_ENDED)


def _row(services: Services, visit: OwnVisit, access: ServiceAccess) -> pages.AccessRow:
    registered = services.registry.find_client(access.client_id)
    return pages.AccessRow(
        handle=visit.handle_of(access.client_id),
        organisation_name=registered.organisation.name if registered else "",
        service_name=registered.client.name_in(current_language()) if registered else "",
        since=access.since,
        last_used_at=access.last_used_at,
        until=access.until,
    )
