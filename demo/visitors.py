"""Who is signed in at a service. In memory: this is a demo."""

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace

from demo.on_behalf import Answered
from demo.relying_party import Received
from demo.words import SignedIn

_AT_MOST = 1_000


@dataclass(frozen=True, slots=True)
class Visitor:
    """One browser's sign-in."""

    shown: SignedIn
    received: Received
    answered: Answered | None = None
    """What another authority has told us about the citizen."""

    @property
    def sid(self) -> str:
        """By which the provider calls the session when it has ended."""
        return str(self.received.identity["sid"])


class Visitors:
    """Found by what the service's own cookie holds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._visitors: OrderedDict[str, Visitor] = OrderedDict()

    def add(self, visitor: Visitor) -> str:
        """What the cookie is to hold."""
        key = secrets.token_urlsafe(32)
        with self._lock:
            self._visitors[key] = visitor
            while len(self._visitors) > _AT_MOST:
                self._visitors.popitem(last=False)
        return key

    def find(self, key: str) -> Visitor | None:
        with self._lock:
            return self._visitors.get(key)

    def note(self, key: str, answered: Answered) -> None:
        """What was answered, where the visitor is still here."""
        with self._lock:
            if (visitor := self._visitors.get(key)) is not None:
                self._visitors[key] = replace(visitor, answered=answered)

    def forget(self, key: str) -> Visitor | None:
        with self._lock:
            return self._visitors.pop(key, None)

    def forget_session(self, sid: str) -> None:
        """Whoever signed in from that session at the provider."""
        with self._lock:
            for key in [key for key, visitor in self._visitors.items() if visitor.sid == sid]:
                del self._visitors[key]
