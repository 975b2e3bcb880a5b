"""One request to an activation: its record, whose letter it is, and where the citizen came from.

activation   found by it: what this browser has done; given out for a valid code
attempt      the sign-in that led here, so that the citizen comes back to its service; opens nothing
"""

from dataclasses import dataclass, field
from datetime import datetime

from flask import Response, request

from idp.activation.record import ActivationRecord
from idp.ids import digest, new_secret
from idp.letters.ports import Invitation
from idp.login.visit import browser_secret, find_signed_in
from idp.login.way_back import see_other
from idp.portal.activation.pages import ROOT
from idp.services import Services
from idp.web import forget_cookie, form_token, prefer_languages, read_cookie, set_cookie

ACTIVATION, ATTEMPT = "activation", "attempt"
_LONGEST_ATTEMPT = 64
_PURPOSE = "activate"


@dataclass(frozen=True, slots=True)
class ActivationVisit:
    """A browser that typed a valid code."""

    secret: str = field(repr=False)
    record: ActivationRecord = field(repr=False)
    person: Invitation = field(repr=False)
    now: datetime

    @property
    def token(self) -> str:
        """Of every form after the code's."""
        return form_token(self.secret, _PURPOSE)

    @property
    def binding(self) -> str:
        """What an offer or challenge of this activation is bound to (S-259, S-265)."""
        return digest(self.secret)


def find_visit(services: Services) -> ActivationVisit | None:
    """This browser's activation, or None where there is none.

    Raises:
        LetterRejected: the letter cannot be used any more; `forget_visit` ends the activation.
    """
    secret = read_cookie(ACTIVATION)
    record = services.activations.find(secret) if secret else None
    if secret is None or record is None:
        return None
    person = services.activation.person(record)
    prefer_languages((person.language,))
    return ActivationVisit(secret, record, person, services.clock())


def keep(services: Services, visit: ActivationVisit, record: ActivationRecord) -> Response:
    """Remember what was done, and go on to the page of the next step."""
    services.activations.put(visit.secret, record)
    return see_other(ROOT)


def begin(services: Services, record: ActivationRecord) -> Response:
    """A record under a new secret, in the place of any other that this browser had (S-214)."""
    forget_record(services)
    secret = new_secret()
    services.activations.put(secret, record)
    response = see_other(ROOT)
    set_cookie(response, ACTIVATION, secret)
    return response


def forget_record(services: Services) -> None:
    secret = read_cookie(ACTIVATION)
    if secret is not None:
        services.activations.forget(secret)


def code_form_token() -> tuple[str, str]:
    """The token of the first form, and the browser's handle that it hangs on."""
    secret = browser_secret()
    return form_token(secret, _PURPOSE), secret


def note_attempt(response: Response) -> None:
    """Remember the sign-in that the link came from."""
    attempt = request.args.get(ATTEMPT, "")
    if 0 < len(attempt) <= _LONGEST_ATTEMPT:
        set_cookie(response, ATTEMPT, attempt)


def finish_visit(services: Services, response: Response) -> Response:
    """The activation is over, well or not."""
    forget_record(services)
    forget_cookie(response, ACTIVATION)
    return response


def elsewhere(services: Services) -> Response:
    """Where a form leads whose activation is over: back to the start, or home for whoever is signed in by now."""
    return see_other("/me/security" if find_signed_in(services) else ROOT)
