"""The addresses of a sign-in, and nothing else: each view opens the visit and hands it to its file."""

from collections.abc import Callable

from flask import Blueprint, Response, request
from werkzeug.exceptions import MethodNotAllowed

from idp.login.authorize import authorize
from idp.login.cancel import post_cancel
from idp.login.consent import post_consent
from idp.login.device_answer import post_device
from idp.login.end_session import end_session, post_sign_out, show_sign_out
from idp.login.first_factor import post_password
from idp.login.flow import proceed
from idp.login.options import show_options
from idp.login.own_button import sign_out
from idp.login.passkey import post_passkey
from idp.login.second_factor import post_code, post_key
from idp.login.sign_out import SIGNED_OUT
from idp.login.signed_out import show_signed_out
from idp.login.unmet import post_unmet
from idp.login.visit import Visit, WrongTurn, open_visit
from idp.services import Services
from idp.web import RETRY_AFTER_SECONDS, accepts_cross_site_posts, check_form_token, read_form, render

Post = Callable[[Services, Visit, dict[str, str]], Response]

POSTS: dict[str, Post] = {
    "passkey": post_passkey,
    "password": post_password,
    "totp": post_code,
    "key": post_key,
    "unmet": post_unmet,
    "consent": post_consent,
    "device": post_device,
    "cancel": post_cancel,
}
"""What may be posted to an attempt. Every one of them is in the tests' route matrices."""


def login_pages(services: Services) -> Blueprint:
    """The blueprint of a sign-in."""
    pages = Blueprint("login", __name__)
    pages.register_error_handler(WrongTurn, notice)

    @accepts_cross_site_posts
    def authorization_endpoint() -> Response:
        _refuse_head()
        return authorize(services)

    def show(attempt_id: str) -> Response:
        _refuse_head()
        return proceed(services, open_visit(services, attempt_id), way=request.args.get("way"))

    def options(attempt_id: str) -> Response:
        _refuse_head()
        return show_options(services, open_visit(services, attempt_id))

    def take(attempt_id: str, step: str) -> Response:
        form = read_form()
        visit = open_visit(services, attempt_id)
        check_form_token(form, visit.browser_secret, attempt_id)
        return POSTS[step](services, visit, form)

    pages.add_url_rule("/authorize", "authorize", authorization_endpoint, methods=["GET", "POST"])
    pages.add_url_rule("/login/<attempt_id>", "show", show, methods=["GET"])
    pages.add_url_rule("/login/<attempt_id>/options", "options", options, methods=["GET"])
    for step in POSTS:
        pages.add_url_rule(
            f"/login/<attempt_id>/{step}", f"take_{step}", take, methods=["POST"], defaults={"step": step}
        )
    _add_sign_out(pages, services)
    return pages


def _add_sign_out(pages: Blueprint, services: Services) -> None:
    @accepts_cross_site_posts
    def end_session_endpoint() -> Response:
        _refuse_head()
        return end_session(services)

    def show(request_id: str) -> Response:
        _refuse_head()
        return show_sign_out(services, request_id)

    def take(request_id: str) -> Response:
        return post_sign_out(services, request_id)

    pages.add_url_rule("/end-session", "end_session", end_session_endpoint, methods=["GET", "POST"])
    pages.add_url_rule("/sign-out/<request_id>", "show_sign_out", show, methods=["GET"])
    pages.add_url_rule("/sign-out/<request_id>", "take_sign_out", take, methods=["POST"])
    pages.add_url_rule("/sign-out", "sign_out", lambda: sign_out(services), methods=["POST"])
    pages.add_url_rule(SIGNED_OUT, "signed_out", lambda: show_signed_out(services), methods=["GET"])


def _refuse_head() -> None:
    """Where nothing is missing these decide a request or end a session; a HEAD must decide nothing (S-295)."""
    if request.method == "HEAD":
        raise MethodNotAllowed(valid_methods=["GET"])


def notice(turn: WrongTurn) -> Response:
    response = render(turn.notice, turn.status)
    if turn.status == 429:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response
