"""The security page's view models. Words are in templates/portal/security/.

page             ids, the same in every language
every page       #side (wide) #menu (narrow), #done after an act
overview         #advice #block-access
factors          #factors #add-app #add-key #new-codes; each factor has #rename-<id> #remove-<id>
rename, remove   #name #continue; #end-others #remove
add app, key     those of parts/enrolment.html
new codes        #make-codes, then #recovery-codes
sessions         #sessions #end-others #end-all #told (session_pages.py)
access           #access, or #no-access; each has a form that ends in /end
activity         #activity #older; disputed: #disputed
password         #current-password #new-password #continue
contact          #email #phone-number #continue, #phrase #keep-phrase
messages         #messages
block            #block, then #blocked
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar

from idp.messages.message import Message
from idp.portal.security.visit import ROOT, Notice
from idp.web import form_token
from idp.web.enrolment import TotpToAdd
from idp.web.form_errors import FormError
from idp.web.page import Page
from mfa.overview import FactorStanding


class Section(StrEnum):
    """The parts of the side list, in its order; the value is the end of the address."""

    OVERVIEW = ""
    FACTORS = "factors"
    SESSIONS = "sessions"
    ACCESS = "access"
    ACTIVITY = "activity"
    PASSWORD = "password"
    CONTACT = "contact"
    MESSAGES = "messages"
    BLOCK = "block"

    @property
    def path(self) -> str:
        return f"{ROOT}/{self.value}".rstrip("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityPage(Page):
    """What all of them have."""

    section: ClassVar[Section]
    sections: ClassVar[tuple[Section, ...]] = tuple(Section)

    secret: str = field(repr=False)
    """Of the session; form tokens are made of it."""
    path: str
    """Where a GET shows the page again."""
    now: datetime
    notice: Notice | None = None
    error: FormError | None = None

    @property
    def address(self) -> str:
        return self.path

    @property
    def yesterday(self) -> datetime:
        return self.now - timedelta(days=1)

    def token(self, path: str) -> str:
        """The token of the form that posts to `path`, and to nothing else."""
        return form_token(self.secret, path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview(SecurityPage):
    """How things stand, in a few lines."""

    template: ClassVar[str] = "portal/security/overview.html"
    section: ClassVar[Section] = Section.OVERVIEW

    citizen_name: str = field(repr=False)
    ways: int
    """Apps and keys that can be used now."""
    codes_left: int
    troubled: tuple[FactorStanding, ...]
    """Factors that were guessed at, are closed, or may have been copied."""
    sessions: int
    last_sign_in: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors(SecurityPage):
    """Every factor, and what can be done with it."""

    template: ClassVar[str] = "portal/security/factors.html"
    section: ClassVar[Section] = Section.FACTORS

    factors: tuple[FactorStanding, ...]

    @property
    def ways(self) -> int:
        return sum(standing.factor.kind in ("totp", "webauthn") for standing in self.factors)

    @property
    def codes(self) -> FactorStanding | None:
        return next((found for found in self.factors if found.factor.kind == "recovery_code"), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class OneFactor(SecurityPage):
    """One app or key that is about to be changed."""

    section: ClassVar[Section] = Section.FACTORS

    standing: FactorStanding
    name: str = ""
    """What was typed."""


class RenameFactor(OneFactor):
    template: ClassVar[str] = "portal/security/rename.html"


class RemoveFactor(OneFactor):
    template: ClassVar[str] = "portal/security/remove.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddApp(SecurityPage):
    template: ClassVar[str] = "portal/security/add_app.html"
    section: ClassVar[Section] = Section.FACTORS

    offer: TotpToAdd | None
    """None where the citizen has as many as one may have."""
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddKey(SecurityPage):
    template: ClassVar[str] = "portal/security/add_key.html"
    section: ClassVar[Section] = Section.FACTORS

    options: Mapping[str, Any] | None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCodes(SecurityPage):
    """Before new recovery codes are made: what that does."""

    template: ClassVar[str] = "portal/security/new_codes.html"
    section: ClassVar[Section] = Section.FACTORS

    present: str
    """Id of the present set, which the new one ends; empty where there is none."""
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CodesOnce(SecurityPage):
    """The new codes, once."""

    template: ClassVar[str] = "portal/security/codes_once.html"
    section: ClassVar[Section] = Section.FACTORS

    codes: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRow:
    handle: str
    organisation_name: str
    service_name: str
    """Empty where the service is gone."""
    since: datetime
    last_used_at: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Accesses(SecurityPage):
    """Services that may fetch data when nobody is signed in."""

    template: ClassVar[str] = "portal/security/accesses.html"
    section: ClassVar[Section] = Section.ACCESS

    accesses: tuple[AccessRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One entry of the ledger, or several of one kind in a row."""

    number: int
    event: str
    at: datetime
    earliest: datetime
    count: int
    facts: Mapping[str, Any]
    own: bool
    """The citizen did it, as far as we know."""
    place: str = ""

    @property
    def spans(self) -> bool:
        """It went on for more than the minute in which times are told."""
        return self.at - self.earliest >= timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity(SecurityPage):
    template: ClassVar[str] = "portal/security/activity.html"
    section: ClassVar[Section] = Section.ACTIVITY

    happenings: tuple[Happening, ...]
    older: int | None
    """The number from which the next page goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Password(SecurityPage):
    template: ClassVar[str] = "portal/security/password.html"
    section: ClassVar[Section] = Section.PASSWORD

    user_id: str
    has_password: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact(SecurityPage):
    template: ClassVar[str] = "portal/security/contact.html"
    section: ClassVar[Section] = Section.CONTACT

    email: str = field(repr=False)
    phone_number: str = field(repr=False)
    registered_address: str | None = field(repr=False)
    phrase: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block(SecurityPage):
    """Before: what blocking does, and how the access is opened again."""

    template: ClassVar[str] = "portal/security/block.html"
    section: ClassVar[Section] = Section.BLOCK


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked(Page):
    """After: nobody is signed in any more."""

    template: ClassVar[str] = "portal/security/blocked.html"

    ended: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Disputed(Page):
    """After "it was not me": nobody is signed in any more, and what to do next."""

    template: ClassVar[str] = "portal/security/disputed.html"

    ended: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Messages(SecurityPage):
    """What we told the citizen, newest first."""

    template: ClassVar[str] = "portal/security/messages.html"
    section: ClassVar[Section] = Section.MESSAGES

    messages: tuple[Message, ...]
    phrase: str | None = field(repr=False)
    cap_days: int
    """How long a recovery caps the level."""
