""" "Block my access now": what it does is told before, and how the access is opened again before and after."""

from flask import Response

from idp.login.browser_handle import abandon_sign_ins, forget_sign_in
from idp.portal.security import pages
from idp.portal.security.visit import ROOT, OwnVisit
from idp.self_service import NotActive
from idp.services import Services
from idp.web import render


def show_block(services: Services, visit: OwnVisit) -> pages.Block:
    del services
    return pages.Block(secret=visit.secret, path=f"{ROOT}/block", now=visit.now)


def block(services: Services, visit: OwnVisit, form: dict[str, str]) -> Response:
    """Nobody signs in as this citizen from the commit on; pressing twice is harmless."""
    del form
    abandon_sign_ins(services)
    try:
        ended = services.self_service.block(visit.citizen_id)
    except NotActive:
        ended = 0
    response = render(pages.Blocked(ended=ended))
    forget_sign_in(response)
    return response
