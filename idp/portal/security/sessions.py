"""Where the citizen is signed in; ending one session, all others, or all; which services were told."""

from datetime import timedelta

from flask import Response
from werkzeug.exceptions import NotFound

from idp.login.browser_handle import abandon_sign_ins
from idp.login.outcomes import outcome_of
from idp.login.sign_out import signed_out
from idp.portal.security import session_pages as pages
from idp.portal.security.visit import ROOT, Done, OwnVisit
from idp.services import Services
from idp.web.place_words import place_words

_LIST = f"{ROOT}/sessions"
_TOLD_SHOWN = timedelta(days=7)
_TOLD_AT_MOST = 20


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
        told=_told(services, visit),
    )


def _told(services: Services, visit: OwnVisit) -> tuple[pages.ToldRow, ...]:
    lasting = {access.client_id for access in services.lasting_accesses.of_citizen(visit.citizen_id)}
    notices = services.logout_notices.of_citizen(visit.citizen_id, visit.now - _TOLD_SHOWN)
    return tuple(
        pages.ToldRow(
            service=outcome_of(services, notice, lasting=notice.client_id in lasting),
            ended_at=notice.ended_at,
        )
        for notice in notices[:_TOLD_AT_MOST]
    )


def end_one(services: Services, visit: OwnVisit, form: dict[str, str], handle: str) -> Response:
    """End the session that this page named so. A handle from anywhere else names none (S-226)."""
    del form
    own = services.self_service.sessions_of(visit.citizen_id)
    meant = [found.session_id for found in own if visit.handle_of(found.session_id) == handle]
    if not meant:
        raise NotFound
    own_end = meant[0] == visit.signed_in.session.session_id
    if own_end:
        abandon_sign_ins(services)
    services.self_service.end_session(visit.citizen_id, meant[0])
    if own_end:
        return signed_out(services, session_ids=(meant[0],), citizen_id=visit.citizen_id, after_form=True)
    return visit.after(_LIST, Done.SESSION_ENDED)


def end_others(services: Services, visit: OwnVisit, form: dict[str, str]) -> Response:
    del form
    this = visit.signed_in.session.session_id
    ended = services.self_service.end_other_sessions(visit.citizen_id, this)
    return visit.after(_LIST, Done.OTHERS_ENDED, ended)


def end_all(services: Services, visit: OwnVisit, form: dict[str, str]) -> Response:
    del form
    this = visit.signed_in.session.session_id
    others = {found.session_id for found in services.self_service.sessions_of(visit.citizen_id)} - {this}
    abandon_sign_ins(services)
    services.self_service.end_all_sessions(visit.citizen_id)
    ended = (this, *sorted(others))
    return signed_out(services, session_ids=ended, citizen_id=visit.citizen_id, after_form=True)
