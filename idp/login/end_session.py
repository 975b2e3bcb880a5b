"""The end session endpoint: a service asks that the citizen is signed out (OpenID Connect RP-Initiated Logout 1.0).

    GET, POST /end-session ──checked──▶ /sign-out/<request> ──hint names this session──▶ ended
                                             │   ▲ └──anything else──▶ the citizen is asked
                                             │   └──────────"log ud"─────────┘
                                             └──nobody is signed in──▶ straight on

Kept between the two, so that a POST from another site, which carries no cookie of ours, comes back by GET; and so that
what the citizen answers is what was asked. No link or picture ends a session: without the hint of this very session
it takes the press of a button (§2, §6; S-201).
"""

from flask import Response, request

from idp.ids import new_secret
from idp.login.browser_handle import find_to_end
from idp.login.pages import Notice, NoticeKind
from idp.login.sign_out import end_here, signed_out
from idp.login.sign_out_pages import AskSignOut
from idp.login.visit import SignedIn, WrongTurn, peer_address
from idp.login.way_back import see_other
from idp.logout.records import LIFETIME, SignOutRequest
from idp.protocol.authorization_request import authorization_parameters
from idp.protocol.begun_sign_ins import check_begun
from idp.protocol.id_token_hint import HintVerifier
from idp.protocol.logout_request import LogoutRequest, check_logout_request
from idp.services import Services
from idp.web import check_form_token, current_language, form_token, prefer_languages, read_form, render

_LONGEST_ID = 64


def end_session(services: Services) -> Response:
    """The endpoint, for GET and POST.

    Raises:
        InvalidRequest, TooLarge, TooManyRequests: told on a page; an error leads nowhere.
    """
    parameters = authorization_parameters(
        request.method, request.query_string, request.get_data(), request.headers.get("Content-Type")
    )
    asked = check_logout_request(
        parameters, registry=services.registry, hints=HintVerifier(services.policy, services.key_ring)
    )
    return see_other(_address(_keep(services, asked)))


def show_sign_out(services: Services, request_id: str) -> Response:
    """What a service asked, at the browser that it asked by.

    Raises: WrongTurn.
    """
    asked = _load(services, request_id)
    signed_in = find_to_end(services)
    if signed_in is None:
        return signed_out(services, asked=asked)
    if _is_meant(services, asked, signed_in):
        services.sign_out_requests.forget(request_id)
        return end_here(services, signed_in, asked=asked)
    prefer_languages(asked.ui_locales)
    return _ask(services, request_id, asked, signed_in)


def ask_instead(services: Services, signed_in: SignedIn) -> Response:
    """For a button of ours that does not belong to this session any more: it ends nothing, and is asked about."""
    asked = LogoutRequest()
    return _ask(services, _keep(services, asked), asked, signed_in, outdated=True)


def post_sign_out(services: Services, request_id: str) -> Response:
    """The citizen pressed the button.

    Raises: ForeignForm, InvalidRequest, WrongTurn.
    """
    form = read_form()
    asked = _load(services, request_id)
    signed_in = find_to_end(services)
    if signed_in is None:
        return signed_out(services, asked=asked, after_form=True)
    check_form_token(form, signed_in.secret, _address(request_id))
    services.sign_out_requests.forget(request_id)
    return end_here(services, signed_in, asked=asked, after_form=True)


def _keep(services: Services, asked: LogoutRequest) -> str:
    """Raises: TooManyRequests."""
    check_begun(services.rates, services.policy, "sign-out", peer_address())
    request_id = new_secret()
    services.sign_out_requests.put(request_id, SignOutRequest(asked, services.clock() + LIFETIME))
    return request_id


def _ask(
    services: Services, request_id: str, asked: LogoutRequest, signed_in: SignedIn, *, outdated: bool = False
) -> Response:
    page = AskSignOut(
        path=_address(request_id),
        service_name=_service_name(services, asked),
        csrf_token=form_token(signed_in.secret, _address(request_id)),
        outdated=outdated,
    )
    return render(page, 403 if outdated else 200)


def _address(request_id: str) -> str:
    return f"/sign-out/{request_id}"


def _load(services: Services, request_id: str) -> LogoutRequest:
    found = services.sign_out_requests.find(request_id) if len(request_id) <= _LONGEST_ID else None
    if found is None:
        raise WrongTurn(Notice(kind=NoticeKind.SIGN_OUT_EXPIRED), 410)
    return found.asked


def _is_meant(services: Services, asked: LogoutRequest, signed_in: SignedIn) -> bool:
    """Whether the hint was issued in this very session: the citizen's own service, a moment ago or hours (§2)."""
    if asked.client_id is None or asked.sid is None:
        return False
    return asked.sid == services.subjects.sid_for(asked.client_id, signed_in.session.session_id)


def _service_name(services: Services, asked: LogoutRequest) -> str | None:
    registered = services.registry.find_client(asked.client_id) if asked.client_id else None
    return registered.client.name_in(current_language()) if registered else None
