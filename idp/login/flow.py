"""The dispatcher: every step returns here, and stored state decides what comes next.

Knows the order of nothing (steps.py does) and the words of nothing (templates do).
"""

from flask import Response

from idp.errors import OAuthError
from idp.grants.authorization_code import issue_code
from idp.grants.decision import AlreadyDecided
from idp.login import pages
from idp.login.answer import check_can_answer, sealed_for
from idp.login.page_of import page_of
from idp.login.question import Question, fresh_question, own_factors, second_question, step_up_question
from idp.login.refusal import refusal_of
from idp.login.steps import Situation, Step, next_step
from idp.login.visit import Visit, ensure_browser, turn_back
from idp.login.way_back import lead_back, see_other, send_back
from idp.protocol.acr import can_be_met, missing_levels
from idp.protocol.response_mode import AuthorizationResponse, code_response
from idp.records import OFFLINE_ACCESS, Consent, LoginAttempt, OwnPage
from idp.services import Services
from idp.web import RETRY_AFTER_SECONDS, prefer_languages, render

_Outcome = Step | AuthorizationResponse | OwnPage


def begin(services: Services, visit: Visit) -> Response:
    """The answer to an authorization request: straight back where nothing is missing, else to the first page."""
    outcome = _outcome(services, visit)
    if isinstance(outcome, AuthorizationResponse):
        return send_back(outcome, visit)
    response = see_other(f"/login/{visit.attempt.attempt_id}")
    ensure_browser(response, visit.browser_secret)
    return response


def proceed(
    services: Services,
    visit: Visit,
    *,
    error: pages.FormError | None = None,
    user_id: str = "",
    way: str | None = None,
) -> Response:
    """The page of the step that the attempt is at; at its end a page that leads back to the service.

    `way` is how the citizen wants to show a second factor, where there are several.
    """
    prefer_languages(visit.attempt.request.ui_locales)
    outcome = _outcome(services, visit)
    if isinstance(outcome, OwnPage):
        return see_other(outcome.path)
    if isinstance(outcome, AuthorizationResponse):
        return lead_back(outcome, visit)
    question = _question(services, visit, outcome)
    page = page_of(services, visit, outcome, question, pages.Again(error, user_id, way))
    response = render(page, 200 if error is None else error.status)
    if response.status_code in (429, 503):
        response.headers["Retry-After"] = str((error and error.seconds) or RETRY_AFTER_SECONDS)
    return response


def step_of(services: Services, visit: Visit) -> Step | None:
    """Where the attempt is; None where its request is refused. An answer to another step counts for nothing (S-295)."""
    try:
        return next_step(_situation(services, visit))
    except OAuthError:
        return None


def question_of(services: Services, visit: Visit) -> Question | None:
    """The factor that is asked for beside the first one, if one is."""
    step = step_of(services, visit)
    return None if step is None else _question(services, visit, step)


def after_post(visit: Visit) -> Response:
    """Post, redirect, get: so that a reload repeats nothing (RFC 9110 §15.4.4, S-031)."""
    return see_other(f"/login/{visit.attempt.attempt_id}")


def _outcome(services: Services, visit: Visit) -> _Outcome:
    """The next step, or where there is none the answer to the client, or the page of ours that waits."""
    try:
        situation = _situation(services, visit)
        step = next_step(situation)
        if step is not Step.DECIDE:
            return step
        return visit.attempt.own_page or _issue(services, visit, lasting=situation.lasting)
    except OAuthError as refusal:
        if visit.attempt.device is not None:  # nothing is decided; the citizen may type the code again
            turn_back(visit.registered, pages.NoticeKind.DEVICE_AGAIN, 403)
        return refusal_of(services, visit.attempt.request, refusal)


def decide(services: Services, visit: Visit, *, lasting: bool) -> Response:
    """Decide for the client at once, by an answer that speaks for this attempt alone."""
    try:
        return lead_back(_issue(services, visit, lasting=lasting), visit)
    except OAuthError as refusal:
        return lead_back(refusal_of(services, visit.attempt.request, refusal), visit)


def _issue(services: Services, visit: Visit, *, lasting: bool) -> AuthorizationResponse:
    """Spend the request and issue the code."""
    if visit.signed_in is None:
        raise AssertionError("the table let an attempt through without a session")
    request = visit.attempt.request
    check_can_answer(services, request)
    try:
        code = issue_code(services, visit.attempt, visit.signed_in.session, lasting=lasting)
    except AlreadyDecided:
        turn_back(visit.registered, pages.NoticeKind.ALREADY_USED, 409)
    return sealed_for(services, request.client_id, code_response(services.policy.issuer, request, code))


def _situation(services: Services, visit: Visit) -> Situation:
    session = visit.signed_in.session if visit.signed_in else None
    request, client = visit.attempt.request, visit.registered.client
    purpose = client.purpose(request.purpose_id)
    consent = services.consents.find(session.citizen_id, client.client_id, purpose.id) if session else None
    lacks, missing = _missing(services, visit)
    in_force = consent is not None and _covers(consent, purpose.version, visit.attempt)
    offline = OFFLINE_ACCESS in request.scope
    return Situation(
        attempt=visit.attempt,
        now=visit.now,
        session=session,
        partial=visit.half_proven,
        session_subject=services.subjects.for_client(client, session.citizen_id) if session else None,
        released=bool(request.claims or request.resource_scope) or offline,
        legal_ground="consent" if offline or request.authorization_details else purpose.legal_ground,
        settled_at=consent.given_at if consent is not None and in_force else None,
        lasting=offline and consent is not None and OFFLINE_ACCESS in consent.claims,
        can_be_met=can_be_met(request, services.policy),
        lacks=lacks,
        missing=missing,
    )


def _missing(services: Services, visit: Visit) -> tuple[bool, Question | None]:
    """Whether the session lacks something that is asked for, and which factor would give it."""
    session, own_page = visit.signed_in.session if visit.signed_in else None, visit.attempt.own_page
    if session is None:
        return False, None
    if own_page is not None:
        stale = own_page.fresh and not own_factors(services, session.citizen_id).is_fresh(session, visit.now)
        return stale, fresh_question(services, session) if stale else None
    levels = missing_levels(visit.attempt.request, session, services.policy)
    return bool(levels), step_up_question(services, session, levels, visit.now) if levels else None


def _question(services: Services, visit: Visit, step: Step) -> Question | None:
    if step is Step.STEP_UP:
        return _missing(services, visit)[1]
    if step is not Step.SECOND_FACTOR or visit.half_proven is None:
        return None
    asked = visit.attempt.request.acr_values
    return second_question(services, visit.half_proven.citizen_id, asked, visit.now)


def _covers(consent: Consent, version: str, attempt: LoginAttempt) -> bool:
    """Consent to less than is asked now is no consent to it."""
    asked = {*attempt.request.claims, *attempt.request.resource_scope}
    if consent.version != version or not asked <= set(consent.claims):
        return False
    # Asked in this attempt, the citizen may have said no to this part alone.
    asks = OFFLINE_ACCESS in attempt.request.scope and consent.given_at < attempt.started_at
    return not asks or OFFLINE_ACCESS in consent.claims
