"""Levels: what a service may ask for, what a sign-in proves, and what happens when the two differ."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from idp.ledger import events
from idp.records import BrowserSession
from mfa.webauthn import WebauthnRejected
from tests.support.authenticator import UV, Authenticator, maker
from tests.support.clock import FrozenClock
from tests.support.deployment import Deployment, running_deployment
from tests.support.journey import USER, Journey, add_key, begin, cookie
from tests.support.relying_party import claims_of

SUBSTANTIAL, HIGH = "urn:adgang:loa:substantial", "urn:adgang:loa:high"


def id_token(journey: Journey) -> dict[str, Any]:
    """The claims of the ID token that the service got."""
    if "released" in journey.page.ids:
        journey.answer()
    assert journey.page.answer is not None and "code" in journey.page.answer, journey.page.words
    answer = journey.service.redeem(journey.page.answer["code"], journey.asked.verifier)
    return claims_of(answer.json()["id_token"])


def error(journey: Journey) -> str:
    assert journey.page.answer is not None, journey.page.words
    return journey.page.answer["error"]


def session_of(deployment: Deployment, journey: Journey) -> BrowserSession:
    secret = cookie(journey.browser, "session")
    assert secret is not None
    session = deployment.wiring.services.browser_sessions.find(secret)
    assert session is not None
    return session


def citizen_id(deployment: Deployment) -> str:
    return deployment.citizens[USER].citizen.citizen_id


def signed_in_with_code(deployment: Deployment) -> Journey:
    """Password and six digits."""
    journey = begin(deployment)
    journey.password()
    if "use-key" in journey.page.ids:
        journey.page = journey.browser.get(f"{journey.address}?way=totp")
    journey.code()
    journey.answer()
    deployment.clock.forward(seconds=60)
    return journey


# --- what each combination proves ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("traits", "first", "amr", "acr", "phr", "phrh"),
    [
        (None, "password", ["pwd", "otp", "mfa"], SUBSTANTIAL, False, False),
        ({"verifies_user": False}, "password", ["pwd", "pop", "user", "mfa"], SUBSTANTIAL, True, False),
        ({}, "password", ["pwd", "pop", "user", "mfa"], SUBSTANTIAL, True, False),
        ({}, "passkey", ["pop", "user", "mfa"], SUBSTANTIAL, True, False),
        ({"synced": True}, "passkey", ["swk", "user", "mfa"], SUBSTANTIAL, True, False),
    ],
)
def test_acr_and_amr_are_the_facts(
    deployment: Deployment,
    traits: dict[str, Any] | None,
    first: str,
    amr: list[str],
    acr: str,
    phr: bool,
    phrh: bool,
) -> None:
    """S-316: for each combination of factors, whatever is asked for."""
    key = None if traits is None else add_key(deployment, **traits)
    journey = begin(deployment)
    if first == "passkey":
        assert key is not None
        journey.passkey(key)
    else:
        journey.password()
        _ = journey.key(key) if key else journey.code()
    claims = id_token(journey)
    assert (claims["amr"], claims["acr"]) == (amr, acr)
    for name, reached in (("phr", phr), ("phrh", phrh), (HIGH, False)):
        again = begin(deployment, journey.browser, acr_values=f"{name} {SUBSTANTIAL}")
        assert id_token(again)["acr"] == (name if reached else SUBSTANTIAL)


def test_a_session_never_reports_more_than_it_proved(deployment: Deployment) -> None:
    """S-316: a key added later raises no session that was there before."""
    journey = signed_in_with_code(deployment)
    add_key(deployment)
    again = begin(deployment, journey.browser, acr_values=f"phr {SUBSTANTIAL}")
    assert id_token(again)["acr"] == SUBSTANTIAL


# --- step-up ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verifies_user", [True, False])
def test_a_step_up_asks_only_for_the_key_says_why_and_changes_the_session(
    deployment: Deployment, verifies_user: bool
) -> None:
    """S-214, S-302."""
    key = add_key(deployment, verifies_user=verifies_user)
    journey = signed_in_with_code(deployment)
    before, secret = session_of(deployment, journey), cookie(journey.browser, "session")
    again = begin(deployment, journey.browser, acr_values="phr")
    assert {"use-key"} <= again.page.ids and not {"user-id", "code", "another-way"} & again.page.ids
    assert "beder om mere sikkerhed" in again.page.words and "Kun dette trin mangler" in again.page.words
    again.key(key)
    claims = id_token(again)
    assert claims["acr"] == "phr" and {"pwd", "otp", "pop", "user", "mfa"} == set(claims["amr"])
    after = session_of(deployment, again)
    assert cookie(again.browser, "session") != secret and after.session_id == before.session_id
    assert secret is not None and deployment.wiring.services.browser_sessions.find(secret) is None
    # One factor more is no new sign-in: neither its time nor its end moves on.
    assert (after.authenticated_at == before.authenticated_at) is not verifies_user
    assert (after.expires_at == before.expires_at) is not verifies_user


def test_a_step_up_is_in_the_ledger(deployment: Deployment) -> None:
    key = add_key(deployment, verifies_user=False)
    journey = signed_in_with_code(deployment)
    begin(deployment, journey.browser, acr_values="phr").key(key)
    found = [entry.event for entry in deployment.wiring.ledger.of_citizen(citizen_id(deployment), limit=500)]
    assert found[-3:] == ["factor-verified", "stepped-up", "authorized"]


def test_where_one_of_the_asked_levels_is_met_nothing_more_is_asked(deployment: Deployment) -> None:
    add_key(deployment)
    journey = signed_in_with_code(deployment)
    again = begin(deployment, journey.browser, acr_values=f"phr {SUBSTANTIAL}")
    assert again.page.answer is not None


def test_after_the_password_a_service_that_asks_for_a_key_gets_one(deployment: Deployment) -> None:
    """No detour by the six digits, which would not be enough."""
    key = add_key(deployment)
    journey = begin(deployment, acr_values="phr")
    journey.password()
    assert "use-key" in journey.page.ids and "another-way" not in journey.page.ids
    page = journey.browser.get(f"{journey.address}?way=totp")
    assert "use-key" in page.ids and "code" not in page.ids
    journey.key(key)
    assert id_token(journey)["acr"] == "phr"


@pytest.mark.parametrize("asked", ["code", "consent", "language", "reload", "new tab"])
def test_what_was_asked_survives_every_detour(deployment: Deployment, asked: str) -> None:
    """S-298: restart, reload, change of language, another tab."""
    add_key(deployment)
    journey = signed_in_with_code(deployment)
    again = begin(deployment, journey.browser, acr_values="phr")
    token = again.token
    if asked == "code":
        again.page = again.post("totp", csrf_token=token, code=deployment.code_of(USER))
    elif asked == "consent":
        again.page = again.post("consent", csrf_token=token, decision="accept")
    elif asked == "language":
        again.page = again.browser.get(f"{again.address}?lang=en")
    elif asked == "reload":
        again.page = again.browser.get(again.address)
    else:
        begin(deployment, again.browser)
        again.page = again.browser.get(again.address)
    assert again.page.answer is None and "use-key" in again.page.ids


def test_prompt_none_never_shows_a_page_for_a_step_up(deployment: Deployment) -> None:
    add_key(deployment)
    journey = signed_in_with_code(deployment)
    assert error(begin(deployment, journey.browser, acr_values="phr", prompt="none")) == "login_required"


# --- what cannot be met ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wanted",
    [
        {"acr_values": "phr"},
        {"acr_values": "phrh"},
        {"claims": '{"id_token":{"acr":{"essential":true,"values":["phr","phrh"]}}}'},
    ],
)
def test_a_citizen_without_a_key_is_told_before_the_service_is(
    deployment: Deployment, wanted: dict[str, str]
) -> None:
    """RFC 9470 §5; OpenID Connect Core Unmet Authentication Requirements 1.0."""
    journey = begin(deployment, **wanted)
    journey.sign_in()
    assert {"unmet", "add-key", "go-back"} <= journey.page.ids
    journey.page = journey.browser.submit(journey.page, "/unmet")
    assert error(journey) == "unmet_authentication_requirements"


def test_a_key_that_was_added_meanwhile_lets_the_sign_in_go_on(deployment: Deployment) -> None:
    journey = begin(deployment, acr_values="phr")
    journey.sign_in()
    assert "unmet" in journey.page.ids
    key = add_key(deployment)
    journey.page = journey.browser.get(journey.address)
    journey.key(key)
    assert id_token(journey)["acr"] == "phr"


def test_prompt_none_is_told_at_once_that_the_level_cannot_be_met(deployment: Deployment) -> None:
    journey = signed_in_with_code(deployment)
    again = begin(deployment, journey.browser, acr_values="phr", prompt="none")
    assert error(again) == "unmet_authentication_requirements"


@pytest.mark.parametrize(
    "wanted",
    [
        {"acr_values": HIGH},
        {"claims": '{"id_token":{"acr":{"essential":true,"value":"urn:elsewhere:gold"}}}'},
    ],
)
def test_what_nobody_here_can_reach_is_refused_before_a_page(
    deployment: Deployment, wanted: dict[str, str]
) -> None:
    assert error(begin(deployment, **wanted)) == "unmet_authentication_requirements"


def test_a_name_that_means_nothing_here_is_a_wish(deployment: Deployment) -> None:
    """OIDC Core §3.1.2.1: voluntary."""
    journey = begin(deployment, acr_values="urn:elsewhere:gold")
    journey.sign_in()
    assert id_token(journey)["acr"] == SUBSTANTIAL


def test_going_back_before_anything_is_unmet_tells_nothing(deployment: Deployment) -> None:
    """S-295: the form of a page that the attempt is not at."""
    journey = begin(deployment)
    page = journey.post("unmet", csrf_token=journey.token)
    assert page.answer is None and "user-id" in page.ids


# --- max_age, prompt -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [{"prompt": "login"}, {"max_age": "30"}])
def test_a_fresh_sign_in_is_whole_and_a_passkey_is_enough_for_it(
    deployment: Deployment, asked: dict[str, str]
) -> None:
    key = add_key(deployment)
    journey = signed_in_with_code(deployment)
    again = begin(deployment, journey.browser, **asked)
    assert {"use-passkey", "user-id"} <= again.page.ids
    again.passkey(key)
    claims = id_token(again)
    assert claims["auth_time"] == int(deployment.clock().timestamp())
    assert claims["amr"] == ["pop", "user", "mfa"], "what was proven before is not told as if it were now"


def test_a_step_up_by_one_factor_is_no_fresh_sign_in(deployment: Deployment) -> None:
    """S-302: a key without user verification does not make the password young."""
    key = add_key(deployment, verifies_user=False)
    journey = signed_in_with_code(deployment)
    begin(deployment, journey.browser, acr_values="phr").key(key)
    again = begin(deployment, journey.browser, max_age="30")
    assert "user-id" in again.page.ids


# --- the factor's age ------------------------------------------------------------------------------------------


def test_the_age_of_the_youngest_factor_is_told_where_it_is_asked_for(deployment: Deployment) -> None:
    key = add_key(deployment)
    deployment.clock.forward(seconds=100)
    asked = '{"id_token":{"authenticator_age":null}}'
    journey = begin(deployment, claims=asked)
    journey.passkey(key)
    deployment.clock.forward(seconds=5)
    assert id_token(journey)["authenticator_age"] == 100
    assert "authenticator_age" not in id_token(begin(deployment, journey.browser))


# --- after a recovery ------------------------------------------------------------------------------------------


def recover(deployment: Deployment) -> None:
    services = deployment.wiring.services
    services.transact(
        lambda tx: services.safeties.set_recovered(tx, citizen_id(deployment), deployment.clock())
    )


def test_a_key_added_after_a_recovery_signs_in_and_raises_nothing_for_seven_days(
    deployment: Deployment,
) -> None:
    recover(deployment)
    key = add_key(deployment)
    journey = begin(deployment, acr_values="phr")
    journey.passkey(key)
    assert "unmet" in journey.page.ids and "7 dage" in journey.page.words
    assert id_token(begin(deployment, journey.browser))["acr"] == SUBSTANTIAL
    deployment.clock.forward(seconds=7 * 24 * 3600)
    later = begin(deployment, acr_values="phr")
    later.passkey(key)
    assert id_token(later)["acr"] == "phr"


def test_an_operator_can_let_the_cap_last_longer(
    tmp_path: Path, sqlite_url: str, valkey_url: str, clock: FrozenClock
) -> None:
    with running_deployment(
        tmp_path, sqlite_url, valkey_url, clock, ADGANG_RECOVERY_CAP_DAYS="30"
    ) as deployment:
        recover(deployment)
        key = add_key(deployment)
        clock.forward(seconds=29 * 24 * 3600)
        journey = begin(deployment, acr_values="phr")
        journey.passkey(key)
        assert "unmet" in journey.page.ids and "30 dage" in journey.page.words
        clock.forward(seconds=24 * 3600)
        later = begin(deployment, acr_values="phr")
        later.passkey(key)
        assert id_token(later)["acr"] == "phr"


def test_a_key_from_before_the_recovery_counts_in_full(deployment: Deployment) -> None:
    key = add_key(deployment)
    deployment.clock.forward(seconds=1)
    recover(deployment)
    journey = begin(deployment, acr_values="phr")
    journey.passkey(key)
    assert id_token(journey)["acr"] == "phr"


# --- level High ------------------------------------------------------------------------------------------------


@pytest.fixture
def high(tmp_path: Path, sqlite_url: str, valkey_url: str, clock: FrozenClock) -> Iterator[Deployment]:
    """A deployment that offers level High, for one model of key."""
    roots = tmp_path / "roots.pem"
    roots.write_bytes(maker().root_pem)
    settings = {
        "ADGANG_LEVEL_HIGH": "true",
        "ADGANG_WEBAUTHN_AAGUIDS": maker().aaguid,
        "ADGANG_WEBAUTHN_TRUST_ROOTS": str(roots),
    }
    with running_deployment(tmp_path / "high", sqlite_url, valkey_url, clock, **settings) as running:
        yield running


def proof(deployment: Deployment) -> None:
    services = deployment.wiring.services
    services.transact(
        lambda tx: services.ledger.append(
            tx,
            event=events.CITIZEN_PROOFED,
            actor="operator:test",
            at=deployment.clock(),
            citizen_id=citizen_id(deployment),
        )
    )


def test_high_is_an_attested_key_that_verified_its_proofed_citizen(high: Deployment) -> None:
    key = add_key(high, made_by=maker())
    proof(high)
    journey = begin(high, acr_values=HIGH)
    journey.passkey(key)
    claims = id_token(journey)
    assert claims["acr"] == HIGH and claims["amr"] == ["hwk", "user", "mfa"]
    assert session_of(high, journey).acr == HIGH


def test_high_has_shorter_limits(high: Deployment) -> None:
    """NIST SP 800-63B-4 §2.3.3: 15 minutes idle, whatever Substantial has."""
    key = add_key(high, made_by=maker())
    proof(high)
    journey = begin(high)
    journey.passkey(key)
    high.clock.forward(seconds=14 * 60)
    assert "released" in begin(high, journey.browser).page.ids
    high.clock.forward(seconds=15 * 60)
    assert "use-passkey" in begin(high, journey.browser).page.ids


@pytest.mark.parametrize("lacking", ["proof", "attested key", "user verification"])
def test_high_is_not_reached_where_anything_is_lacking(high: Deployment, lacking: str) -> None:
    """S-285."""
    if lacking != "proof":
        proof(high)
    if lacking != "attested key":
        add_key(high, made_by=maker(), verifies_user=lacking != "user verification")
    journey = begin(high, acr_values=HIGH)
    journey.password()
    if "code" not in journey.page.ids:
        journey.page = journey.browser.get(f"{journey.address}?way=totp")
    journey.code()
    assert "unmet" in journey.page.ids
    journey.page = journey.browser.submit(journey.page, "/unmet")
    assert error(journey) == "unmet_authentication_requirements"


def test_a_synced_key_is_never_high_however_attested(high: Deployment) -> None:
    """S-285: a key that travels is no key of one device."""
    key = add_key(high, made_by=maker(), synced=True)
    proof(high)
    journey = begin(high, acr_values=HIGH)
    journey.passkey(key)
    assert "unmet" in journey.page.ids
    assert (
        id_token(begin(high, journey.browser, acr_values=f"{HIGH} phrh {SUBSTANTIAL}"))["acr"] == SUBSTANTIAL
    )


def test_a_step_up_to_high_insists_on_user_verification(high: Deployment) -> None:
    """S-272: a touch without it proves nothing here, although it would after a password."""
    key = add_key(high, made_by=maker())
    proof(high)
    journey = signed_in_with_code(high)
    again = begin(high, journey.browser, acr_values=HIGH)
    assert again.page.form("/key").options["userVerification"] == "required"
    page = again.key(key, flags=key.flags & ~UV)
    assert page.status == 400 and "use-key" in page.ids
    again.key(key)
    assert id_token(again)["acr"] == HIGH


def test_no_other_key_is_added_where_models_are_listed(high: Deployment) -> None:
    """S-282."""
    other = maker("aaaaaaaa-5c3d-4e8f-9a6b-7c8d9e0f1a2b")
    for traits in ({}, {"made_by": other}):
        with pytest.raises(WebauthnRejected):
            add_key(high, **traits)
    assert high.wiring.services.webauthn.keys_of(citizen_id(high)) == []
    assert isinstance(add_key(high, made_by=maker()), Authenticator)
