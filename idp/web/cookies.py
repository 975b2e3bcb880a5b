"""Cookies: one place for their names and attributes (RFC 6265bis §4.1.3; ASVS 3.3).

`__Host-` with Secure, HttpOnly, Path=/, SameSite=Lax and no Domain. On the demonstration's plain loopback address
browsers and scripts would refuse or drop such a cookie, and cookies ignore ports, so there the port is in the name.
"""

from datetime import timedelta

from flask import Response, request
from werkzeug.exceptions import BadRequest

from idp.web.configuration import WebConfig, current_config


def cookie_name(kind: str, config: WebConfig | None = None) -> str:
    """The full name of our cookie `kind`: `session`, `browser`, `language`, …"""
    return _prefix(config or current_config()) + kind


def read_cookie(kind: str) -> str | None:
    """Our cookie's value. That it came once was checked at the front door."""
    return request.cookies.get(cookie_name(kind)) or None


def set_cookie(response: Response, kind: str, value: str, lifetime: timedelta | None = None) -> None:
    """Give the browser our cookie; without a lifetime it ends with the browser."""
    response.set_cookie(
        cookie_name(kind),
        value,
        max_age=lifetime,
        secure=current_config().https,
        httponly=True,
        samesite="Lax",
        path="/",
    )


def forget_cookie(response: Response, kind: str) -> None:
    """Ask the browser to drop our cookie."""
    set_cookie(response, kind, "", timedelta(0))


def check_no_double_cookies() -> None:
    """S-364: of two cookies with one name nobody can say which is ours, so neither counts.

    Raises: BadRequest.
    """
    prefix = _prefix(current_config())
    for name, values in request.cookies.lists():
        if name.startswith(prefix) and len(values) > 1:
            raise BadRequest("A cookie of ours came twice.")


def _prefix(config: WebConfig) -> str:
    return "__Host-adgang-" if config.https else f"adgang-{config.port}-"
