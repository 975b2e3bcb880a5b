"""What a browser brings along: its cookies, and the records that they open.

browser   who began a login attempt (a handle, not a credential)
proof     what was proven in the attempt so far; made anew at each step
session   the signed-in citizen; made anew at each sign-in
known     has signed in as this citizen before; opens nothing
sign-out  signed out a moment ago; opens the page that shows what came of it
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn
from urllib.parse import urlsplit

from flask import Response, current_app, request

from clients_registry.client import Client
from clients_registry.errors import UnregisteredRedirectUri
from clients_registry.profiles import DEVICE_CODE
from clients_registry.redirect_uris import check_redirect_uri
from clients_registry.registry import RegisteredClient
from idp.ids import digest, new_secret
from idp.login.own_client import OWN_PAGES
from idp.login.pages import Asker, Notice, NoticeKind, OrganisationKind
from idp.protocol.authorization_details import still_offered
from idp.records import AuthorizationRequest, BrowserSession, LoginAttempt, PartialSignIn
from idp.services import Services
from idp.web import current_language, form_token, read_cookie, set_cookie, tell_session_end
from idp.web.static_files import StaticFiles

BROWSER, PROOF, SESSION, KNOWN, SIGN_OUT = "browser", "proof", "session", "known", "sign-out"

_LONGEST_ID = 64

PASSKEY = "passkey"
"""The ceremony of the first page, which asks nobody in particular."""


class WrongTurn(Exception):
    """The sign-in cannot go on at this address; `notice` tells the citizen how it can."""

    def __init__(self, notice: Notice, status: int) -> None:
        super().__init__(notice.kind.value)
        self.notice = notice
        self.status = status


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A live session and the secret of its cookie."""

    secret: str
    session: BrowserSession


@dataclass(frozen=True, slots=True)
class Visit:
    """One request to one login attempt, by the browser that began it."""

    attempt: LoginAttempt
    registered: RegisteredClient
    browser_secret: str
    now: datetime
    signed_in: SignedIn | None
    partial: PartialSignIn | None

    @property
    def token(self) -> str:
        """The form token of this attempt's pages."""
        return form_token(self.browser_secret, self.attempt.attempt_id)

    @property
    def half_proven(self) -> PartialSignIn | None:
        """The sign-in that was begun and lacks its second factor.

        Also where a session exists: the citizen went back and proved a password again, which is the newest.
        """
        session = self.signed_in.session if self.signed_in else None
        if self.partial is None or session is None:
            return self.partial
        return self.partial if self.partial.started_at >= session.authenticated_at else None


def ceremony_binding(visit: Visit, way: str) -> str:
    """What a WebAuthn challenge of this attempt is bound to: the browser, the way it was asked for, and to whom.

    So an answer to one question is never the answer to another (S-265, S-297, S-299, S-300).
    """
    asked = visit.signed_in.secret if visit.signed_in else ""
    if visit.half_proven is not None:
        asked = read_cookie(PROOF) or ""
    return digest(" ".join((visit.attempt.attempt_id, visit.browser_secret, way, asked)))


def find_signed_in(services: Services) -> SignedIn | None:
    """This browser's session, if it is live and its citizen was not signed out behind Redis' back (S-326)."""
    secret = read_cookie(SESSION)
    found = services.browser_sessions.find(secret) if secret else None
    return _still_signed_in(services, secret, found)


def _still_signed_in(services: Services, secret: str | None, found: BrowserSession | None) -> SignedIn | None:
    now = services.clock()
    session = services.sessions.live(found, now)
    if secret is None or session is None or services.ended_sessions.has_ended(session.session_id):
        return None
    moved = services.sessions.used(session, now)
    if moved is not None and services.browser_sessions.replace(secret, moved):
        session = moved
    tell_session_end(session.idle_expires_at - now, session.expires_at - now)
    return SignedIn(secret, session)


def ensure_browser(response: Response, secret: str) -> None:
    """Give the browser its handle, if it does not have it."""
    if read_cookie(BROWSER) != secret:
        set_cookie(response, BROWSER, secret)


def browser_secret() -> str:
    """The browser's handle, or a new one that `ensure_browser` must give it. One of ours has 43 characters."""
    present = read_cookie(BROWSER)
    return present if present is not None and len(present) == len(new_secret()) else new_secret()


