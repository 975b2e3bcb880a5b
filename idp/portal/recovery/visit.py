"""What a browser brings along to a recovery: the cookie that binds it. Without a recovery, only its handle."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flask import Response

from idp.ids import digest, new_secret
from idp.login.address_limits import GUESSES, AddressLimit, neighbourhood_must_wait
from idp.login.visit import browser_secret, ensure_browser
from idp.portal.recovery.pages import RecoveryNotice, RecoveryPage
from idp.recovery.recovery import Recovery
from idp.recovery.rules import Lost
from idp.services import Services
from idp.web import RETRY_AFTER_SECONDS, check_form_token, form_token, read_cookie, render, set_cookie

ROOT, STEP = "/recover", "/recover/step"
COOKIE = "recovery"
_PURPOSE = "recover"
_COOKIE_LIFETIME = timedelta(days=45)
"""More than any cooling-off and the time to finish it; what counts is in the record."""


@dataclass(frozen=True, slots=True)
class RecoveryVisit:
    """One request to the recovery of this browser."""

    recovery: Recovery
    secret: str = field(repr=False)
    now: datetime

    @property
    def binding(self) -> str:
        return digest(self.secret)

    @property
    def token(self) -> str:
        return form_token(self.secret, _PURPOSE)


def check_token(visit: RecoveryVisit, form: dict[str, str]) -> None:
    """The form was given to this browser for this recovery (S-217).

    Raises: ForeignForm.
    """
    check_form_token(form, visit.secret, _PURPOSE)


class TooManyTries(Exception):
    """So much failed from around this address that nothing is looked at now."""


def find_visit(services: Services) -> RecoveryVisit | None:
    """The recovery that this browser began (S-215)."""
    secret = read_cookie(COOKIE)
    recovery = services.recoveries.find(digest(secret)) if secret else None
    if secret is None or recovery is None:
        return None
    return RecoveryVisit(recovery, secret, services.clock())


def begin_visit(services: Services, lost: Lost) -> RecoveryVisit:
    """A new recovery; its cookie is set by `bind`."""
    secret, now = new_secret(), services.clock()
    return RecoveryVisit(services.recoveries.begin(lost, browser_digest=digest(secret), now=now), secret, now)


def bind(response: Response, visit: RecoveryVisit) -> Response:
    """Give the browser the recovery that it began."""
    set_cookie(response, COOKIE, visit.secret, _COOKIE_LIFETIME)
    return response


def check_neighbourhood(services: Services, limit: AddressLimit = GUESSES) -> None:
    """The limits of the sign-in's pages, shared with them (S-246).

    Raises:
        TooManyTries
    """
    if neighbourhood_must_wait(services, limit):
        raise TooManyTries


def too_many() -> Response:
    response = render(RecoveryNotice(path=ROOT, kind="too_many"), 429)
    response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def open_page(page: type[RecoveryPage], purpose: str, *, status: int = 200, **facts: object) -> Response:
    """A page that needs no recovery: its form's token is bound to the browser's handle."""
    secret = browser_secret()
    response = render(page(csrf_token=form_token(secret, purpose), **facts), status)  # type: ignore[arg-type]
    ensure_browser(response, secret)
    return response
