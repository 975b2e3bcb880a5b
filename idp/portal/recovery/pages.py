"""The pages of a recovery, as view models. Words are in templates/portal/recovery/.

page            ids
entry           #lost-password #lost-factor #lost-both #lost-user-id #continue #order-letter #stop
who             #user-id #continue #way-passkey #way-letter #cancel
ways            #ways with #way-<proof>, #wait where waiting is possible
way             #recovery-code #letter-code #code #password #use-key, #continue
waiting         #waiting          lost   #factors #continue
new_password    #new-password #continue
done            #done #recovery-codes        told   #told-user-id
notice          #notice           order_letter #name #cpr #continue       stop #stop-code #continue
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal

from idp.web.enrolment import TotpToAdd
from idp.web.form_errors import FormError
from idp.web.page import Page
from mfa.factors import Factor


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryPage(Page):
    """What they have in common. `path` shows the page again, in another language."""

    path: str
    csrf_token: str = field(default="", repr=False)
    error: FormError | None = None

    @property
    def address(self) -> str:
        return self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(RecoveryPage):
    template: ClassVar[str] = "portal/recovery/entry.html"
    under_way: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Who(RecoveryPage):
    template: ClassVar[str] = "portal/recovery/who.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways(RecoveryPage):
    """Which proof next."""

    template: ClassVar[str] = "portal/recovery/ways.html"
    lost: str
    ways: tuple[str, ...]
    shown: tuple[str, ...]
    may_wait: bool
    wait_hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Way(RecoveryPage):
    """One proof, one form."""

    template: ClassVar[str] = "portal/recovery/way.html"
    way: str
    options: dict[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting(RecoveryPage):
    template: ClassVar[str] = "portal/recovery/waiting.html"
    until: datetime
    finish_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPassword(RecoveryPage):
    template: ClassVar[str] = "portal/recovery/new_password.html"
    user_id: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LostFactors(RecoveryPage):
    template: ClassVar[str] = "portal/recovery/lost.html"
    factors: tuple[Factor, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFactor(RecoveryPage):
    template: ClassVar[str] = "portal/recovery/new_factor.html"
    kind: Literal["totp", "key"]
    offer: TotpToAdd | None = field(default=None, repr=False)
    options: dict[str, Any] | None = field(default=None, repr=False)
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Done(RecoveryPage):
    template: ClassVar[str] = "portal/recovery/done.html"
    cap_days: int
    """How long what is new raises no level."""
    codes: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told(RecoveryPage):
    template: ClassVar[str] = "portal/recovery/told.html"
    user_id: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryNotice(RecoveryPage):
    """Why it does not go on here."""

    template: ClassVar[str] = "portal/recovery/notice.html"
    kind: Literal["over", "stopped", "closed", "too_many", "letter_ordered", "stop_done", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLetter(RecoveryPage):
    template: ClassVar[str] = "portal/recovery/order_letter.html"
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop(RecoveryPage):
    template: ClassVar[str] = "portal/recovery/stop.html"
