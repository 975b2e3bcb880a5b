"""POST /login/<attempt>/device: the citizen lets a device act as them, or does not (RFC 8628 §3.3)."""

from flask import Response

from idp.errors import AccessDenied
from idp.grants import device_code
from idp.grants.decision import AlreadyDecided
from idp.login.cancel import refuse
from idp.login.consent import settle
from idp.login.flow import after_post, step_of
from idp.login.page_of import device_answered
from idp.login.pages import NoticeKind
from idp.login.steps import Step
from idp.login.visit import SignedIn, Visit, turn_back
from idp.records import OFFLINE_ACCESS
from idp.services import Services
from idp.web import current_language, render


def post_device(services: Services, visit: Visit, form: dict[str, str]) -> Response:
    """Decide for this device, by the citizen who is signed in; an answer that is neither yes nor no decides nothing."""
    if visit.signed_in is None or step_of(services, visit) is not Step.DEVICE:
        return after_post(visit)
    decision = form.get("decision")
    if decision == "decline":
        return refuse(services, visit, AccessDenied("The citizen did not let the device in."))
    if decision not in ("accept", "once"):
        return after_post(visit)
    return _approve(services, visit, visit.signed_in, lasting=decision == "accept")


def _approve(services: Services, visit: Visit, signed_in: SignedIn, *, lasting: bool) -> Response:
    request, client = visit.attempt.request, visit.registered.client
    lasting = lasting and OFFLINE_ACCESS in request.scope
    if request.claims or lasting:
        settle(services, visit, signed_in.session.citizen_id, lasting=lasting)
    service_name = client.name_in(current_language())
    try:
        device_code.approve(
            services, visit.attempt, signed_in.session, lasting=lasting, service_name=service_name
        )
    except AlreadyDecided:
        turn_back(visit.registered, NoticeKind.ALREADY_USED, 409)
    return render(device_answered(visit, approved=True))
