"""Where the citizen is signed in; ending one session, all others, or all."""

from flask import Response
from werkzeug.exceptions import NotFound

from idp.login.pages import SignedOut
from idp.login.visit import SESSION
from idp.portal.security import pages
from idp.portal.security.places import place_words
from idp.portal.security.visit import ROOT, Done, OwnVisit
from idp.services import Services
from idp.web import forget_cookie, render

_LIST = f"{ROOT}/sessions"


def show_sessions(services: Services, visit: OwnVisit) -> pages.Sessions:
    rows = [
        pages.SessionRow(
            handle=visit.handle_of(session.session_id),
            device=session.device,
            place=place_words(session.place) if session.place else "",
            since=session.started_at,
            last_used_at=session.last_used_at,
            this=session.session_id == visit.signed_in.session.session_id,
        )
        for session in services.self_service.sessions_of(visit.citizen_id)
    ]
    return pages.Sessions(
        secret=visit.secret,
        path=_LIST,
        now=visit.now,
        notice=visit.notice,
        sessions=tuple(sorted(rows, key=lambda row: not row.this)),
    )


def end_one(services: Services, visit: OwnVisit, form: dict[str, str], handle: str) -> Response:
    """End the session that this page named so. A handle from anywhere else names none (S-226)."""
    del form
    own = services.self_service.sessions_of(visit.citizen_id)
    meant = [found.session_id for found in own if visit.handle_of(found.session_id) == handle]
    if not meant:
        raise NotFound
    services.self_service.end_session(visit.citizen_id, meant[0])
    if meant[0] == visit.signed_in.session.session_id:
        return signed_out()
    return visit.after(_LIST, Done.SESSION_ENDED)


def end_others(services: Services, visit: OwnVisit, form: dict[str, str]) -> Response:
    del form
    this = visit.signed_in.session.session_id
    ended = services.self_service.end_other_sessions(visit.citizen_id, this)
    return visit.after(_LIST, Done.OTHERS_ENDED, ended)


def end_all(services: Services, visit: OwnVisit, form: dict[str, str]) -> Response:
    del form
    services.self_service.end_all_sessions(visit.citizen_id)
    return signed_out()


def signed_out() -> Response:
    """The page of somebody who is signed in no more."""
    response = render(SignedOut())
    forget_cookie(response, SESSION)
    return response
