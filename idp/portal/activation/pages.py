"""The pages of an activation, as view models. Words are in templates/portal/activation/.

page       ids, the same in every language
code       #letter-code #continue
person     #yes #no
account    #user-id #new-password #show-password #continue
app        those of parts/enrolment.html; #use-key-instead #change-account
key        the same; #use-app-instead #change-account
codes      #recovery-codes #print-codes #copy-codes #onward
no answer  #notice
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from idp.web.enrolment import TotpToAdd
from idp.web.form_errors import FormError
from idp.web.page import Page

ROOT = "/activate"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationPage(Page):
    """What all of them have."""

    csrf_token: str = field(default="", repr=False)
    error: FormError | None = None

    @property
    def address(self) -> str:
        return ROOT


@dataclass(frozen=True, slots=True, kw_only=True)
class Code(ActivationPage):
    """The code from the letter."""

    template: ClassVar[str] = "portal/activation/code.html"

    typed: str = field(default="", repr=False)
    """What opened nothing, to be mended: 24 signs are not typed twice for one slip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person(ActivationPage):
    """Whose letter it is, in part: whoever found it learns no name."""

    template: ClassVar[str] = "portal/activation/person.html"

    name_in_part: str
    birth_year: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account(ActivationPage):
    """User ID and password."""

    template: ClassVar[str] = "portal/activation/account.html"

    user_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class App(ActivationPage):
    """An authenticator app as first factor."""

    template: ClassVar[str] = "portal/activation/app.html"

    offer: TotpToAdd = field(repr=False)
    user_id: str
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Key(ActivationPage):
    """A passkey or security key as first factor."""

    template: ClassVar[str] = "portal/activation/key.html"

    options: dict[str, Any] = field(repr=False)
    user_id: str
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes(ActivationPage):
    """Done: signed in, with recovery codes that are shown in this answer only."""

    template: ClassVar[str] = "portal/activation/codes.html"

    codes: tuple[str, ...] = field(repr=False)
    onward: str
    service_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotYours(ActivationPage):
    """The citizen said that the letter is somebody else's."""

    template: ClassVar[str] = "portal/activation/not_yours.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class TooMany(ActivationPage):
    """Nothing is looked at just now."""

    template: ClassVar[str] = "portal/activation/too_many.html"
