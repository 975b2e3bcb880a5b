"""Public pages: help, security advice, accessibility, privacy. They read no session and no store."""

from collections.abc import Callable

from flask import Blueprint, Response

from idp.portal.pages import Accessibility, ErrorHelp, Help, Privacy, SecurityAdvice
from idp.web import Page, render

_PAGES: dict[str, Page] = {
    "/help": Help(),
    "/help/errors": ErrorHelp(),
    "/help/security": SecurityAdvice(),
    "/accessibility": Accessibility(),
    "/privacy": Privacy(),
}


def portal_pages() -> Blueprint:
    """The blueprint, to be registered by app.py."""
    blueprint = Blueprint("portal", __name__)
    for path, page in _PAGES.items():
        blueprint.add_url_rule(path, path.strip("/").replace("/", "_"), _view(page), methods=["GET"])
    return blueprint


def _view(page: Page) -> Callable[[], Response]:
    return lambda: render(page)
