"""POST /login/<attempt>/cancel: back to the service without a sign-in."""

from flask import Response

from idp.errors import AccessDenied, OAuthError
from idp.grants import device_code
from idp.grants.decision import AlreadyDecided, record_refusal
from idp.login.browser_handle import forget_proof
from idp.login.page_of import device_answered
from idp.login.pages import NoticeKind
from idp.login.refusal import refusal_of
from idp.login.visit import PROOF, Visit, turn_back
from idp.login.way_back import lead_back, see_other
from idp.services import Services
from idp.web import forget_cookie, render


def post_cancel(services: Services, visit: Visit, form: dict[str, str]) -> Response:
    """`access_denied` for the client, at whatever step (RFC 6749 §4.1.2.1)."""
    del form
    return refuse(services, visit, AccessDenied("The citizen cancelled the sign-in."))


def refuse(services: Services, visit: Visit, refusal: OAuthError) -> Response:
    """Decide the request with a refusal. What was proven in the attempt is forgotten."""
    if visit.attempt.own_page is not None:
        return _to_the_front_page(services)
    citizen_id = visit.signed_in.session.citizen_id if visit.signed_in else None
    record = record_refusal if visit.attempt.device is None else device_code.refuse
    try:
        record(services, visit.attempt, refusal, citizen_id=citizen_id)
    except AlreadyDecided:
        turn_back(visit.registered, NoticeKind.ALREADY_USED, 409)
    forget_proof(services)
    response = _answer(services, visit, refusal)
    forget_cookie(response, PROOF)
    return response


def _answer(services: Services, visit: Visit, refusal: OAuthError) -> Response:
    """By the way that the request's answer takes."""
    if visit.attempt.device is not None:
        return render(device_answered(visit, approved=False))
    return lead_back(refusal_of(services, visit.attempt.request, refusal), visit)


def _to_the_front_page(services: Services) -> Response:
    """Nobody asked but the citizen, so there is nobody to tell."""
    forget_proof(services)
    response = see_other("/")
    forget_cookie(response, PROOF)
    return response
