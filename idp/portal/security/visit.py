"""One request to the security page: who is signed in, what its forms carry, and what is told after an act."""

import hmac
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from flask import Response, request
from werkzeug.exceptions import NotFound

from idp.ids import digest
from idp.login.own_pages import require_signed_in
from idp.login.visit import SignedIn
from idp.login.way_back import see_other
from idp.records import Citizen
from idp.services import Services
from idp.web import form_token

ROOT = "/me/security"


class Done(StrEnum):
    """What was just done; the words are in templates/portal/security/done.html."""

    RENAMED = "renamed"
    REMOVED = "removed"
    APP_ADDED = "app-added"
    KEY_ADDED = "key-added"
    SESSION_ENDED = "session-ended"
    ACCESS_ENDED = "access-ended"
    OTHERS_ENDED = "others-ended"
    PASSWORD_CHANGED = "password-changed"
    CONTACT_CHANGED = "contact-changed"
    NOTHING_CHANGED = "nothing-changed"
    PHRASE_CHANGED = "phrase-changed"


@dataclass(frozen=True, slots=True)
class Notice:
    """What the page tells first."""

    done: Done
    count: int


@dataclass(frozen=True, slots=True)
class OwnVisit:
    """A signed-in citizen at a page of their own."""

    signed_in: SignedIn
    citizen: Citizen = field(repr=False)
    now: datetime

    @property
    def citizen_id(self) -> str:
        return self.citizen.citizen_id

    @property
    def secret(self) -> str:
        return self.signed_in.secret

    @property
    def binding(self) -> str:
        """What an enrolment that this session began is bound to (S-259, S-265)."""
        return digest(self.signed_in.secret)

    @property
    def notice(self) -> Notice | None:
        """What the redirect after an act brought along, if it was made for this session."""
        name, _, rest = request.args.get("done", "").partition(".")
        count, _, mark = rest.partition(".")
        if name not in set(Done) or not count.isdigit() or len(count) > 4:
            return None
        right = hmac.compare_digest(mark.encode(), self._mark(name, int(count)).encode())
        return Notice(Done(name), int(count)) if right else None

    def handle_of(self, name: str) -> str:
        """How this page names a session or a service; nobody but us can make its id of it."""
        return form_token(self.secret, f"handle:{name}")[:32]

    def after(self, path: str, done: Done, count: int = 0) -> Response:
        """On to `path`, which tells what was done: nobody else's link can make a page of ours say it."""
        return see_other(f"{path}?done={done}.{count}.{self._mark(done, count)}")

    def _mark(self, done: str, count: int) -> str:
        return form_token(self.secret, f"done:{done}:{count}")[:32]


def open_own_visit(services: Services, *, fresh: bool, back: str) -> OwnVisit:
    """The visit, or the end of the request: a redirect to a sign-in that comes back to `back`."""
    signed_in = require_signed_in(services, fresh=fresh, back=back)
    citizen = services.citizens.find(signed_in.session.citizen_id)
    if citizen is None:
        raise NotFound
    return OwnVisit(signed_in, citizen, services.clock())
