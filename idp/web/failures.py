"""From an exception to a page with a reference number. What went wrong is told once, in the log.

Protocol endpoints answer in their own words (idp/endpoints); here a person reads the answer.
"""

import logging
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from flask import Flask, Response, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, InternalServerError, MethodNotAllowed

from idp.errors import OAuthError, StoreUnavailable, TooLarge
from idp.ids import new_reference
from idp.web.configuration import current_config
from idp.web.forms import ForeignForm
from idp.web.page import Page, render

_log = logging.getLogger(__name__)

REFERENCE_KEY = "adgang.reference"
"""Where the WSGI environment holds the request's reference number."""

RETRY_AFTER_SECONDS = 5
"""How soon to come back when a store is away; it usually needs a second or two."""


class FailureKind(StrEnum):
    """What the page says; the words are in templates/error.html."""

    REQUEST = "request"
    """The request that brought the person here cannot be used (a service's mistake)."""
    FOREIGN_FORM = "foreign_form"
    NOT_FOUND = "not_found"
    METHOD = "method"
    TOO_LARGE = "too_large"
    TOO_MANY = "too_many"
    BUSY = "busy"
    """More passwords came at once than can be looked at (idp/web/password_door.py)."""
    UNAVAILABLE = "unavailable"
    UNEXPECTED = "unexpected"


_KINDS = {
    403: FailureKind.FOREIGN_FORM,
    404: FailureKind.NOT_FOUND,
    405: FailureKind.METHOD,
    413: FailureKind.TOO_LARGE,
    429: FailureKind.TOO_MANY,
    500: FailureKind.UNEXPECTED,
    503: FailureKind.UNAVAILABLE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPage(Page):
    """Something went wrong that the person can only walk around."""

    template: ClassVar[str] = "error.html"

    status: int
    kind: FailureKind
    reference: str
    service_name: str | None = None
    service_url: str | None = None
    """Where the way back leads, if we trust it."""
    error_code: str | None = None
    """The registered OAuth error code, for the service's developer."""
    error_description: str | None = None


def request_reference() -> str:
    """The reference number of this request; made here if the entry did not."""
    reference: str = request.environ.setdefault(REFERENCE_KEY, new_reference())
    return reference


def install_failures(app: Flask) -> None:
    app.register_error_handler(Exception, failure_response)


def failure_response(error: Exception) -> ResponseReturnValue:
    """The page for any exception that a view or the front door let out."""
    if isinstance(error, HTTPException) and (error.code is None or error.code < 400):
        return error  # not a failure: a redirect, or an answer that a view aborted with
    page = _page_for(error)
    _tell(error, page)
    response = error_response(page)
    if isinstance(error, MethodNotAllowed):
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods or ("GET", "HEAD", "POST")))
    return response


def error_response(page: ErrorPage) -> Response:
    """The page under its status, and when to come back where that will help."""
    response = render(page, page.status)
    if page.status in (429, 503):
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def tell_refusal(page: ErrorPage, why: str) -> None:
    """Count a refusal that was foreseen; one line in the log, with the reference number that the person sees."""
    _log.info("page refused: %s", why, extra=_counted(page))


def _page_for(error: Exception) -> ErrorPage:
    code = description = None
    if isinstance(error, OAuthError):
        # A page has no WWW-Authenticate, so it cannot be a 401 (RFC 9110 §15.5.2).
        status = 400 if error.status == 401 else error.status
        code, description = error.code, error.description
    elif isinstance(error, StoreUnavailable):
        status = 503
    elif isinstance(error, HTTPException) and error.code is not None:
        status = error.code
    else:
        status = 500
    return ErrorPage(
        # Whatever is malformed is a 400, a large body too (protocol.md, errors).
        status=400 if status == 413 else status,
        kind=_kind_of(error, status),
        reference=request_reference(),
        error_code=code,
        error_description=description,
    )


def _kind_of(error: Exception, status: int) -> FailureKind:
    if isinstance(error, TooLarge):
        return FailureKind.TOO_LARGE
    return _KINDS.get(status, FailureKind.UNEXPECTED if status >= 500 else FailureKind.REQUEST)


def _tell(error: Exception, page: ErrorPage) -> None:
    foreseen = isinstance(error, (OAuthError, StoreUnavailable, ForeignForm, HTTPException))
    if foreseen and not isinstance(error, InternalServerError):
        tell_refusal(page, getattr(error, "detail", "") or getattr(error, "description", ""))
    else:
        _log.error("page failed", exc_info=error, extra=_counted(page))


def _counted(page: ErrorPage) -> dict[str, object]:
    """What the log says of a page that has just been counted."""
    current_config().count("page_failed", {"kind": page.kind.value})
    return {"reference": page.reference, "status": page.status, "kind": page.kind.value}
