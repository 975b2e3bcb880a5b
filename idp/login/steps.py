"""What comes next in a sign-in: one ordered table, the first row that holds decides.

    request ──▶ first factor ──▶ second factor ──▶ session ──▶ step up ──▶ inform or ask, or device ──▶ decide
                  │   ▲ a fresh sign-in was asked for            │  ▲ a higher level or a fresh proof was asked for
                  │     (prompt, max_age, another citizen)       └──▶ unmet: the citizen has no such factor
                  └──a passkey is both──▶ session

Pure. Pages never route to one another: each POST ends at the dispatcher (flow.py), which asks here. So a step cannot
be skipped by posting its successor's form (S-294, S-295), and what was asked for survives a restart, a reload and a
change of language, since it is read from the stored attempt every time (S-298).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from idp.errors import (
    ConsentRequired,
    InteractionRequired,
    LoginRequired,
    OAuthError,
    UnmetAuthenticationRequirements,
)
from idp.login.question import Question
from idp.records import BrowserSession, LoginAttempt, PartialSignIn


class Step(StrEnum):
    FIRST_FACTOR = "first-factor"
    SECOND_FACTOR = "second-factor"
    STEP_UP = "step-up"
    """Somebody is signed in, and one factor more is asked for."""
    UNMET = "unmet"
    """Somebody is signed in, and has no factor that reaches what is asked for."""
    DEVICE = "device"
    """A device waits for the answer: the citizen says yes or no to it each time, and to the data with it."""
    INFORM = "inform"
    """A purpose grounded in law: the citizen is told, and goes on."""
    ASK = "ask"
    """A purpose grounded in consent: the citizen decides."""
    DECIDE = "decide"
    """Nothing is missing: the code may be issued."""


@dataclass(frozen=True, slots=True)
class Situation:
    """All that the table looks at."""

    attempt: LoginAttempt
    now: datetime
    session: BrowserSession | None
    """A live session of this browser."""
    partial: PartialSignIn | None
    """What was proven in this attempt so far, where that is newer than the session."""
    session_subject: str | None
    """The `sub` that the client would see for the session's citizen."""
    released: bool
    """Whether data beyond the subject would be released."""
    legal_ground: str
    """Of the purpose; lasting access is always a matter of consent."""
    settled_at: datetime | None
    """When this citizen was informed of, or consented to, this version of the purpose; None where never."""
    lasting: bool = False
    """Whether the citizen agreed that the access goes on when nobody is signed in (OIDC Core §11)."""
    can_be_met: bool = True
    """Whether anybody could reach what the request asks for, in this deployment."""
    lacks: bool = False
    """Whether the session lacks a level, or a fresh proof, that is asked for."""
    missing: Question | None = None
    """The factor that would give it; None where the citizen has none."""

    @property
    def silent(self) -> bool:
        return "none" in self.attempt.request.prompt

    @property
    def signed_in_here(self) -> bool:
        """Whether the session was proven within this very attempt."""
        return self.session is not None and self.session.authenticated_at >= self.attempt.started_at


def next_step(situation: Situation) -> Step:
    """The first row that holds.

    Raises:
        OAuthError: with `prompt=none` where a page would be needed, or where the citizen who signed in is not the
            one whom the client meant.
    """
    for row in TABLE:
        if row.holds(situation):
            if situation.silent and row.if_silent is not None:
                raise row.if_silent(row.reason)
            if row.refusal is not None:
                raise row.refusal(row.reason)
            return row.step
    return Step.DECIDE


@dataclass(frozen=True, slots=True)
class Row:
    """One reason to do something else than decide."""

    step: Step
    holds: Callable[[Situation], bool]
    reason: str
    if_silent: type[OAuthError] | None
    refusal: type[OAuthError] | None = None


def _never_met(situation: Situation) -> bool:
    return not situation.can_be_met


def _half_proven(situation: Situation) -> bool:
    return situation.partial is not None


def _lacks_a_factor(situation: Situation) -> bool:
    """RFC 9470, S-298, S-302: only what is missing is asked for, and the requirement is read anew every time."""
    return situation.lacks and situation.missing is not None


