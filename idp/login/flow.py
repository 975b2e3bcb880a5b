"""The dispatcher: every step returns here, and stored state decides what comes next.

Knows the order of nothing (steps.py does) and the words of nothing (templates do).
"""

from flask import Response

from idp.errors import OAuthError, RedirectedError
from idp.grants.authorization_code import AlreadyDecided, issue_code
from idp.login import pages
from idp.login.steps import Situation, Step, next_step
from idp.login.visit import Visit, asker_of, ensure_browser, turn_back
from idp.login.way_back import lead_back, see_other, send_back
from idp.protocol.response_mode import AuthorizationResponse, code_response, error_response
from idp.records import AuthorizationRequest, Consent, LoginAttempt
from idp.services import Services
from idp.web import RETRY_AFTER_SECONDS, prefer_languages, render


def begin(services: Services, visit: Visit) -> Response:
    """The answer to an authorization request: straight back where nothing is missing, else to the first page."""
    outcome = _outcome(services, visit)
    if isinstance(outcome, AuthorizationResponse):
        return send_back(outcome, visit)
    response = see_other(f"/login/{visit.attempt.attempt_id}")
    ensure_browser(response, visit.browser_secret)
    return response


def proceed(
    services: Services, visit: Visit, *, error: pages.FormError | None = None, user_id: str = ""
) -> Response:
    """The page of the step that the attempt is at; at its end a page that leads back to the service."""
    prefer_languages(visit.attempt.request.ui_locales)
    outcome = _outcome(services, visit)
    if isinstance(outcome, AuthorizationResponse):
        return lead_back(outcome, visit)
    response = render(_page(services, visit, outcome, error, user_id), _status(error))
    if response.status_code in (429, 503):
        response.headers["Retry-After"] = str((error and error.seconds) or RETRY_AFTER_SECONDS)
    return response


def is_at_consent(services: Services, visit: Visit) -> bool:
    """Whether the citizen is being told or asked what is released: only then an answer to that counts (S-295)."""
    try:
        return next_step(_situation(services, visit)) in (Step.INFORM, Step.ASK)
    except OAuthError:
        return False


def after_post(visit: Visit) -> Response:
    """Post, redirect, get: so that a reload repeats nothing (RFC 9110 §15.4.4, S-031)."""
    return see_other(f"/login/{visit.attempt.attempt_id}")


def _outcome(services: Services, visit: Visit) -> Step | AuthorizationResponse:
    """The next step, or the answer to the client where there is none."""
    try:
        step = next_step(_situation(services, visit))
        return _decide(services, visit) if step is Step.DECIDE else step
    except OAuthError as refusal:
        return refusal_of(services, visit.attempt.request, refusal)


def _decide(services: Services, visit: Visit) -> AuthorizationResponse:
    """Spend the request and issue the code."""
    if visit.signed_in is None:
        raise AssertionError("the table let an attempt through without a session")
    try:
        code = issue_code(services, visit.attempt, visit.signed_in.session)
    except AlreadyDecided:
        turn_back(visit.registered, pages.NoticeKind.ALREADY_USED, 409)
    return code_response(services.policy.issuer, visit.attempt.request, code)


def refusal_of(
    services: Services, request: AuthorizationRequest, refusal: OAuthError
) -> AuthorizationResponse:
    """What the client is told where its request is refused."""
    told = RedirectedError(refusal, request.redirect_uri, request.response_mode, request.state)
    return error_response(services.policy.issuer, told)


def _situation(services: Services, visit: Visit) -> Situation:
    session = visit.signed_in.session if visit.signed_in else None
    request, client = visit.attempt.request, visit.registered.client
    purpose = client.purpose(request.purpose_id)
    consent = services.consents.find(session.citizen_id, client.client_id, purpose.id) if session else None
    in_force = consent is not None and _covers(consent, purpose.version, visit.attempt)
    return Situation(
        attempt=visit.attempt,
        now=visit.now,
        session=session,
        partial=visit.partial,
        session_subject=services.subjects.for_client(client, session.citizen_id) if session else None,
        released=bool(request.claims),
        legal_ground=purpose.legal_ground,
        settled_at=consent.given_at if consent is not None and in_force else None,
    )


def _covers(consent: Consent, version: str, attempt: LoginAttempt) -> bool:
    """Consent to less than is asked now is no consent to it."""
    return consent.version == version and set(attempt.request.claims) <= set(consent.claims)


def _page(
    services: Services, visit: Visit, step: Step, error: pages.FormError | None, user_id: str
) -> pages.Step:
    asker, attempt_id, token = asker_of(visit), visit.attempt.attempt_id, visit.token
    if step is Step.FIRST_FACTOR:
        return pages.FirstFactor(
            asker=asker,
            attempt_id=attempt_id,
            csrf_token=token,
            user_id=user_id or visit.attempt.request.login_hint or "",
            error=error,
            signed_in_again=visit.signed_in is not None,
        )
    if step is Step.SECOND_FACTOR:
        return pages.SecondFactor(asker=asker, attempt_id=attempt_id, csrf_token=token, error=error)
    citizen = services.citizens.find(visit.signed_in.session.citizen_id) if visit.signed_in else None
    return pages.Consent(
        asker=asker,
        attempt_id=attempt_id,
        csrf_token=token,
        ground="law" if step is Step.INFORM else "consent",
        released=visit.attempt.request.claims,
        citizen_name=citizen.name if citizen else "",
    )


_WAITING = {pages.ErrorKind.SLOWED, pages.ErrorKind.BLOCKED}


def _status(error: pages.FormError | None) -> int:
    """An answer that was not accepted is a 400, one that was not looked at a 429 or a 503 (S-237, S-254)."""
    if error is None:
        return 200
    if error.kind is pages.ErrorKind.BUSY:
        return 503
    return 429 if error.kind in _WAITING else 400
