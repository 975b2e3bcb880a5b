"""The access log: a line for each answer, with the reference number by which an error of it is told.

What is logged is the route, never the address that was asked for: codes, names and whatever else somebody typed may
stand in it. Nor is the address that asked: who was here is the ledger's matter, which its citizen can read.
"""

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

_log = logging.getLogger("idp.access")

_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})
_OTHER = "other"

StartResponse = Callable[..., Any]


class AccessLog:
    """Tells each answer once its status is known. `pages` are the addresses that pages are served at, as rules."""

    def __init__(self, pages: Iterable[str]) -> None:
        self._pages = frozenset(_first_segment(page) for page in pages)

    def watching(
        self, environ: dict[str, Any], route: str | None, start_response: StartResponse
    ) -> StartResponse:
        """`start_response`, and the line with it; `route` is the machine endpoint's, or None for a page."""
        begun = time.perf_counter()

        def answer(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            method = environ["REQUEST_METHOD"]
            _log.info(
                "answered",
                extra={
                    "reference": environ["adgang.reference"],
                    "method": method if method in _METHODS else _OTHER,
                    "route": self._page_of(environ.get("PATH_INFO", "")) if route is None else route,
                    "status": int(status[:3]),
                    "milliseconds": round(1000 * (time.perf_counter() - begun), 1),
                },
            )
            return start_response(status, headers, *more)

        return answer

    def _page_of(self, path: str) -> str:
        """The first segment of a page's address, which is ours; what follows may be anybody's."""
        first = _first_segment(path)
        return first if first in self._pages else _OTHER


def _first_segment(path: str) -> str:
    return "/" + path[1:].partition("/")[0]
