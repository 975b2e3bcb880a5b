"""The first page: the code from the letter. Wrong ones are counted by neighbourhood; 115 bits need no other lock."""

from flask import Response

from idp.letters.letter import LetterFault, LetterRejected
from idp.login.address_limits import count_failed_guess, neighbourhood_must_wait
from idp.login.visit import ensure_browser
from idp.portal.activation import pages
from idp.portal.activation.visit import begin, code_form_token, note_attempt
from idp.services import Services
from idp.web import RETRY_AFTER_SECONDS, render
from idp.web.form_errors import ErrorKind, FormError

_FAULTS = {
    LetterFault.MALFORMED: ErrorKind.LETTER_MALFORMED,
    LetterFault.UNKNOWN: ErrorKind.LETTER_UNKNOWN,
    LetterFault.OTHER_KIND: ErrorKind.LETTER_OTHER_KIND,
    LetterFault.USED: ErrorKind.LETTER_USED,
    LetterFault.REPLACED: ErrorKind.LETTER_REPLACED,
    LetterFault.EXPIRED: ErrorKind.LETTER_EXPIRED,
}
_LONGEST_SHOWN = 80
_GUESSES = frozenset({LetterFault.MALFORMED, LetterFault.UNKNOWN})


def show_code(error: FormError | None = None, *, typed: str = "") -> Response:
    """The form, with what was wrong."""
    token, browser = code_form_token()
    response = render(pages.Code(csrf_token=token, error=error, typed=typed), 400 if error else 200)
    ensure_browser(response, browser)
    note_attempt(response)
    return response


def post_code(services: Services, form: dict[str, str]) -> Response:
    """Look at the code; a valid one begins an activation in this browser."""
    code = form.get("letter_code", "").strip()
    if not code:
        return show_code(FormError(ErrorKind.MISSING_LETTER_CODE))
    if neighbourhood_must_wait(services):
        response = render(pages.TooMany(), 429)
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return response
    try:
        record = services.activation.begin(code)
    except LetterRejected as rejected:
        services.count("factors", {"kind": "letter", "outcome": rejected.fault.value})
        if rejected.fault in _GUESSES:
            count_failed_guess(services)
            return show_code(letter_error(rejected), typed=code[:_LONGEST_SHOWN])
        return show_code(letter_error(rejected))
    return begin(services, record)


def letter_error(rejected: LetterRejected) -> FormError:
    """Why a letter's code opens nothing."""
    return FormError(_FAULTS[rejected.fault])
