"""The one entry of the machine endpoints: a thin WSGI adapter without a framework.

Reads a request, calls the function of its path, turns what that raises into an answer. An unforeseen error is logged
once, under the reference number that the client is told, and counted; the worker goes on. Rules stand nowhere here.
"""

import logging
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from idp.endpoints.cross_origin import cross_origin_headers, preflight_headers
from idp.endpoints.machine import Headers, MachineResponse, RouteTable
from idp.endpoints.refusals import refusal_response
from idp.endpoints.wire import Environ, read_headers, read_request
from idp.errors import MethodNotAllowed, OAuthError, ServerError, StoreUnavailable, TemporarilyUnavailable
from idp.ids import new_reference
from idp.services import Services
from keys.errors import NothingSigned

StartResponse = Callable[..., Any]

_log = logging.getLogger("idp.machine")

_ALWAYS: Headers = (
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
)
_OVER_TLS: Headers = (("Strict-Transport-Security", "max-age=63072000; includeSubDomains"),)
_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


class MachineEntry:
    """Serves the paths of a route table."""

    def __init__(self, table: RouteTable, services: Services) -> None:
        self._table = table
        self._services = services
        # RFC 6797 §7.2: never over plain HTTP, which is the demo's.
        self._always = _ALWAYS + (_OVER_TLS if services.policy.issuer.startswith("https:") else ())
        self.paths = frozenset(path for path in table if not path.endswith("/"))
        """What comes here, beside what is one segment below another path; all else is a page's."""

    def route_of(self, path: str) -> str | None:
        """The table's name for this path; None where it is not ours."""
        if path in self.paths:
            return path
        above = path[: path.rfind("/") + 1]
        return above if above != path and above in self._table else None

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = self.route_of(environ["PATH_INFO"]) or ""
        answer = self._answer(environ, path)
        self._services.count("requests", {"path": path, "status": str(answer.status)})
        headers = [*answer.headers, *self._always]
        if answer.status not in (204, 304):
            headers.append(("Content-Length", str(len(answer.body))))
        start_response(_STATUS_LINES[answer.status], headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else answer.body]

    def _answer(self, environ: Environ, path: str) -> MachineResponse:
        route = self._table[path]
        method = environ["REQUEST_METHOD"]
        extra: Headers = ()
        try:
            if route.cross_origin:
                extra = cross_origin_headers(environ.get("HTTP_ORIGIN"), self._services.registry)
            headers = read_headers(environ)
            if route.cross_origin and method == "OPTIONS":
                return MachineResponse(204, preflight_headers(extra, route.allow), b"")
            function = route.methods.get("GET" if method == "HEAD" else method)
            if function is None:
                extra += (("Allow", route.allow),)
                raise MethodNotAllowed("This endpoint does not take this method.")
            answer = function(read_request(environ, headers))
        except Exception as fault:  # noqa: BLE001  the edge: whatever it is, the client gets an answer and the worker lives
            return self._refuse(fault, environ, path, extra)
        if not extra:
            return answer
        return MachineResponse(answer.status, answer.headers + extra, answer.body)

    def _refuse(self, fault: Exception, environ: Environ, path: str, extra: Headers) -> MachineResponse:
        reference = environ.get("adgang.reference") or new_reference()
        error = _as_told(fault)
        facts = {"reference": reference, "path": path, "error": error.code}
        if isinstance(error, ServerError):
            _log.error("unforeseen", extra=facts, exc_info=fault)
            self._services.count("failures", {"path": path})
        elif isinstance(fault, NothingSigned):
            _log.error("nothing signed", extra={**facts, "why": str(fault)})
            self._services.count("failures", {"path": path})
        elif isinstance(error, TemporarilyUnavailable):
            _log.warning("unavailable", extra={**facts, "fault_kind": type(fault).__name__})
        else:
            _log.info("refused", extra={**facts, "why": error.description, "detail": error.detail})
        return refusal_response(error, policy=self._services.policy, reference=reference, headers=extra)


def _as_told(fault: Exception) -> OAuthError:
    """Every error in the protocol's own words."""
    if isinstance(fault, OAuthError):
        return fault
    if isinstance(fault, StoreUnavailable | NothingSigned):
        return TemporarilyUnavailable("A part of the provider is away for the moment; try again.")
    return ServerError("Something failed that we did not foresee; the reference finds it in our log.")
