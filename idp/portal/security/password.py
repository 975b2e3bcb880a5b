"""Changing the password: the present one, a fresh second factor, and every other session ends (S-301, S-307)."""

from flask import Response

from idp.login.address_limits import count_failure, neighbourhood_must_wait
from idp.login.rejections import password_error
from idp.login.visit import KNOWN
from idp.portal.security import pages
from idp.portal.security.visit import ROOT, Done, OwnVisit
from idp.services import Services
from idp.web import RETRY_AFTER_SECONDS, read_cookie, render
from idp.web.enrolment import new_password_error
from idp.web.form_errors import ErrorKind, FormError
from mfa.errors import Busy, FactorRejected, PasswordRefused
from mfa.factors import FactorKind
from mfa.verification import PasswordAnswer

_PATH = f"{ROOT}/password"


def show_password(services: Services, visit: OwnVisit, *, error: FormError | None = None) -> pages.Password:
    return pages.Password(
        secret=visit.secret,
        path=_PATH,
        now=visit.now,
        notice=visit.notice,
        error=error,
        user_id=visit.citizen.user_id,
        has_password=_has_password(services, visit),
    )


def change_password(services: Services, visit: OwnVisit, form: dict[str, str]) -> Response:
    """Replace the password, once the present one was proven; whoever has none yet chooses a first one."""
    error = _check_present(services, visit, form.get("current_password", ""))
    if error is not None:
        return _refuse(services, visit, error)
    citizen = visit.citizen
    try:
        services.self_service.change_password(
            visit.citizen_id,
            form.get("new_password", ""),
            personal=(citizen.user_id, citizen.name),
            kept_session_id=visit.signed_in.session.session_id,
        )
    except PasswordRefused as refusal:
        return _refuse(services, visit, new_password_error(refusal))
    except Busy:
        return _refuse(services, visit, FormError(ErrorKind.BUSY))
    return visit.after(_PATH, Done.PASSWORD_CHANGED)


def _check_present(services: Services, visit: OwnVisit, password: str) -> FormError | None:
    """Counted, slowed and blocked like at the sign-in, on the same count (S-246)."""
    if not _has_password(services, visit):
        return None
    if not password:
        return FormError(ErrorKind.MISSING_CURRENT_PASSWORD)
    if neighbourhood_must_wait(services):
        return FormError(ErrorKind.BLOCKED)
    known = services.known_browsers.knows(read_cookie(KNOWN), visit.citizen_id, visit.now)
    try:
        services.verification.verify(
            visit.citizen_id, PasswordAnswer(password), known_browser=known, now=visit.now
        )
    except (FactorRejected, Busy) as rejection:
        count_failure(services, rejection, "password")
        error = password_error(rejection, visit.now)
        if error.kind is ErrorKind.CREDENTIALS_DO_NOT_MATCH:
            return FormError(ErrorKind.CURRENT_PASSWORD_WRONG, seconds=error.seconds)
        return error
    return None


def _has_password(services: Services, visit: OwnVisit) -> bool:
    factors = services.factors.of_citizen(visit.citizen_id)
    return any(factor.kind is FactorKind.PASSWORD for factor in factors)


def _refuse(services: Services, visit: OwnVisit, error: FormError) -> Response:
    response = render(show_password(services, visit, error=error), error.status)
    if response.status_code in (429, 503):
        response.headers["Retry-After"] = str(error.seconds or RETRY_AFTER_SECONDS)
    return response
