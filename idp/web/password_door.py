"""Passwords wait outside: hashing one takes a tenth of a second, and whoever waits for that holds a thread of the worker.

    a password is posted ──▶ a place free? ─ yes ─▶ the page, which waits for its turn to hash (mfa/password.py)
                                           └ no ──▶ 503, from a page that is made once in each language

There are as many places as turns serve in half a second, and the worker has so many threads more (idp/serving.py):
however many passwords come at once, everything else finds a thread (S-235).
"""

import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from flask import Flask, Response
from werkzeug.datastructures import Headers

from idp.web.failures import ErrorPage, FailureKind, error_response, request_reference, tell_refusal
from idp.web.language import current_language

_HASHING = re.compile(
    r"(?:/login/[^/]+/password|/recover/(?:new-)?password|/activate/account|/me/security/password)/?"
)
"""Where a password is verified or chosen: whole paths of POST requests. Pages are found with a slash behind, too."""

_NO_REFERENCE = "????-????"
"""Where the reference number of each answer goes in the page that is made once."""


class PasswordDoor:
    """The pages as a WSGI application, with so many passwords inside at once and no more."""

    def __init__(self, pages: Flask, places: int) -> None:
        self._pages = pages
        self._places = threading.BoundedSemaphore(places)
        self._made: dict[str, Response] = {}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "POST" or _HASHING.fullmatch(environ.get("PATH_INFO", "")) is None:
            return self._pages.wsgi_app(environ, start_response)
        if not self._places.acquire(blocking=False):
            with self._pages.request_context(environ):
                return self._come_back()(environ, start_response)
        try:
            return self._pages.wsgi_app(environ, start_response)
        finally:
            self._places.release()

    def _come_back(self) -> Response:
        """Nothing of what was sent is read, and no template is filled in: a crowd must cost little."""
        page = ErrorPage(status=503, kind=FailureKind.BUSY, reference=request_reference())
        tell_refusal(page, "too many passwords at once")
        language = current_language()
        if language not in self._made:
            self._made[language] = error_response(replace(page, reference=_NO_REFERENCE))
        made = self._made[language]
        html = made.get_data().replace(_NO_REFERENCE.encode(), page.reference.encode())
        return Response(html, made.status, Headers(made.headers))
