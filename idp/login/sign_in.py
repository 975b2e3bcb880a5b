"""From proven factors to a session: a new one, or one with a factor more. Always under a new secret (S-214).

    factors of two kinds ──▶ ledger's row ──▶ session ──▶ cookies
    a session, one factor ──▶ ledger's row ──▶ the session, perhaps at a higher level ──▶ cookies

Which factors are proven, and what is still missing, is decided elsewhere; what a session has proven never becomes more
than that (S-316).
"""

from collections.abc import Callable
from datetime import datetime

from flask import Response, request

from idp.browser_sessions import record_end
from idp.ids import new_secret
from idp.known_browsers import LIFETIME
from idp.ledger import events
from idp.login.browser_handle import forget_proof, is_spent, left_idle, note_successor
from idp.login.device import device_of
from idp.login.flow import after_post
from idp.login.pages import Notice, NoticeKind
from idp.login.question import is_proofed
from idp.login.visit import BROWSER, KNOWN, PROOF, SESSION, SignedIn, Visit, peer_address, turn_back
from idp.protocol.acr import level_of
from idp.records import BrowserSession, LoginAttempt, Place, ProvenFactor
from idp.services import Services
from idp.storage.ports import Tx
from idp.web import forget_cookie, render, set_cookie
from mfa.errors import FactorRejected
from mfa.factors import VerifiedFactor, categories_of

Recorder = Callable[[Tx], None]


class AccessBlocked(Exception):
    """Enough was proven, but the citizen's access is blocked or closed."""


class SessionOver(Exception):
    """The session that was to go on was ended a moment ago, in another browser: nobody is signed in here."""


class BrowserLeft(Exception):
    """This browser signed out a moment ago, in another tab: nothing that was under way in it makes a session."""


def proven(services: Services, verified: VerifiedFactor) -> ProvenFactor:
    """The factor as a session keeps it."""
    safety = services.safeties.find(verified.citizen_id)
    return ProvenFactor(
        factor_id=verified.factor_id,
        kind=str(verified.kind),
        amr=verified.amr,
        proven_at=verified.proven_at,
        bound_at=verified.bound_at,
        raises_level=not safety.caps(verified.bound_at, verified.proven_at),
    )


def sign_in(services: Services, visit: Visit, citizen_id: str, factors: tuple[ProvenFactor, ...]) -> Response:
    """Begin the session that these factors prove, and go on with the attempt."""
    before = visit.signed_in or left_idle(services)
    try:
        signed_in = begin_session(
            services, citizen_id, factors, before=before, now=visit.now, attempt=visit.attempt
        )
    except BrowserLeft:
        return _left(services)
    except (FactorRejected, SessionOver):  # what was changed between the steps proves nothing (S-301)
        forget_proof(services)
        return after_post(visit)
    except AccessBlocked:
        # Only somebody who proved enough learns that the access is blocked.
        forget_proof(services)
        turn_back(visit.registered, NoticeKind.ACCESS_BLOCKED, 403)
    return hand_out(services, after_post(visit), signed_in, visit.now)


def step_up(services: Services, visit: Visit, before: SignedIn, factor: ProvenFactor) -> Response:
    """Add the factor to the session, and go on with the attempt."""
    if len(categories_of((factor,))) > 1:  # a key that verified its user is a whole sign-in
        return sign_in(services, visit, before.session.citizen_id, _together(before.session, factor))
    try:
        signed_in = _raise(services, before, factor, visit.now)
    except (FactorRejected, SessionOver):
        return after_post(visit)
    except AccessBlocked:
        turn_back(visit.registered, NoticeKind.ACCESS_BLOCKED, 403)
    return hand_out(services, after_post(visit), signed_in, visit.now)


