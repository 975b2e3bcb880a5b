"""The addresses of the security page: tables of its pages and of what may be posted, and one view for each kind."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, Response

from idp.portal.security import (
    accesses,
    activity,
    blocking,
    contact,
    factors,
    messages,
    new_factors,
    overview,
    sessions,
)
from idp.portal.security import password as passwords
from idp.portal.security.pages import SecurityPage
from idp.portal.security.visit import ROOT, open_own_visit
from idp.services import Services
from idp.web import check_form_token, read_form, render


@dataclass(frozen=True, slots=True)
class Shown:
    """A page. With `fresh`, a second factor must have been proven within five minutes (S-302)."""

    page: Callable[..., SecurityPage]
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Posted:
    """What may be posted; `page` is where its form stands, and where a sign-in leads back to."""

    act: Callable[..., Response]
    page: str
    fresh: bool = True


PAGES: dict[str, Shown] = {
    "": Shown(overview.show_overview),
    "/factors": Shown(factors.show_factors),
    "/factors/<factor_id>/rename": Shown(factors.show_rename, fresh=True),
    "/factors/<factor_id>/remove": Shown(factors.show_remove, fresh=True),
    "/factors/add-app": Shown(new_factors.show_add_app, fresh=True),
    "/factors/add-key": Shown(new_factors.show_add_key, fresh=True),
    "/factors/new-codes": Shown(new_factors.show_new_codes, fresh=True),
    "/sessions": Shown(sessions.show_sessions),
    "/access": Shown(accesses.show_accesses),
    "/activity": Shown(activity.show_activity),
    "/password": Shown(passwords.show_password, fresh=True),
    "/contact": Shown(contact.show_contact, fresh=True),
    "/messages": Shown(messages.show_messages),
    "/block": Shown(blocking.show_block),
}

POSTS: dict[str, Posted] = {
    "/factors/<factor_id>/rename": Posted(factors.rename, "/factors/<factor_id>/rename"),
    "/factors/<factor_id>/remove": Posted(factors.remove, "/factors/<factor_id>/remove"),
    # Its offer was made to a fresh session, and there is none otherwise (new_factors.py).
    "/factors/add-app": Posted(new_factors.add_app, "/factors/add-app", fresh=False),
    "/factors/add-key": Posted(new_factors.add_key, "/factors/add-key"),
    "/factors/new-codes": Posted(new_factors.make_codes, "/factors/new-codes"),
    "/password": Posted(passwords.change_password, "/password"),
    "/contact": Posted(contact.change_contact, "/contact"),
    "/contact/phrase": Posted(contact.change_phrase, "/contact"),
    # These only take access away, and whoever presses is in a hurry.
    "/sessions/<handle>/end": Posted(sessions.end_one, "/sessions", fresh=False),
    "/sessions/end-others": Posted(sessions.end_others, "/sessions", fresh=False),
    "/sessions/end-all": Posted(sessions.end_all, "/sessions", fresh=False),
    "/access/<service>/end": Posted(accesses.end_access, "/access", fresh=False),
    "/activity/<int(max=999999999):number>/dispute": Posted(activity.dispute, "/activity", fresh=False),
    "/block": Posted(blocking.block, "/block", fresh=False),
}
"""Every one of them is in the tests' route matrices."""

KEY_OPTIONS = "/factors/add-key/options"


def security_pages(services: Services) -> Blueprint:
    """The blueprint of the security page."""
    blueprint = Blueprint("security", __name__, url_prefix=ROOT)
    for path, shown in PAGES.items():
        blueprint.add_url_rule(path, f"show{path}", _show(services, shown, path), methods=["GET"])
    for path, posted in POSTS.items():
        blueprint.add_url_rule(path, f"take{path}", _take(services, posted, path), methods=["POST"])

    def key_options() -> Response:
        back = f"{ROOT}/factors/add-key"
        return new_factors.key_options(services, open_own_visit(services, fresh=True, back=back))

    blueprint.add_url_rule(KEY_OPTIONS, "key_options", key_options, methods=["GET"])
    return blueprint


def _show(services: Services, shown: Shown, path: str) -> Callable[..., Response]:
    def view(**ids: str) -> Response:
        visit = open_own_visit(services, fresh=shown.fresh, back=_filled(path, ids))
        return render(shown.page(services, visit, **ids))

    return view


def _take(services: Services, posted: Posted, path: str) -> Callable[..., Response]:
    def view(**ids: str) -> Response:
        form = read_form()
        visit = open_own_visit(services, fresh=posted.fresh, back=_filled(posted.page, ids))
        check_form_token(form, visit.secret, _filled(path, ids))
        return posted.act(services, visit, form, **ids)

    return view


def _filled(path: str, ids: dict[str, str]) -> str:
    """The path with this request's ids: what its form token is made for."""
    for name, value in ids.items():
        path = path.replace(f"<{name}>", str(value)).replace(f"<int(max=999999999):{name}>", str(value))
    return ROOT + path
