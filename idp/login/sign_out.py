"""The one way to sign out of this browser: by our own button (own_button.py), or because a service asked (end_session.py).

    button ──────────────────────────────▶ ended, in SQL and in Redis ──▶ /signed-out: what came of it
    service ──its hint names this session──▲
       └──anything else──▶ asked ──"log ud"┘
    button of a page from before the last sign-in ──▶ asked

Whatever ends a session writes its services into the queue (idp/logout); this is only about the browser at hand.
"""

from flask import Response

from idp.browser_sessions import record_end
from idp.ids import new_secret
from idp.ledger import events
from idp.login.browser_handle import forget_proof, forget_sign_in, spend_handle, take_successor
from idp.login.visit import SIGN_OUT, SignedIn, peer_address
from idp.login.way_back import see_other
from idp.logout.records import LIFETIME, SignOut
from idp.protocol.begun_sign_ins import check_begun
from idp.protocol.logout_request import LogoutRequest
from idp.services import Services
from idp.storage.ports import Tx
from idp.web import form_token, set_cookie

SIGNED_OUT = "/signed-out"
SIGN_OUT_FORM = "sign-out"
_NOTHING_ASKED = LogoutRequest()


def sign_out_token(session_secret: str) -> str:
    """The token of the form with the button."""
    return form_token(session_secret, SIGN_OUT_FORM)


def end_here(
    services: Services,
    signed_in: SignedIn,
    *,
    asked: LogoutRequest = _NOTHING_ASKED,
    after_form: bool = False,
) -> Response:
    """End the session of this browser, and what is under way in it."""
    forget_proof(services)  # first: whoever still finds the session finds no half proven sign-in beside it
    _end(services, signed_in)
    successor = take_successor(services, signed_in.secret)
    if successor is not None and successor.session.session_id != signed_in.session.session_id:
        # Another citizen's sign-in in another tab, which was looked at before the handle was spent.
        _end(services, successor)
    return signed_out(
        services,
        session_ids=(signed_in.session.session_id,),
        citizen_id=signed_in.session.citizen_id,
        asked=asked,
        after_form=after_form,
    )


def _end(services: Services, signed_in: SignedIn) -> None:
    session, now = signed_in.session, services.clock()

    def work(tx: Tx) -> None:
        spend_handle(services, tx)
        record_end(
            tx,
            session,
            ended_sessions=services.ended_sessions,
            grants=services.grants,
            ledger=services.ledger,
            actor=events.BY_CITIZEN,
            now=now,
        )

    services.transact(work)
    services.browser_sessions.forget_these(session.citizen_id, {session.session_id})


def signed_out(
    services: Services,
    *,
    session_ids: tuple[str, ...] = (),
    citizen_id: str = "",
    asked: LogoutRequest = _NOTHING_ASKED,
    after_form: bool = False,
) -> Response:
    """On to the page that shows what came of it, for a browser that is signed in no more.

    Raises: TooManyRequests, where it was not signed in before either.
    """
    if not session_ids:  # nobody in particular, who may come as often as they like
        check_begun(services.rates, services.policy, "sign-out", peer_address())
    now, secret = services.clock(), new_secret()
    done = SignOut(session_ids, citizen_id, now, now + LIFETIME, asked, after_form)
    services.sign_outs.put(secret, done)
    response = see_other(SIGNED_OUT)
    forget_sign_in(response)
    set_cookie(response, SIGN_OUT, secret, LIFETIME)
    return response