def begin_session(
    services: Services,
    citizen_id: str,
    factors: tuple[ProvenFactor, ...],
    *,
    before: SignedIn | None,
    now: datetime,
    attempt: LoginAttempt | None = None,
) -> SignedIn:
    """A session in the place of what this browser had: the ledger's row first, then the session.

    Raises:
        FactorRejected: one of the factors is in force no longer.
        AccessBlocked, SessionOver
        BrowserLeft: signed out since the attempt began.
    """
    if len(categories_of(factors)) < 2:
        raise AssertionError("no session exists below two factors of different kinds")
    old = before.session if before else None
    same = old if old is not None and old.citizen_id == citizen_id else None
    known = same.factors if same else ()
    new = [factor.factor_id for factor in factors if factor not in known]
    session = services.sessions.begin(
        citizen_id,
        factors,
        acr=_level(services, citizen_id, factors),
        now=now,
        device=device_of(request.headers.get("User-Agent", "")),
        place=services.find_place(peer_address()),
        before=same,
    )

    def record(tx: Tx) -> None:
        services.verification.check_in_force(tx, citizen_id, new)
        _append(services, tx, events.SIGNED_IN, session, now)
        if old is not None and same is None:
            _end(services, tx, old, now)

    signed_in = _keep(services, before, session, record)
    if attempt is not None and is_spent(services, attempt.browser_digest):
        services.browser_sessions.forget(signed_in.secret)
        raise BrowserLeft
    services.count("sign_ins", {})
    return signed_in


def hand_out(services: Services, response: Response, signed_in: SignedIn, now: datetime) -> Response:
    """Give the browser its session; what was half proven is over."""
    forget_proof(services)
    set_cookie(response, SESSION, signed_in.secret)
    mark = services.known_browsers.mark(signed_in.session.citizen_id, now)
    set_cookie(response, KNOWN, mark, LIFETIME)
    forget_cookie(response, PROOF)
    return response


def _left(services: Services) -> Response:
    """The browser gets a new handle with its next attempt, also where our answer to its sign-out was lost."""
    forget_proof(services)
    response = render(Notice(kind=NoticeKind.SIGNED_OUT), 403)
    forget_cookie(response, PROOF)
    forget_cookie(response, BROWSER)
    return response


def _raise(services: Services, before: SignedIn, factor: ProvenFactor, now: datetime) -> SignedIn:
    factors = _together(before.session, factor)
    acr = _level(services, before.session.citizen_id, factors)
    session = services.sessions.step_up(before.session, factors, acr=acr, now=now)

    def record(tx: Tx) -> None:
        services.verification.check_in_force(tx, session.citizen_id, [factor.factor_id])
        _append(services, tx, events.STEPPED_UP, session, now)

    return _keep(services, before, session, record)


def _keep(services: Services, before: SignedIn | None, session: BrowserSession, record: Recorder) -> SignedIn:
    """Write the ledger's row, keep the session under a new secret, and forget the old one."""
    if not _is_active(services, session.citizen_id):
        raise AccessBlocked
    services.transact(record)
    secret = new_secret()
    services.browser_sessions.put(secret, session)
    if before is not None:
        note_successor(services, before.secret, session)
        services.browser_sessions.forget(before.secret)
    if not _is_active(services, session.citizen_id):
        # Blocked meanwhile: whoever ended the citizen's sessions did not see this one.
        services.browser_sessions.forget(secret)
        raise AccessBlocked
    if before is not None and services.ended_sessions.has_ended(session.session_id):
        services.browser_sessions.forget(secret)
        raise SessionOver
    return SignedIn(secret, session)


def _together(session: BrowserSession, factor: ProvenFactor) -> tuple[ProvenFactor, ...]:
    """The session's factors and this one, which takes the place of an older proof of itself."""
    return (*(f for f in session.factors if f.factor_id != factor.factor_id), factor)


def _level(services: Services, citizen_id: str, factors: tuple[ProvenFactor, ...]) -> str:
    return level_of(factors, services.policy, proofed=is_proofed(services, citizen_id))


def _append(services: Services, tx: Tx, event: str, session: BrowserSession, now: datetime) -> None:
    services.ledger.append(
        tx,
        event=event,
        actor=events.BY_CITIZEN,
        at=now,
        citizen_id=session.citizen_id,
        facts={
            "factors": list(session.amr),
            "level": session.acr,
            "device": session.device,
            **_place_facts(session.place),
        },
    )


def _place_facts(place: Place | None) -> dict[str, str]:
    return {} if place is None else {"city": place.city, "country": place.country_code}


def _end(services: Services, tx: Tx, stranger: BrowserSession, now: datetime) -> None:
    """Another citizen's session in this browser ends with the new one's beginning."""
    record_end(
        tx,
        stranger,
        ended_sessions=services.ended_sessions,
        grants=services.grants,
        ledger=services.ledger,
        actor=events.BY_SYSTEM,
        now=now,
    )


def _is_active(services: Services, citizen_id: str) -> bool:
    citizen = services.citizens.find(citizen_id)
    return citizen is not None and citizen.status == "active"
