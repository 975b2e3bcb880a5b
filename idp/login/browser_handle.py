"""What makes a sign-out whole while another tab of the same browser signs in (S-207, S-213).

    handle ──begins attempts──▶ … ──sign-out──▶ spent, in SQL; the browser gets another with its next attempt
    session's secret ──a sign-in puts another in its place──▶ known for a minute as what the new one came from

The handle: a second factor that is proven while, or after, another tab signs out gives nothing, since a session is looked
at again after it was kept. The old secret: a sign-out that is on its way with it ends what has taken its place.
"""

from datetime import timedelta

from flask import Response

from idp.ids import digest
from idp.login.visit import BROWSER, PROOF, SESSION, SignedIn, find_signed_in
from idp.records import BrowserSession
from idp.services import Services
from idp.storage.ports import Tx
from idp.web import forget_cookie, read_cookie

_HANDLE = "browser"
_SUCCEEDED = "succeeded-session"
_SUCCESSOR_KNOWN_FOR = timedelta(minutes=1)
"""Longer than any request is on its way."""


def forget_proof(services: Services) -> None:
    """What was half proven in this browser is over."""
    proof = read_cookie(PROOF)
    if proof is not None:
        services.partial_sign_ins.forget(proof)


def spend_handle(services: Services, tx: Tx) -> None:
    """In the transaction that ends the session, or before it."""
    handle = read_cookie(BROWSER)
    if handle is None:
        return
    now = services.clock()
    # An attempt that is open now is over by then, whatever its last request waited for.
    keep_until = now + 2 * services.policy.login_attempt_lifetime
    services.spent.spend(tx, _HANDLE, digest(handle), now=now, keep_until=keep_until)


def is_spent(services: Services, browser_digest: str) -> bool:
    """Whether the browser that began an attempt has signed out since."""
    return services.spent.gave_what(_HANDLE, browser_digest) is not None


def abandon_sign_ins(services: Services) -> None:
    """Before sessions are ended from a page of ours: what is under way in this browser ends first."""
    forget_proof(services)
    services.transact(lambda tx: spend_handle(services, tx))


def forget_sign_in(response: Response) -> None:
    """The browser drops what it was signed in with, and what it began with."""
    for kind in (SESSION, PROOF, BROWSER):
        forget_cookie(response, kind)


def note_successor(services: Services, old_secret: str, successor: BrowserSession) -> None:
    """Before the old secret is forgotten."""
    value = f"{successor.citizen_id} {successor.session_id}"
    services.one_time.put(_SUCCEEDED, digest(old_secret), value, _SUCCESSOR_KNOWN_FOR)


def find_to_end(services: Services) -> SignedIn | None:
    """The session that a sign-out in this browser ends: its own, also one left idle, or what took its place a moment ago."""
    signed_in, secret = find_signed_in(services), read_cookie(SESSION)
    if signed_in is not None or secret is None:
        return signed_in
    return left_idle(services) or take_successor(services, secret)


def left_idle(services: Services) -> SignedIn | None:
    """This browser's session, if nobody used it for too long.

    What signs nobody in any more, and is not over for the services that it gave something to (protocol.md, lifetimes).
    """
    secret = read_cookie(SESSION)
    session = services.browser_sessions.find(secret) if secret else None
    if secret is None or session is None or services.clock() >= session.expires_at:
        return None
    return None if services.ended_sessions.has_ended(session.session_id) else SignedIn(secret, session)


def take_successor(services: Services, secret: str) -> SignedIn | None:
    """What took this secret's place a moment ago, for one caller; under the old secret, which is what forms are for."""
    value = services.one_time.take(_SUCCEEDED, digest(secret))
    citizen_id, _, session_id = (value or "").partition(" ")
    for session in services.browser_sessions.of_citizen(citizen_id) if citizen_id else ():
        if session.session_id == session_id:
            return SignedIn(secret, session)
    return None
