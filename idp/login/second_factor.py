"""POST /login/<attempt>/totp: the six digits, and with them the session."""

from typing import NoReturn

from flask import Response, request

from idp.browser_sessions import record_end
from idp.ids import new_secret
from idp.known_browsers import LIFETIME
from idp.ledger import events
from idp.login.device import device_of
from idp.login.first_factor import check_neighbourhood, count_failure
from idp.login.flow import after_post, proceed
from idp.login.pages import ErrorKind, FormError, NoticeKind
from idp.login.rejections import code_error
from idp.login.visit import KNOWN, PROOF, SESSION, Visit, turn_back
from idp.protocol.acr import SUBSTANTIAL
from idp.records import BrowserSession, PartialSignIn, ProvenFactor
from idp.services import Services
from idp.storage.ports import Tx
from idp.web import forget_cookie, read_cookie, set_cookie
from mfa.errors import Busy, FactorRejected, Rejection
from mfa.factors import categories_of
from mfa.verification import TotpAnswer

_LOCKED = frozenset({Rejection.BLOCKED, Rejection.DISABLED})


def post_code(services: Services, visit: Visit, form: dict[str, str]) -> Response:
    """Check the code of the citizen whose password was proven in this attempt, and of nobody else (S-300)."""
    if visit.partial is None:
        return after_post(visit)  # a second press, or a form from before: the dispatcher knows where we are
    code = form.get("code", "").strip()
    if not code:
        return proceed(services, visit, error=FormError(ErrorKind.MISSING_CODE))
    check_neighbourhood(services, visit)
    known = services.known_browsers.knows(read_cookie(KNOWN), visit.partial.citizen_id, visit.now)
    try:
        verified = services.verification.verify(
            visit.partial.citizen_id, TotpAnswer(code), known_browser=known, now=visit.now
        )
    except (FactorRejected, Busy) as rejection:
        count_failure(services, rejection, "totp")
        _begin_again_if_locked(services, rejection)
        return proceed(services, visit, error=code_error(rejection, visit.now))
    services.count("factors", {"kind": "totp", "outcome": "proven"})
    factor = ProvenFactor(verified.factor_id, str(verified.kind), verified.amr, verified.proven_at)
    return _sign_in(services, visit, visit.partial, (*visit.partial.factors, factor))


def _sign_in(
    services: Services, visit: Visit, partial: PartialSignIn, factors: tuple[ProvenFactor, ...]
) -> Response:
    """Begin the session: the ledger's row first, then the session, under a new secret (S-214)."""
    if len(categories_of(factors)) < 2:
        raise AssertionError("no session exists below two factors of different kinds")
    if not _is_active(services, partial.citizen_id):
        _refuse_blocked(services, visit)
    before = visit.signed_in.session if visit.signed_in else None
    same_citizen = before is not None and before.citizen_id == partial.citizen_id
    session = services.sessions.begin(
        partial.citizen_id,
        factors,
        acr=SUBSTANTIAL,
        now=visit.now,
        device=device_of(request.headers.get("User-Agent", "")),
        before=before if same_citizen else None,
    )
    try:
        services.transact(lambda tx: _record(services, tx, session, None if same_citizen else before))
    except FactorRejected:  # a password that was changed between the steps proves nothing (S-301)
        _forget_proof(services)
        return after_post(visit)
    secret = new_secret()
    services.browser_sessions.put(secret, session)
    if visit.signed_in is not None:
        services.browser_sessions.forget(visit.signed_in.secret)
    if not _is_active(services, session.citizen_id):
        # Blocked meanwhile: whoever ended the citizen's sessions did not see this one.
        services.browser_sessions.forget(secret)
        _refuse_blocked(services, visit)
    services.count("sign_ins", {})
    return _hand_out(services, visit, session, secret)


def _record(services: Services, tx: Tx, session: BrowserSession, stranger: BrowserSession | None) -> None:
    """The sign-in, and the end of another citizen's session in this browser.

    Raises: FactorRejected.
    """
    services.verification.check_in_force(tx, session.citizen_id, [f.factor_id for f in session.factors])
    services.ledger.append(
        tx,
        event=events.SIGNED_IN,
        actor=events.BY_CITIZEN,
        at=session.authenticated_at,
        citizen_id=session.citizen_id,
        facts={"factors": list(session.amr), "level": session.acr, "device": session.device},
    )
    if stranger is not None:
        record_end(
            tx,
            stranger,
            ended_sessions=services.ended_sessions,
            grants=services.grants,
            ledger=services.ledger,
            actor=events.BY_SYSTEM,
            now=session.authenticated_at,
        )


def _is_active(services: Services, citizen_id: str) -> bool:
    citizen = services.citizens.find(citizen_id)
    return citizen is not None and citizen.status == "active"


def _begin_again_if_locked(services: Services, rejection: FactorRejected | Busy) -> None:
    """A sign-in that met a lock is over: when the lock ends, it begins with the first factor again (S-247)."""
    if isinstance(rejection, FactorRejected) and rejection.reason in _LOCKED:
        _forget_proof(services)


def _forget_proof(services: Services) -> None:
    proof = read_cookie(PROOF)
    if proof is not None:
        services.partial_sign_ins.forget(proof)


def _hand_out(services: Services, visit: Visit, session: BrowserSession, secret: str) -> Response:
    _forget_proof(services)
    response = after_post(visit)
    set_cookie(response, SESSION, secret)
    set_cookie(response, KNOWN, services.known_browsers.mark(session.citizen_id, visit.now), LIFETIME)
    forget_cookie(response, PROOF)
    return response


def _refuse_blocked(services: Services, visit: Visit) -> NoReturn:
    """Only somebody who proved both factors learns that the access is blocked."""
    _forget_proof(services)
    turn_back(visit.registered, NoticeKind.ACCESS_BLOCKED, 403)
