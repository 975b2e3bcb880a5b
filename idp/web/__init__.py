"""What every page stands on: one Flask application, its front door, its languages, its errors.

    application.py   make_flask: the checks before every view, the headers after it
    configuration.py WebConfig, and how a request finds it
    page.py          Page, the view model's base, and render
    templates.py     templates, compiled once in each language
    failures.py      ErrorPage, and how an exception becomes one
    language.py      da, en, nb: which one, and the catalogues
    cookies.py       names and attributes, in one place
    forms.py         the strict reading of a form; the two checks against forms from elsewhere
    session_end.py   when the session ends, for the page that warns of it
    static_files.py  files with their digest in their address

It knows no login and no portal. There is no SECRET_KEY and no flask.session: the house has one kind of session.
"""

from idp.web.application import make_flask
from idp.web.configuration import WebConfig
from idp.web.cookies import cookie_name, forget_cookie, read_cookie, set_cookie
from idp.web.failures import RETRY_AFTER_SECONDS, ErrorPage, FailureKind, request_reference
from idp.web.forms import (
    ForeignForm,
    accepts_cross_site_posts,
    check_form_token,
    form_token,
    read_form,
    read_query,
)
from idp.web.language import current_language, prefer_languages
from idp.web.page import Page, render
from idp.web.session_end import tell_session_end

__all__ = [
    "make_flask",
    "WebConfig",
    "Page",
    "render",
    "ErrorPage",
    "ForeignForm",
    "FailureKind",
    "RETRY_AFTER_SECONDS",
    "request_reference",
    "cookie_name",
    "read_cookie",
    "set_cookie",
    "forget_cookie",
    "read_form",
    "read_query",
    "form_token",
    "check_form_token",
    "accepts_cross_site_posts",
    "current_language",
    "prefer_languages",
    "tell_session_end",
]
