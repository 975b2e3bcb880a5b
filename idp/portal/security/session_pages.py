"""The view models of where the citizen is signed in, and of who was told that they are no longer."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from idp.login.sign_out_pages import ServiceOutcome
from idp.portal.security.pages import Section, SecurityPage


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    handle: str
    device: str
    place: str
    since: datetime
    last_used_at: datetime
    this: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldRow:
    """One service of one session that has ended."""

    service: ServiceOutcome
    ended_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions(SecurityPage):
    template: ClassVar[str] = "portal/security/sessions.html"
    section: ClassVar[Section] = Section.SESSIONS

    sessions: tuple[SessionRow, ...]
    told: tuple[ToldRow, ...] = ()
    """Of the last days, newest first."""
