"""The pages of a sign-in, as view models: what each shows, without a word of any language.

What it does not do: choose the next page (login/flow.py) or the words (templates/). Ids that people's helpers and
scripts may rely on, the same in every language:

    page            ids
    every page      #main #language-da #language-en #language-nb #help
    first_factor    #asker #use-passkey #user-id #password #continue #cancel #show-password
    second_factor   #asker #code #continue, or #use-key; #another-way #cancel
    unmet           #asker #unmet #add-key #go-back
    consent         #asker #released #accept, and #decline (ground `consent`) or #cancel (ground `law`);
                    #lasting #once where lasting access is asked for
    any error       #error-summary, with a link to the field; at the field #error-user-id #error-password #error-code
    device          #asker #device-name #device-code #released #accept #decline; #lasting #once as above
    device_answered #device-answered
    going back      #return (meta refresh, and a link) or #continue (form_post: a static script, and a button)
    notice          #notice, and #return where the way leads back to the service
    ask_sign_out, signed_out        sign_out_pages.py
    front_page      #sign-out #services (idp/portal/pages.py)
    error           #reference #copy-reference #return

Forms post to `/login/<attempt_id>/{passkey,password,totp,key,unmet,consent,device,cancel}` and `/sign-out`, each with `csrf_token`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from idp.asking_device import AskingDevice
from idp.web.form_errors import ErrorKind as ErrorKind
from idp.web.form_errors import FormError as FormError
from idp.web.page import Page


class OrganisationKind(StrEnum):
    """What the asking organisation is; shown with its name."""

    MUNICIPALITY = "municipality"
    REGION = "region"
    STATE = "state"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks the citizen to sign in, and why: on every step."""

    organisation_name: str
    organisation_kind: OrganisationKind
    service_name: str
    purpose_text: Mapping[str, str]
    """By language tag; goes on from "… asks you to sign in to" ("se og rette din byggesag"), or is a sentence."""
    claims: tuple[str, ...] = ()
    """Names of the claims that the service will get, besides the subject."""
    logo_url: str | None = None
    service_url: str | None = None
    """The service's own address, for the way back when the sign-in cannot go on."""
    own_pages: bool = False
    """Nobody else asks: the citizen is on the way to a page of ours."""
    for_device: bool = False
    """A device waits: there is no way back to the service from here."""

    def purpose(self, language: str) -> str:
        """Why the service asks, without a full stop; in Danish where the registration lacks the language."""
        text = self.purpose_text.get(language) or self.purpose_text.get("da") or ""
        return text.strip().rstrip(".")

    def purpose_is_sentence(self, language: str) -> bool:
        """It begins with a capital letter, so it cannot go on from another sentence."""
        return self.purpose(language)[:1].isupper()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Page):
    """What the steps of a sign-in have in common."""

    asker: Asker
    attempt_id: str
    csrf_token: str = field(repr=False)

    @property
    def address(self) -> str:
        return f"/login/{self.attempt_id}"


@dataclass(frozen=True, slots=True)
class Again:
    """What a page that is shown again repeats, and how the citizen wants to go on."""

    error: FormError | None = None
    user_id: str = ""
    """As the citizen wrote it."""
    way: str | None = None


Words = tuple[tuple[str, bool], ...]
"""A sentence in pieces, each with whether it is a value that the service wrote."""
Options = Mapping[str, Any]
"""What static/webauthn.js tells the browser (WebAuthn Level 3 §5.1.8)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstFactor(Step):
    """A passkey, or user ID and password."""

    template: ClassVar[str] = "login/first_factor.html"

    passkey: Options = field(repr=False)
    user_id: str = ""
    """As the citizen wrote it, or as the service hinted."""
    error: FormError | None = None
    signed_in_again: bool = False
    """The citizen has a session, but the service asked for a new sign-in; the page says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactor(Step):
    """Six digits, or a key. It names nobody: the password alone proves nothing yet."""

    template: ClassVar[str] = "login/second_factor.html"

    key: Options | None = field(default=None, repr=False)
    """A key is asked for; None: the six digits."""
    another_way: str | None = None
    """The other way that the citizen has."""
    reason: str = "second"
    """A word of `question.Reason`; the page says why it asks."""
    error: FormError | None = None

    @property
    def only_missing(self) -> bool:
        """The citizen is signed in, and only this factor is asked for (step-up)."""
        return self.reason != "second"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmet(Step):
    """The service asks for more than the citizen can show; nothing is told to it before the citizen knows."""

    template: ClassVar[str] = "login/unmet.html"

    wanted: Literal["key", "hardware", "high"]
    has_keys: bool
    """The citizen has keys, but none that is good enough, or not yet."""
    cap_days: int
    """How long after a recovery a new key is not yet."""


