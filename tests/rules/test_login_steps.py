"""The table that decides what comes next in a sign-in (idp/login/steps.py)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from idp.errors import (
    ConsentRequired,
    InteractionRequired,
    LoginRequired,
    UnmetAuthenticationRequirements,
)
from idp.login.question import Question, Reason, Way
from idp.login.steps import Situation, Step, next_step
from idp.records import AuthorizationRequest, BrowserSession, LoginAttempt, PartialSignIn, ProvenFactor

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
BEFORE = NOON - timedelta(hours=1)

REQUEST = AuthorizationRequest(
    client_id="client",
    redirect_uri="https://rp.example/cb",
    scope=("openid",),
    purpose_id="permits",
    claims=("name",),
)
ATTEMPT = LoginAttempt(
    attempt_id="attempt",
    browser_digest="browser",
    request=REQUEST,
    request_key="request",
    started_at=NOON,
    finish_by=NOON + timedelta(minutes=10),
    expires_at=NOON + timedelta(minutes=10),
)
PASSWORD = ProvenFactor(factor_id="f1", kind="password", amr=("pwd",), proven_at=NOON)
PARTIAL = PartialSignIn(
    attempt_id="attempt",
    citizen_id="citizen",
    factors=(PASSWORD,),
    started_at=NOON,
    expires_at=NOON + timedelta(minutes=10),
)


def session(at: datetime) -> BrowserSession:
    return BrowserSession(
        session_id="session",
        citizen_id="citizen",
        factors=(PASSWORD,),
        acr="urn:adgang:loa:substantial",
        authenticated_at=at,
        started_at=at,
        last_used_at=at,
        idle_expires_at=at + timedelta(minutes=30),
        expires_at=at + timedelta(hours=8),
    )


READY = Situation(
    attempt=ATTEMPT,
    now=NOON + timedelta(seconds=5),
    session=session(BEFORE),
    partial=None,
    session_subject="subject",
    released=True,
    legal_ground="consent",
    settled_at=BEFORE,
)


def asking(situation: Situation, **parts: object) -> Situation:
    request = replace(situation.attempt.request, **parts)  # type: ignore[arg-type]
    return replace(situation, attempt=replace(situation.attempt, request=request))


def test_a_signed_in_and_settled_citizen_goes_straight_through() -> None:
    assert next_step(READY) is Step.DECIDE


def test_without_a_session_the_first_factor_is_asked() -> None:
    assert next_step(replace(READY, session=None)) is Step.FIRST_FACTOR


def test_after_the_first_factor_comes_the_second() -> None:
    """S-294: a half-proven sign-in leads to the second factor and nowhere else."""
    assert next_step(replace(READY, session=None, partial=PARTIAL)) is Step.SECOND_FACTOR


@pytest.mark.parametrize("settled_at", [None, BEFORE])
def test_a_half_proven_sign_in_never_reaches_a_decision(settled_at: datetime | None) -> None:
    """S-294: whatever has been consented to before."""
    situation = replace(READY, session=None, partial=PARTIAL, settled_at=settled_at)
    assert next_step(situation) is Step.SECOND_FACTOR


def test_a_fresh_sign_in_that_was_begun_is_finished_although_a_session_exists() -> None:
    assert next_step(asking(replace(READY, partial=PARTIAL), prompt=("login",))) is Step.SECOND_FACTOR


@pytest.mark.parametrize("prompt", ["login", "select_account"])
def test_prompt_login_asks_again_once(prompt: str) -> None:
    """S-024: a session from before the attempt does not do, one from within it does."""
    assert next_step(asking(READY, prompt=(prompt,))) is Step.FIRST_FACTOR
    fresh = replace(READY, session=session(NOON + timedelta(seconds=2)))
    assert next_step(asking(fresh, prompt=(prompt,))) is Step.DECIDE


@pytest.mark.parametrize(
    ("max_age", "step"), [(0, Step.FIRST_FACTOR), (3599, Step.FIRST_FACTOR), (3605, Step.DECIDE)]
)
def test_max_age_is_counted_to_the_second(max_age: int, step: Step) -> None:
    """S-024."""
    assert next_step(asking(READY, max_age_seconds=max_age)) is step


def test_max_age_zero_does_not_ask_for_ever() -> None:
    fresh = replace(READY, session=session(NOON + timedelta(seconds=1)))
    assert next_step(asking(fresh, max_age_seconds=0)) is Step.DECIDE


def test_a_hint_at_another_citizen_asks_for_a_sign_in_and_then_refuses() -> None:
    """S-026: the hint never selects a session by itself."""
    meant = asking(READY, id_token_hint_subject="somebody else")
    assert next_step(meant) is Step.FIRST_FACTOR
    with pytest.raises(LoginRequired):
        next_step(replace(meant, session=session(NOON + timedelta(seconds=1))))


def test_law_informs_and_consent_asks() -> None:
    assert next_step(replace(READY, settled_at=None)) is Step.ASK
    assert next_step(replace(READY, settled_at=None, legal_ground="law")) is Step.INFORM


def test_nothing_is_asked_where_nothing_is_released() -> None:
    assert next_step(replace(READY, settled_at=None, released=False)) is Step.DECIDE


def test_prompt_consent_asks_again_once() -> None:
    asked = asking(READY, prompt=("consent",))
    assert next_step(asked) is Step.ASK
    assert next_step(replace(asked, settled_at=NOON + timedelta(seconds=3))) is Step.DECIDE


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"session": None}, LoginRequired),
        ({"session": None, "partial": PARTIAL}, LoginRequired),
        ({"settled_at": None}, ConsentRequired),
        ({"settled_at": None, "legal_ground": "law"}, InteractionRequired),
    ],
)
def test_prompt_none_never_shows_a_page(change: dict[str, object], refusal: type[Exception]) -> None:
    """S-022: the registered error instead of a page."""
    with pytest.raises(refusal):
        next_step(asking(replace(READY, **change), prompt=("none",)))  # type: ignore[arg-type]


def test_prompt_none_succeeds_in_silence() -> None:
    assert next_step(asking(READY, prompt=("none",))) is Step.DECIDE


# --- step-up ---------------------------------------------------------------------------------------------------

KEY = Question("citizen", Reason.LEVEL, (Way.KEY,))


def test_a_session_that_lacks_a_factor_is_asked_for_it_and_nothing_else() -> None:
    assert next_step(replace(READY, lacks=True, missing=KEY)) is Step.STEP_UP


def test_a_citizen_without_the_factor_is_told() -> None:
    assert next_step(replace(READY, lacks=True, missing=None)) is Step.UNMET


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"lacks": True, "missing": KEY}, LoginRequired),
        ({"lacks": True, "missing": None}, UnmetAuthenticationRequirements),
        ({"can_be_met": False}, UnmetAuthenticationRequirements),
    ],
)
def test_prompt_none_is_told_what_is_lacking(change: dict[str, object], refusal: type[Exception]) -> None:
    silent = asking(READY, prompt=("none",))
    with pytest.raises(refusal):
        next_step(replace(silent, **change))  # type: ignore[arg-type]


def test_what_nobody_can_reach_is_refused_before_anybody_signs_in() -> None:
    with pytest.raises(UnmetAuthenticationRequirements):
        next_step(replace(READY, session=None, can_be_met=False))


def test_a_fresh_sign_in_comes_before_a_step_up() -> None:
    """It may reach the level by itself."""
    asked = asking(replace(READY, lacks=True, missing=KEY), prompt=("login",))
    assert next_step(asked) is Step.FIRST_FACTOR


def test_nothing_is_decided_before_the_step_up() -> None:
    """S-294, S-298: whatever has been consented to."""
    for settled_at in (None, BEFORE):
        assert next_step(replace(READY, lacks=True, missing=KEY, settled_at=settled_at)) is Step.STEP_UP
