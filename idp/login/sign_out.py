"""POST /sign-out: "Log ud" ends this browser's own session, here and in SQL."""

from flask import Response

from idp.browser_sessions import record_end
from idp.ledger import events
from idp.login.pages import SignedOut
from idp.login.visit import SESSION, find_signed_in
from idp.services import Services
from idp.web import check_form_token, forget_cookie, form_token, read_form, render

_PURPOSE = "sign-out"


def sign_out_token(session_secret: str) -> str:
    """The token of the form with the button."""
    return form_token(session_secret, _PURPOSE)


def sign_out(services: Services) -> Response:
    """End the session; pressing twice is harmless.

    Raises: ForeignForm, InvalidRequest.
    """
    form = read_form()
    signed_in = find_signed_in(services)
    if signed_in is None:
        response = render(SignedOut(was_signed_in=False))
    else:
        check_form_token(form, signed_in.secret, _PURPOSE)
        session, now = signed_in.session, services.clock()
        services.transact(
            lambda tx: record_end(
                tx,
                session,
                ended_sessions=services.ended_sessions,
                grants=services.grants,
                ledger=services.ledger,
                actor=events.BY_CITIZEN,
                now=now,
            )
        )
        services.browser_sessions.forget(signed_in.secret)
        response = render(SignedOut())
    forget_cookie(response, SESSION)
    return response