@dataclass(frozen=True, slots=True)
class AtApi:
    """What the service may do for the citizen at an API (RFC 8707)."""

    organisation_name: str
    texts: tuple[str, ...]
    """One for each scope, in the reader's language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent(Step):
    """What the service will get: asked for (`consent`) or told (`law`)."""

    template: ClassVar[str] = "login/consent.html"

    ground: Literal["law", "consent"]
    released: tuple[str, ...]
    """Names of the claims."""
    details: tuple[Words, ...] = ()
    """What the service asks to do (RFC 9396), each as a sentence."""
    lasting_days: int = 0
    """For how long access is asked for that goes on when nobody is signed in; 0: it is not asked for."""
    at_api: AtApi | None = None

    @property
    def asks_only_for_lasting(self) -> bool:
        """The law gives the rest, or there is no rest."""
        return (
            bool(self.lasting_days)
            and not self.details
            and (self.ground == "law" or not (self.released or self.at_api))
        )

    citizen_name: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Device(Consent):
    """Whether a device may act as the citizen, and learn what the service learns (RFC 8628 §3.3)."""

    template: ClassVar[str] = "login/device.html"

    device: AskingDevice
    place: str = ""
    """Where it asked from, in the reader's language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceAnswered(Page):
    """The citizen has answered; the device hears it at its next poll."""

    template: ClassVar[str] = "login/device_answered.html"

    approved: bool
    service_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Return(Page):
    """The way back: a page of its own, since `form-action` would follow a redirect after a POST (protocol.md)."""

    template: ClassVar[str] = "login/return.html"
    referrer_policy: ClassVar[str] = "no-referrer"

    target_url: str = field(repr=False)
    service_name: str

    def __post_init__(self) -> None:
        _check_target(self.target_url)


_LOOPBACK = ("http://localhost:*", "http://127.0.0.1:*")
"""The only addresses that a redirect URI of plain HTTP can have (RFC 8252 §7.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormPost(Page):
    """The way back for response mode form_post (OAuth 2.0 Form Post Response Mode §2)."""

    template: ClassVar[str] = "login/form_post.html"
    referrer_policy: ClassVar[str] = "no-referrer"

    target_url: str
    service_name: str
    fields: Mapping[str, str] = field(repr=False)

    def __post_init__(self) -> None:
        _check_target(self.target_url)

    @property
    def form_targets(self) -> tuple[str, ...]:
        """The service's origin, and what its callback may redirect on to: https, or on one machine the loopback.

        Chromium holds `form-action` against the whole redirect chain. The page has one form, with one target.
        """
        target = urlsplit(self.target_url)
        onwards = ("https:",) if target.scheme == "https" else _LOOPBACK
        return (f"{target.scheme}://{target.netloc}", *onwards)


class NoticeKind(StrEnum):
    """Why the sign-in cannot go on here; the words are in templates/login/notice.html."""

    EXPIRED = "expired"
    ALREADY_USED = "already_used"
    OTHER_BROWSER = "other_browser"
    """Begun in another browser, or this one did not keep our cookie."""
    SIGNED_OUT = "signed_out"
    """Begun in this browser, which has signed out since."""
    SIGN_OUT_EXPIRED = "sign_out_expired"
    """A sign-out that a service asked for, too long ago or done already."""
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    SERVICE_UNAVAILABLE = "service_unavailable"
    """The service is closed or no longer known."""
    CANCELLED = "cancelled"
    ACCESS_BLOCKED = "access_blocked"
    """Both factors were right, but the citizen's access is blocked or closed."""
    DEVICE_AGAIN = "device_again"
    """Nothing was decided for the device; its code can be typed again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice(Page):
    """The sign-in cannot go on here, and how the citizen can."""

    template: ClassVar[str] = "login/notice.html"

    kind: NoticeKind
    service_name: str | None = None
    service_url: str | None = None


def _check_target(url: str) -> None:
    """The registry let only safe redirect URIs in; this page would run what a `javascript:` address says."""
    if urlsplit(url).scheme in ("", "javascript", "data", "vbscript", "blob", "file"):
        raise ValueError("A way back must be an address of a service.")
