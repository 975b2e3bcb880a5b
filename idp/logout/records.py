"""A sign-out under way in one browser, and one that is done. Both are lost without harm."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from idp.protocol.logout_request import LogoutRequest

LIFETIME = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class SignOutRequest:
    """What a service asked of the end session endpoint, until the citizen has answered."""

    asked: LogoutRequest
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SignOut:
    """What this browser did. Found by the digest of a cookie; shows what came of it."""

    session_ids: tuple[str, ...]
    """This browser's own session first; none where nobody was signed in."""
    citizen_id: str
    ended_at: datetime
    expires_at: datetime
    asked: LogoutRequest
    after_form: bool = False
    """A form of ours came before, so no redirect may lead to another site (protocol.md, browser facts)."""
