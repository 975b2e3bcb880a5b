"""The way back to the service with the answer: a redirect, or a small page where a form came before.

Chromium holds `form-action` against every redirect that follows a POST, so after one the citizen gets a page of ours
with status 200 that leads on by itself (protocol.md, browser facts). A redirect is 303, never 307 (S-031).
"""

from typing import cast

from flask import Response, redirect

from idp.login.pages import FormPost, Return
from idp.login.visit import Visit, ensure_browser
from idp.protocol.response_mode import AuthorizationResponse
from idp.web import current_language, render


def see_other(location: str) -> Response:
    """On to a page by GET, whatever the request was (RFC 9110 §15.4.4)."""
    return cast(Response, redirect(location, 303, Response))


def send_back(answer: AuthorizationResponse, visit: Visit) -> Response:
    """Straight away, where no form of ours came before."""
    if answer.mode == "form_post":
        return _posting(answer, visit)
    response = see_other(answer.location)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    ensure_browser(response, visit.browser_secret)
    return response


def lead_back(answer: AuthorizationResponse, visit: Visit) -> Response:
    """By a page that leads on."""
    if answer.mode == "form_post":
        return _posting(answer, visit)
    return render(Return(target_url=answer.location, service_name=_service_name(visit)))


def _posting(answer: AuthorizationResponse, visit: Visit) -> Response:
    fields = dict(answer.parameters)
    return render(FormPost(target_url=answer.redirect_uri, service_name=_service_name(visit), fields=fields))


def _service_name(visit: Visit) -> str:
    return visit.registered.client.name_in(current_language())
