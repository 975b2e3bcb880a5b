"""Clients that send the same `nonce` or `code_challenge` again and again (RFC 9700 §2.1.1; S-033).

Such a client has a mistake that takes away what the two protect it from, and does not notice by itself. It is told in the
log and counted, and served on. Remembered in memory only, a few fingerprints for each registered client, so that a
note costs no store; each process sees its share of the requests, which is enough for a value that never changes.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable

from idp.records import AuthorizationRequest

_log = logging.getLogger(__name__)

_REPEATED_FROM = 10
"""A citizen who reloads a page sends a request a few times; nobody does ten times among so few others."""
_REMEMBERED = 8
"""Of each client and parameter, the values that came last."""


class RepeatedValues:
    """One per process; any thread may note."""

    def __init__(self, count: Callable[[str, dict[str, str]], None]) -> None:
        self._count = count
        self._seen: dict[tuple[str, str], OrderedDict[int, int]] = {}
        self._lock = threading.Lock()

    def note(self, request: AuthorizationRequest) -> None:
        """A request of a registered client that was checked, once for each time that it was made."""
        for parameter, value in (("nonce", request.nonce), ("code_challenge", request.code_challenge)):
            if value is not None:
                self._note(request.client_id, parameter, value)

    def _note(self, client_id: str, parameter: str, value: str) -> None:
        times = self._times(client_id, parameter, hash(value))
        if times < _REPEATED_FROM:
            return
        self._count("repeated_values", {"parameter": parameter})
        if times == _REPEATED_FROM:
            _log.warning(
                "a client repeats a value that must be new in each request",
                extra={"client_id": client_id, "parameter": parameter},
            )

    def _times(self, client_id: str, parameter: str, fingerprint: int) -> int:
        with self._lock:
            values = self._seen.setdefault((client_id, parameter), OrderedDict())
            times = values.pop(fingerprint, 0) + 1
            values[fingerprint] = times
            if len(values) > _REMEMBERED:
                values.popitem(last=False)
            return times
