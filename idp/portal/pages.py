"""The citizen's own pages and the public ones, as view models. Words are in templates/portal/."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Literal

from idp.portal.oauth_errors import OAUTH_ERRORS, OAuthErrorHelp
from idp.web.page import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLink:
    """A service that the citizen can open."""

    organisation_name: str
    service_name: str
    url: str | None = None
    used_at: datetime | None = None
    """When the citizen last opened it in this session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Who is signed in here, and how surely."""

    citizen_name: str = field(repr=False)
    since: datetime
    ends_at: datetime
    level: Literal["substantial", "high"]
    csrf_token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontPage(Page):
    """`/`: what this is, and whether you are signed in."""

    template: ClassVar[str] = "portal/front_page.html"

    signed_in: SignedIn | None = None
    services: tuple[ServiceLink, ...] = ()
    """Signed in: those that were opened in this session. Signed out: those that may be shown to anybody."""
    others: tuple[ServiceLink, ...] = ()
    """Signed in: those that may be shown to anybody."""
    recovery_until: datetime | None = None
    """A recovery of this citizen's access waits until then; the page lets them stop it."""
    stop_token: str = field(default="", repr=False)


class Help(Page):
    template: ClassVar[str] = "portal/help.html"


class SecurityAdvice(Page):
    template: ClassVar[str] = "portal/help_security.html"


class Accessibility(Page):
    template: ClassVar[str] = "portal/accessibility.html"


class Privacy(Page):
    template: ClassVar[str] = "portal/privacy.html"


@dataclass(frozen=True, slots=True)
class ErrorHelp(Page):
    """What each registered error code means, for a service's developer. In English, as the protocol is."""

    template: ClassVar[str] = "portal/help_errors.html"

    errors: tuple[OAuthErrorHelp, ...] = OAUTH_ERRORS