def open_visit(services: Services, attempt_id: str) -> Visit:
    """The attempt, for the browser that began it and for no other (S-028, S-215).

    Raises:
        WrongTurn: there is no such attempt, it is over, or it belongs to another browser.
    """
    if len(attempt_id) > _LONGEST_ID:
        raise WrongTurn(Notice(kind=NoticeKind.EXPIRED), 410)
    session_secret = read_cookie(SESSION)
    brought = services.visits.find(attempt_id, proof=read_cookie(PROOF), session=session_secret)
    attempt, secret = brought.attempt, read_cookie(BROWSER)
    if attempt is None:
        raise WrongTurn(Notice(kind=NoticeKind.EXPIRED), 410)
    if secret is None or digest(secret) != attempt.browser_digest:
        left = read_cookie(SIGN_OUT) is not None  # whoever signs out leaves every sign-in that was under way
        raise WrongTurn(Notice(kind=NoticeKind.SIGNED_OUT if left else NoticeKind.OTHER_BROWSER), 403)
    now = services.clock()
    registered = load_registered(services, attempt)
    if now >= attempt.finish_by:
        turn_back(registered, NoticeKind.EXPIRED, 410)
    return Visit(
        attempt=attempt,
        registered=registered,
        browser_secret=secret,
        now=now,
        signed_in=_still_signed_in(services, session_secret, brought.session),
        partial=_of_this_attempt(brought.partial, attempt),
    )


def load_registered(services: Services, attempt: LoginAttempt) -> RegisteredClient:
    """The attempt's client, as it is registered now (S-035); our own pages are in no registry."""
    if attempt.own_page is not None:
        return OWN_PAGES
    registered = services.registry.find_client(attempt.request.client_id)
    if registered is None or registered.disabled or not _still_fits(registered.client, attempt.request):
        raise WrongTurn(Notice(kind=NoticeKind.SERVICE_UNAVAILABLE), 403)
    details = attempt.request.authorization_details
    if not still_offered(details, registered.client, services.registry):
        raise WrongTurn(Notice(kind=NoticeKind.SERVICE_UNAVAILABLE), 403)
    if not _still_answered(registered.client, attempt):
        raise WrongTurn(Notice(kind=NoticeKind.SERVICE_UNAVAILABLE), 403)
    return registered


def _still_fits(client: Client, asked: AuthorizationRequest) -> bool:
    """Whether the client could ask the same today: its registration may have changed since it did."""
    purposes = {purpose.id: purpose for purpose in client.purposes}
    purpose = purposes.get(asked.purpose_id)
    return purpose is not None and set(asked.claims) <= set(purpose.claims)


def _still_answered(client: Client, attempt: LoginAttempt) -> bool:
    """Whether the answer may still take the way that it is to take."""
    if attempt.device is not None:
        return DEVICE_CODE in client.grant_types
    try:
        check_redirect_uri(client, attempt.request.redirect_uri)
    except UnregisteredRedirectUri:
        return False
    return True


def turn_back(registered: RegisteredClient, kind: NoticeKind, status: int) -> NoReturn:
    """Stop with a notice that leads back to the service."""
    client = registered.client
    raise WrongTurn(
        Notice(
            kind=kind,
            service_name=client.name_in(current_language()),
            service_url=service_url(client),
        ),
        status,
    )


def asker_of(visit: Visit) -> Asker:
    """Who asks, on every step."""
    client, organisation = visit.registered.client, visit.registered.organisation
    purpose = client.purpose(visit.attempt.request.purpose_id)
    return Asker(
        organisation_name=organisation.name,
        organisation_kind=OrganisationKind(organisation.kind),
        service_name=client.name_in(current_language()),
        purpose_text=purpose.text,
        claims=visit.attempt.request.claims,
        logo_url=logo_url(organisation.logo),
        service_url=service_url(client),
        own_pages=visit.attempt.own_page is not None,
        for_device=visit.attempt.device is not None,
    )


def service_url(client: Client) -> str | None:
    """Where a citizen finds the service: its own page, else the site of its first redirect URI."""
    if client.client_uri or not client.redirect_uris:
        return client.client_uri
    site = urlsplit(client.redirect_uris[0])
    return f"{site.scheme}://{site.netloc}/"


def logo_url(logo: str | None) -> str | None:
    """A logo that we serve ourselves; never fetched from elsewhere while a citizen waits (S-183)."""
    files: StaticFiles = current_app.extensions["adgang.static"]
    return files.find_url(f"logos/{logo}") if logo else None


def _of_this_attempt(partial: PartialSignIn | None, attempt: LoginAttempt) -> PartialSignIn | None:
    """What was proven in this very attempt; a proof from another one counts for nothing (S-299)."""
    return partial if partial is not None and partial.attempt_id == attempt.attempt_id else None


def peer_address() -> str:
    """The address that limits count; decided at the entry (idp/addresses.py)."""
    return str(request.environ.get("adgang.peer", ""))
