"""The addresses of an activation. One page, whose step the record decides; a table of what may be posted.

A form of a step that is not the present one changes nothing and leads to the present one: a reload, the back button
and a second window all end where the activation is.
"""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, Response, request

from idp.letters.letter import LetterRejected
from idp.login.visit import BROWSER
from idp.login.way_back import see_other
from idp.portal.activation.account import post_account, show_account
from idp.portal.activation.code import letter_error, post_code, show_code
from idp.portal.activation.first_factor import key_options, post_app, post_key, show_first_factor
from idp.portal.activation.pages import ROOT
from idp.portal.activation.person import post_person, show_person
from idp.portal.activation.steps import ActivationStep, step_of
from idp.portal.activation.visit import ActivationVisit, elsewhere, find_visit, finish_visit
from idp.services import Services
from idp.web import check_form_token, read_cookie, read_form

Post = Callable[[Services, ActivationVisit, dict[str, str]], Response]

_PURPOSE = "activate"


@dataclass(frozen=True, slots=True)
class Posted:
    """What may be posted, and at which steps it counts."""

    act: Post
    steps: frozenset[ActivationStep]


POSTS: dict[str, Posted] = {
    "person": Posted(post_person, frozenset({ActivationStep.PERSON})),
    # Also after it: the citizen may think better of a user ID.
    "account": Posted(post_account, frozenset({ActivationStep.ACCOUNT, ActivationStep.FIRST_FACTOR})),
    "app": Posted(post_app, frozenset({ActivationStep.FIRST_FACTOR})),
    "key": Posted(post_key, frozenset({ActivationStep.FIRST_FACTOR})),
}
"""Behind a valid code. Beside them stands `code`, which anybody may post."""


def activation_pages(services: Services) -> Blueprint:
    """The blueprint of /activate."""
    blueprint = Blueprint("activation", __name__, url_prefix=ROOT)

    def show() -> Response:
        return _with_letter(services, lambda: _show(services, find_visit(services)))

    def take_code() -> Response:
        form = read_form()
        check_form_token(form, read_cookie(BROWSER), _PURPOSE)
        return post_code(services, form)

    def take(name: str) -> Response:
        form = read_form()
        return _with_letter(services, lambda: _take(services, POSTS[name], form))

    def options() -> Response:
        return _with_letter(services, lambda: _options(services))

    blueprint.add_url_rule("", "show", show, methods=["GET"])
    blueprint.add_url_rule("/code", "take_code", take_code, methods=["POST"])
    blueprint.add_url_rule("/key/options", "key_options", options, methods=["GET"])
    for name in POSTS:
        blueprint.add_url_rule(f"/{name}", f"take_{name}", take, methods=["POST"], defaults={"name": name})
    return blueprint


def _with_letter(services: Services, view: Callable[[], Response]) -> Response:
    """What happens where the letter cannot be used any more: the first page, which says why."""
    try:
        return view()
    except LetterRejected as rejected:
        return finish_visit(services, show_code(letter_error(rejected)))


def _show(services: Services, visit: ActivationVisit | None) -> Response:
    step = step_of(visit.record if visit else None)
    if visit is None or request.args.get("begin") == "again":
        return show_code()
    if step is ActivationStep.PERSON:
        return show_person(visit)
    if step is ActivationStep.ACCOUNT or request.args.get("change") == "account":
        return show_account(visit)
    return show_first_factor(services, visit)


def _take(services: Services, posted: Posted, form: dict[str, str]) -> Response:
    visit = find_visit(services)
    if visit is None:
        return elsewhere(services)
    check_form_token(form, visit.secret, _PURPOSE)
    if step_of(visit.record) not in posted.steps:
        return see_other(ROOT)
    return posted.act(services, visit, form)


def _options(services: Services) -> Response:
    visit = find_visit(services)
    if visit is None or step_of(visit.record) is not ActivationStep.FIRST_FACTOR:
        return Response(status=409)
    return key_options(services, visit)