def _lacks_and_has_none(situation: Situation) -> bool:
    return situation.lacks


def _no_session(situation: Situation) -> bool:
    return situation.session is None


def _fresh_sign_in_asked(situation: Situation) -> bool:
    """OIDC Core §3.1.2.1: prompt=login and select_account."""
    asked = {"login", "select_account"} & set(situation.attempt.request.prompt)
    return bool(asked) and not situation.signed_in_here


def _too_old(situation: Situation) -> bool:
    """OIDC Core §3.1.2.1: max_age. A sign-in within this attempt is fresh enough for it."""
    limit = situation.attempt.request.max_age_seconds
    if limit is None or situation.session is None or situation.signed_in_here:
        return False
    return situation.now - situation.session.authenticated_at > timedelta(seconds=limit)


def _another_citizen(situation: Situation) -> bool:
    """OIDC Core §3.1.2.1: id_token_hint names somebody else than the one signed in."""
    meant = situation.attempt.request.id_token_hint_subject
    return meant is not None and meant != situation.session_subject


def _another_citizen_after_all(situation: Situation) -> bool:
    return _another_citizen(situation) and situation.signed_in_here


def _for_a_device(situation: Situation) -> bool:
    """RFC 8628 §5.4: no earlier yes, in another tab or on another day, ever speaks for a device."""
    return situation.attempt.device is not None


def _untold(situation: Situation) -> bool:
    """OIDC Core §3.1.2.1: prompt=consent asks again, once in each attempt; details (RFC 9396) are asked about each time."""
    if situation.attempt.request.authorization_details:
        return True
    if not situation.released:
        return False
    if situation.settled_at is None:
        return True
    asks_again = "consent" in situation.attempt.request.prompt and situation.legal_ground == "consent"
    return asks_again and situation.settled_at < situation.attempt.started_at


def _untold_by_law(situation: Situation) -> bool:
    return _untold(situation) and situation.legal_ground == "law"


TABLE: tuple[Row, ...] = (
    Row(
        Step.UNMET,
        _never_met,
        "This provider reaches none of the levels that are asked for.",
        UnmetAuthenticationRequirements,
        refusal=UnmetAuthenticationRequirements,
    ),
    Row(
        Step.SECOND_FACTOR,
        _half_proven,
        "The first factor was proven in this attempt; the second is missing.",
        LoginRequired,
    ),
    Row(Step.FIRST_FACTOR, _no_session, "Nobody is signed in with this browser.", LoginRequired),
    Row(
        Step.FIRST_FACTOR,
        _another_citizen_after_all,
        "The citizen who signed in is not the one that id_token_hint names.",
        LoginRequired,
        refusal=LoginRequired,
    ),
    Row(
        Step.FIRST_FACTOR,
        _another_citizen,
        "Somebody else than the subject of id_token_hint is signed in.",
        LoginRequired,
    ),
    Row(Step.FIRST_FACTOR, _fresh_sign_in_asked, "The client asked for a fresh sign-in.", LoginRequired),
    Row(Step.FIRST_FACTOR, _too_old, "The sign-in is older than max_age allows.", LoginRequired),
    Row(Step.STEP_UP, _lacks_a_factor, "The session lacks a factor that is asked for.", LoginRequired),
    Row(
        Step.UNMET,
        _lacks_and_has_none,
        "The citizen has no factor that reaches the level that is asked for.",
        UnmetAuthenticationRequirements,
    ),
    Row(
        Step.DEVICE,
        _for_a_device,
        "A device waits for the citizen's answer.",
        InteractionRequired,
    ),
    Row(
        Step.INFORM,
        _untold_by_law,
        "The citizen has not been told of this version of the purpose yet.",
        InteractionRequired,
    ),
    Row(Step.ASK, _untold, "The citizen has not consented to this version of the purpose.", ConsentRequired),
)
"""In this order. A half-proven sign-in goes on even where a session exists: the citizen has begun a fresh one."""
