"""When the session that a request came in ends, for the page that warns of it (WCAG 2.2, 2.2.1).

Says nothing of who is signed in, and decides nothing: the store knows when a session is over.
"""

from dataclasses import dataclass
from datetime import timedelta

from flask import g


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """Whole seconds from this answer on."""

    idle_seconds: int
    """Until it ends if nothing is asked for; each request begins them anew."""
    absolute_seconds: int
    """Until it ends whatever is done."""


def tell_session_end(idle: timedelta, absolute: timedelta) -> None:
    """Note it for the page that answers this request."""
    g.session_end = SessionEnd(int(idle.total_seconds()), int(absolute.total_seconds()))


def session_end() -> SessionEnd | None:
    """None where nobody is signed in."""
    found: SessionEnd | None = g.get("session_end")
    return found
