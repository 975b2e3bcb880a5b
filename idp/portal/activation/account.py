"""User ID and password. Whether a user ID is taken is told only here, behind a valid code, and not often (S-238)."""

from datetime import timedelta

from flask import Response

from idp.activation.user_ids import UserIdFault, UserIdRefused
from idp.portal.activation import pages
from idp.portal.activation.visit import ActivationVisit, keep
from idp.services import Services
from idp.web import render
from idp.web.enrolment import new_password_error
from idp.web.form_errors import ErrorKind, FormError
from mfa.errors import Busy, PasswordRefused

_TRIES = "user-id-tries"
_MOST_TRIES, _WINDOW = 30, timedelta(hours=1)
_FAULTS = {
    UserIdFault.FORM: ErrorKind.USER_ID_FORM,
    UserIdFault.PERSONAL: ErrorKind.USER_ID_PERSONAL,
    UserIdFault.TAKEN: ErrorKind.USER_ID_TAKEN,
}


def show_account(visit: ActivationVisit, *, error: FormError | None = None, user_id: str = "") -> Response:
    page = pages.Account(csrf_token=visit.token, error=error, user_id=user_id or visit.record.user_id)
    return render(page, 200 if error is None else 503 if error.kind is ErrorKind.BUSY else 400)


def post_account(services: Services, visit: ActivationVisit, form: dict[str, str]) -> Response:
    """Keep what was chosen; a second answer takes the place of the first."""
    user_id, password = form.get("user_id", "").strip()[:200], form.get("new_password", "")
    error = _missing(user_id, password)
    if error is not None:
        return show_account(visit, error=error, user_id=user_id)
    if services.rates.count(_TRIES, str(visit.record.letter_number), _WINDOW) > _MOST_TRIES:
        return show_account(visit, error=FormError(ErrorKind.USER_ID_TRIES), user_id=user_id)
    try:
        record = services.activation.choose(visit.record, visit.person, user_id, password)
    except UserIdRefused as refused:
        error = user_id_error(refused)
    except PasswordRefused as refused:
        error = new_password_error(refused)
    except Busy:
        error = FormError(ErrorKind.BUSY)
    else:
        return keep(services, visit, record)
    return show_account(visit, error=error, user_id=user_id)


def user_id_error(refused: UserIdRefused) -> FormError:
    """Why a user ID cannot be had."""
    return FormError(_FAULTS[refused.fault])


def _missing(user_id: str, password: str) -> FormError | None:
    if not user_id:
        return FormError(ErrorKind.MISSING_USER_ID)
    return None if password else FormError(ErrorKind.PASSWORD_TOO_SHORT)
