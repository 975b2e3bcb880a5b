"""Which levels factors prove, and whether a request's levels can be met (idp/protocol/acr.py); sessions' limits."""

from datetime import UTC, datetime, timedelta

import pytest

from idp.browser_sessions import BrowserSessionRules
from idp.protocol.acr import HIGH, SUBSTANTIAL, can_be_met, level_of, levels_asked, missing_levels
from idp.protocol.policy import ProtocolPolicy
from idp.records import AuthorizationRequest, ProvenFactor

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
PLAIN = ProtocolPolicy("https://adgang.example", acr_names={"urn:elsewhere:4": HIGH})
OFFERING = ProtocolPolicy("https://adgang.example", high_offered=True)
RULES = BrowserSessionRules(timedelta(minutes=30), timedelta(hours=8))


def key(*amr: str, raises_level: bool = True) -> ProvenFactor:
    return ProvenFactor("key", "webauthn", amr, NOON, NOON - timedelta(days=1), raises_level)


PASSWORD = ProvenFactor("password", "password", ("pwd",), NOON, NOON - timedelta(days=9))
CODE = ProvenFactor("app", "totp", ("otp",), NOON, NOON - timedelta(days=3))
BEST = key("hwk", "user", "mfa")


@pytest.mark.parametrize(
    ("factors", "proofed", "policy", "level"),
    [
        ((BEST,), True, OFFERING, HIGH),
        ((BEST,), False, OFFERING, SUBSTANTIAL),
        ((BEST,), True, PLAIN, SUBSTANTIAL),
        ((PASSWORD, CODE), True, OFFERING, SUBSTANTIAL),
        ((PASSWORD, key("hwk", "user")), True, OFFERING, SUBSTANTIAL),
        ((key("swk", "user", "mfa"),), True, OFFERING, SUBSTANTIAL),
        ((key("pop", "user", "mfa"),), True, OFFERING, SUBSTANTIAL),
        ((key("hwk", "user", "mfa", raises_level=False),), True, OFFERING, SUBSTANTIAL),
    ],
)
def test_high_needs_everything_at_once(
    factors: tuple[ProvenFactor, ...], proofed: bool, policy: ProtocolPolicy, level: str
) -> None:
    """S-285, S-316."""
    assert level_of(factors, policy, proofed=proofed) == level


def asking(*names: str, essential: bool = False) -> AuthorizationRequest:
    return AuthorizationRequest("c", "/", ("openid",), "p", (), acr_values=names, acr_essential=essential)


@pytest.mark.parametrize(
    ("request_", "policy", "met"),
    [
        (asking(), PLAIN, True),
        (asking("phr"), PLAIN, True),
        (asking(HIGH), PLAIN, False),
        (asking("urn:elsewhere:4"), PLAIN, False),
        (asking(HIGH, SUBSTANTIAL), PLAIN, True),
        (asking(HIGH), OFFERING, True),
        (asking("urn:nobody:knows"), PLAIN, True),
        (asking("urn:nobody:knows", essential=True), PLAIN, False),
        (asking("urn:nobody:knows", "phr", essential=True), PLAIN, True),
    ],
)
def test_a_known_level_is_necessary_and_an_unknown_name_a_wish(
    request_: AuthorizationRequest, policy: ProtocolPolicy, met: bool
) -> None:
    """RFC 9470 §5, OIDC Core §3.1.2.1 and §5.5.1.1."""
    assert can_be_met(request_, policy) is met


def test_a_deployments_own_names_stand_for_levels() -> None:
    assert levels_asked(("urn:elsewhere:4", HIGH, "x"), PLAIN) == (HIGH,)


def test_a_level_that_is_reached_is_not_missing() -> None:
    session = RULES.begin("c", (PASSWORD, CODE), acr=SUBSTANTIAL, now=NOON, device="")
    assert missing_levels(asking("phr", SUBSTANTIAL), session, PLAIN) == ()
    assert missing_levels(asking("phrh", "phr"), session, PLAIN) == ("phrh", "phr")
    assert missing_levels(asking("x"), session, PLAIN) == ()


def test_a_session_at_high_ends_sooner() -> None:
    """NIST SP 800-63B-4 §2.3.3."""
    session = RULES.begin("c", (BEST,), acr=HIGH, now=NOON, device="")
    assert session.idle_expires_at == NOON + timedelta(minutes=15)
    moved = RULES.used(session, NOON + timedelta(minutes=10))
    assert moved is not None and moved.idle_expires_at == NOON + timedelta(minutes=25)
    assert RULES.live(session, NOON + timedelta(minutes=15)) is None


def test_a_step_up_moves_no_end() -> None:
    session = RULES.begin("c", (PASSWORD, CODE), acr=SUBSTANTIAL, now=NOON, device="")
    later = NOON + timedelta(hours=7, minutes=50)
    raised = RULES.step_up(session, (PASSWORD, CODE, BEST), acr=HIGH, now=later)
    assert raised.expires_at == session.expires_at == raised.idle_expires_at + timedelta(0)
    assert raised.authenticated_at == NOON and raised.session_id == session.session_id


def test_the_youngest_factor_gives_the_age() -> None:
    session = RULES.begin("c", (PASSWORD, CODE), acr=SUBSTANTIAL, now=NOON, device="")
    assert session.authenticator_age_seconds == 3 * 24 * 3600
    ageless = ProvenFactor("f", "totp", ("otp",), NOON)
    unknown = RULES.begin("c", (PASSWORD, ageless), acr=SUBSTANTIAL, now=NOON, device="")
    assert unknown.authenticator_age_seconds is None
