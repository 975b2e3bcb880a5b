"""The addresses of recoveries, and the tables of what may be posted."""

from collections.abc import Callable

from flask import Blueprint, Response, jsonify, request

from idp.letters.letter import LetterRejected
from idp.login.visit import BROWSER
from idp.login.way_back import see_other
from idp.portal.activation.code import letter_error
from idp.portal.recovery import change, entry, proofs
from idp.portal.recovery.flow import key_options, proceed
from idp.portal.recovery.visit import (
    ROOT,
    STEP,
    RecoveryVisit,
    TooManyTries,
    check_token,
    find_visit,
    too_many,
)
from idp.recovery.recovery import Stage
from idp.services import Services
from idp.web import check_form_token, read_cookie, read_form

Post = Callable[[Services, RecoveryVisit, dict[str, str]], Response]
OpenPost = Callable[[Services, dict[str, str]], Response]

POSTS: dict[str, Post] = {
    "who": entry.post_who,
    "more": entry.post_more,
    "wait": entry.post_wait,
    "cancel": entry.post_cancel,
    "password": proofs.post_password,
    "totp": proofs.post_totp,
    "recovery-code": proofs.post_recovery_code,
    "passkey": proofs.post_passkey,
    "key": proofs.post_key,
    "letter": proofs.post_letter,
    "new-password": change.post_new_password,
    "lost": change.post_lost,
    "new-totp": change.post_new_totp,
    "new-key": change.post_new_key,
}
"""What may be posted to the recovery of a browser. Every one of them is in the tests' route matrices."""

OPEN_POSTS: dict[str, tuple[str, OpenPost]] = {
    f"{ROOT}/begin": (entry.BEGIN, entry.post_begin),
    f"{ROOT}/letter-order": (entry.ORDER, entry.post_order),
    "/stop": (entry.STOP, entry.post_stop),
}
"""What anybody may post: address, and what its form decides."""


def recovery_pages(services: Services) -> Blueprint:
    """The blueprint of /recover and /stop."""
    pages = Blueprint("recovery", __name__)
    pages.register_error_handler(TooManyTries, lambda _: too_many())

    def step() -> Response:
        visit = find_visit(services)
        return proceed(services, visit, way=request.args.get("way", "")) if visit else see_other(ROOT)

    def take(name: str) -> Response:
        form = read_form()
        visit = find_visit(services)
        if visit is None:
            return see_other(ROOT)
        check_token(visit, form)
        try:
            return POSTS[name](services, visit, form)
        except LetterRejected as rejected:
            return proceed(services, visit, way="letter", error=letter_error(rejected))

    def take_open(address: str) -> Response:
        form = read_form()
        purpose, act = OPEN_POSTS[address]
        check_form_token(form, read_cookie(BROWSER), purpose)
        return act(services, form)

    def options() -> Response:
        visit = find_visit(services)
        if visit is None or visit.recovery.stands(visit.now) is not Stage.PROVING:
            return Response(status=409)
        return jsonify(key_options(services, visit))

    pages.add_url_rule(ROOT, "entry", lambda: entry.show_entry(services), methods=["GET"])
    pages.add_url_rule(STEP, "step", step, methods=["GET"])
    pages.add_url_rule(f"{ROOT}/key-options", "options", options, methods=["GET"])
    pages.add_url_rule(f"{ROOT}/letter-order", "order", lambda: entry.show_order(services), methods=["GET"])
    pages.add_url_rule("/stop", "stop", lambda: entry.show_stop(services), methods=["GET"])
    for name in POSTS:
        pages.add_url_rule(f"{ROOT}/{name}", f"take_{name}", take, methods=["POST"], defaults={"name": name})
    for number, address in enumerate(OPEN_POSTS):
        pages.add_url_rule(
            address, f"open_{number}", take_open, methods=["POST"], defaults={"address": address}
        )
    pages.add_url_rule(
        "/stop/mine", "stop_mine", lambda: entry.post_stop_mine(services, read_form()), methods=["POST"]
    )
    return pages
