"""Forms: read strictly, and accepted only from our own pages.

Three things stand between a POST and a view: the browser's own word on where the form came from (Fetch Metadata,
then Origin), a token that only the holder of a cookie of ours can have been given, and strict_form's reading.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import TypeVar

from flask import current_app, request
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Request

from idp.protocol.strict_form import parse_form, parse_query
from idp.web.configuration import current_config

View = TypeVar("View", bound=Callable[..., object])

_CROSS_SITE_VIEWS = "adgang_accepts_cross_site_posts"


class ForeignForm(Forbidden):
    """A POST that did not come from a page of ours, or came with another browser's token."""


def read_form() -> dict[str, str]:
    """The fields of the POST, read from its raw bytes.

    Raises: InvalidRequest, TooLarge.
    """
    return parse_form(
        request.get_data(cache=True, parse_form_data=False), request.headers.get("Content-Type")
    )


def read_query() -> dict[str, str]:
    """The parameters of the address, read from their raw bytes.

    Raises: InvalidRequest, TooLarge.
    """
    return parse_query(request.query_string)


def form_token(secret: str, purpose: str) -> str:
    """The token of a form that is shown to the browser whose cookie holds `secret`.

    `purpose` names what the form decides, so that a token opens one thing only. It is derived, so nothing is kept,
    and it does not give the cookie away (HMAC-SHA256, RFC 2104).
    """
    return hmac.new(secret.encode(), f"form:{purpose}".encode(), hashlib.sha256).hexdigest()


def check_form_token(form: Mapping[str, str], secret: str | None, purpose: str) -> None:
    """The form's `csrf_token` is the one that this browser was given for this purpose (S-217).

    Raises: ForeignForm.
    """
    given = form.get("csrf_token", "")
    if not secret or not hmac.compare_digest(given.encode(), form_token(secret, purpose).encode()):
        raise ForeignForm("The form token does not belong to this browser.")


def check_same_site(posted: Request, issuer: str) -> None:
    """A POST comes from our own pages, as far as the browser says (S-216).

    Fetch Metadata decides where it is sent, else Origin; a browser that sends neither is left to the token.
    Raises: ForeignForm.
    """
    site = posted.headers.get("Sec-Fetch-Site")
    if site is not None:
        # `none`: begun by the person, such as a reload of the answer to a form.
        if site not in ("same-origin", "none"):
            raise ForeignForm("The form was posted from another site.")
        return
    origin = posted.headers.get("Origin")
    if origin is not None and origin != issuer:
        raise ForeignForm("The form was posted from another origin.")


def accepts_cross_site_posts(view: View) -> View:
    """Mark a view that other sites post to by its specification, such as the authorization endpoint."""
    setattr(view, _CROSS_SITE_VIEWS, True)
    return view


def check_post_is_ours() -> None:
    """The front door's check: every POST, unless its view is marked.

    Raises: ForeignForm.
    """
    if request.method != "POST" or request.endpoint is None:
        return
    view = current_app.view_functions[request.endpoint]
    if not getattr(view, _CROSS_SITE_VIEWS, False):
        check_same_site(request, current_config().issuer)
