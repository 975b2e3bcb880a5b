"""The pages of a sign-out, as view models (see pages.py). Ids, the same in every language:

ask_sign_out  #ask-sign-out #sign-out #stay
signed_out    #signed-out #outcomes #waits #return #stay; hidden frames with the class `told`
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar
from urllib.parse import urlsplit

from idp.web.page import Page


class Told(StrEnum):
    """Whether a service knows that the citizen signed out; the words are in templates/parts/outcomes.html."""

    CONFIRMED = "confirmed"
    WAITING = "waiting"
    UNANSWERED = "unanswered"
    IN_BROWSER = "in-browser"
    """By a frame of our page; what became of it is not told to us."""
    ONLY_IN_BROWSER = "only-in-browser"
    """It would have been, and the session ended where no page of ours shows its frame to that browser."""
    NOT_TOLD = "not-told"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceOutcome:
    """One service that the session had given anything to."""

    client_id: str
    organisation_name: str
    service_name: str
    """Empty where the service is gone."""
    told: Told
    lasting: bool = False
    """The citizen agreed to lasting access, which goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskSignOut(Page):
    """A service, or nobody known, asks that the citizen is signed out."""

    template: ClassVar[str] = "login/ask_sign_out.html"

    path: str
    service_name: str | None
    csrf_token: str = field(repr=False)
    outdated: bool = False
    """Nobody else asks: our own button was pressed on a page from before the last sign-in of this browser."""

    @property
    def address(self) -> str:
        return self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedOut(Page):
    """The session has ended, and what the services know of it."""

    template: ClassVar[str] = "login/signed_out.html"

    service_name: str | None = None
    service_url: str | None = field(default=None, repr=False)
    was_signed_in: bool = True
    outcomes: tuple[ServiceOutcome, ...] = ()
    waits: bool = False
    """An answer is out that may still come."""
    frames: tuple[str, ...] = field(default=(), repr=False)
    leads_on: bool = False
    """The page goes on to the service by itself after a while."""

    @property
    def address(self) -> str:
        return "/signed-out"

    @property
    def frame_sources(self) -> tuple[str, ...]:
        """The origins of the frames, and no other."""
        parts = (urlsplit(frame) for frame in self.frames)
        return tuple(dict.fromkeys(f"{part.scheme}://{part.netloc}" for part in parts))
