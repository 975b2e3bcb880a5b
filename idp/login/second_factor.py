"""POST /login/<attempt>/totp and /key: the second factor, or the one that a session lacks.

Of the citizen whose password was proven in this attempt, or whose session this is, and of nobody else (S-277, S-300).
Only a way that the question offers is looked at, whatever page it was posted from (S-297).
"""

from flask import Response

from idp.ceremonies import SIGN_IN, CeremonyGone
from idp.login.address_limits import GUESSES, KEYS, AddressLimit, check_neighbourhood, count_failure
from idp.login.browser_handle import forget_proof
from idp.login.flow import after_post, proceed, question_of
from idp.login.pages import ErrorKind, FormError
from idp.login.question import Question, Way
from idp.login.rejections import code_error, key_error
from idp.login.sign_in import proven, sign_in, step_up
from idp.login.visit import KNOWN, Visit, ceremony_binding
from idp.services import Services
from idp.web import read_cookie
from mfa.errors import Busy, FactorRejected, Rejection
from mfa.factors import VerifiedFactor
from mfa.verification import Answer, TotpAnswer, WebauthnAnswer

_LOCKED = frozenset({Rejection.BLOCKED, Rejection.DISABLED})


def post_code(services: Services, visit: Visit, form: dict[str, str]) -> Response:
    """The six digits."""
    question = question_of(services, visit)
    if question is None or Way.TOTP not in question.ways:
        return after_post(visit)  # a second press, or a form from before: the dispatcher knows where we are
    code = form.get("code", "").strip()
    if not code:
        return proceed(services, visit, error=FormError(ErrorKind.MISSING_CODE), way=Way.TOTP)
    check_neighbourhood(services, visit)
    try:
        verified = _verify(services, visit, question, TotpAnswer(code), "totp", GUESSES)
    except (FactorRejected, Busy) as rejection:
        return proceed(services, visit, error=code_error(rejection, visit.now), way=Way.TOTP)
    return _accept(services, visit, verified)


def post_key(services: Services, visit: Visit, form: dict[str, str]) -> Response:
    """A passkey or security key of the citizen's."""
    question = question_of(services, visit)
    if question is None or Way.KEY not in question.ways:
        return after_post(visit)
    credential = form.get("credential", "")
    if not credential:
        return proceed(services, visit, error=FormError(ErrorKind.MISSING_KEY), way=Way.KEY)
    check_neighbourhood(services, visit, KEYS)
    try:
        ceremony = services.ceremonies.take(SIGN_IN, ceremony_binding(visit, Way.KEY), credential)
    except CeremonyGone:
        services.count("factors", {"kind": "webauthn", "outcome": "late"})
        return proceed(services, visit, error=FormError(ErrorKind.KEY_LATE), way=Way.KEY)
    try:
        answer = WebauthnAnswer(credential, ceremony, question.allowed)
        verified = _verify(services, visit, question, answer, "webauthn", KEYS)
    except (FactorRejected, Busy) as rejection:
        return proceed(services, visit, error=key_error(rejection, visit.now), way=Way.KEY)
    return _accept(services, visit, verified)


def _verify(
    services: Services, visit: Visit, question: Question, answer: Answer, kind: str, limit: AddressLimit
) -> VerifiedFactor:
    """Raises: FactorRejected, Busy."""
    known = services.known_browsers.knows(read_cookie(KNOWN), question.citizen_id, visit.now)
    try:
        verified = services.verification.verify(
            question.citizen_id, answer, known_browser=known, now=visit.now
        )
    except (FactorRejected, Busy) as rejection:
        count_failure(services, rejection, kind, limit)
        _begin_again_if_locked(services, rejection)
        raise
    services.count("factors", {"kind": kind, "outcome": "proven"})
    return verified


def _accept(services: Services, visit: Visit, verified: VerifiedFactor) -> Response:
    factor = proven(services, verified)
    if visit.half_proven is not None:
        return sign_in(services, visit, verified.citizen_id, (*visit.half_proven.factors, factor))
    if visit.signed_in is None:
        raise AssertionError("a question to nobody was answered")
    return step_up(services, visit, visit.signed_in, factor)


def _begin_again_if_locked(services: Services, rejection: FactorRejected | Busy) -> None:
    """A sign-in that met a lock is over: when the lock ends, it begins with the first factor again (S-247)."""
    if isinstance(rejection, FactorRejected) and rejection.reason in _LOCKED:
        forget_proof(services)
