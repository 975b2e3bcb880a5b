"""Passkeys and security keys in a sign-in, over HTTP with a software authenticator."""

from datetime import timedelta
from typing import Any

from tests.support.authenticator import BS, UP
from tests.support.citizen_browser import CitizenBrowser, Page
from tests.support.deployment import Deployment
from tests.support.journey import USER, Journey, add_key, begin, cookie, party
from tests.support.relying_party import claims_of


def id_token(journey: Journey) -> dict[str, Any]:
    """The claims of the ID token that the service got."""
    assert journey.page.answer is not None and "code" in journey.page.answer, journey.page.words
    answer = journey.service.redeem(journey.page.answer["code"], journey.asked.verifier)
    return claims_of(answer.json()["id_token"])


def events(deployment: Deployment) -> list[str]:
    citizen_id = deployment.citizens[USER].citizen.citizen_id
    return [entry.event for entry in deployment.wiring.ledger.of_citizen(citizen_id, limit=1000)]


def test_one_touch_of_a_passkey_signs_in(deployment_each: Deployment) -> None:
    key, journey = add_key(deployment_each), begin(deployment_each)
    assert "use-passkey" in journey.page.ids
    assert journey.page.form("/passkey").options["userVerification"] == "required"
    journey.passkey(key)
    assert "released" in journey.page.ids, journey.page.words
    journey.answer()
    claims = id_token(journey)
    assert claims["amr"] == ["pop", "user", "mfa"]
    assert claims["acr"] == "urn:adgang:loa:substantial"


def test_a_security_key_is_the_second_factor_after_the_password(deployment: Deployment) -> None:
    key = add_key(deployment, verifies_user=False)
    journey = begin(deployment)
    page = journey.password()
    assert "use-key" in page.ids and "another-way" in page.ids and "code" not in page.ids
    journey.key(key)
    journey.answer()
    assert id_token(journey)["amr"] == ["pwd", "pop", "user", "mfa"]


def test_the_six_digits_are_another_way_where_there_is_a_key(deployment: Deployment) -> None:
    add_key(deployment)
    journey = begin(deployment)
    journey.password()
    journey.page = journey.browser.get(f"{journey.address}?way=totp")
    assert "code" in journey.page.ids and "use-key" not in journey.page.ids
    journey.code()
    journey.answer()
    assert id_token(journey)["amr"] == ["pwd", "otp", "mfa"]


def test_a_wrong_code_shows_the_six_digits_again_and_not_the_key(deployment: Deployment) -> None:
    add_key(deployment)
    journey = begin(deployment)
    journey.password()
    journey.page = journey.browser.get(f"{journey.address}?way=totp")
    page = journey.code("000000")
    assert page.status == 400 and "error-summary" in page.ids and "code" in page.ids


def test_a_citizen_without_a_key_is_asked_for_the_six_digits_and_nothing_else(deployment: Deployment) -> None:
    page = begin(deployment).password()
    assert "code" in page.ids and not {"use-key", "another-way"} & page.ids


def test_a_key_that_does_not_verify_its_user_is_not_enough_by_itself(deployment: Deployment) -> None:
    """S-270, S-272: refused where two factors are needed; after the password it is the second."""
    key = add_key(deployment, verifies_user=False)
    journey = begin(deployment)
    page = journey.passkey(key)
    assert page.status == 400 and "error-summary" in page.ids and "user-id" in page.ids
    assert cookie(journey.browser, "session") is None
    journey.password()
    journey.key(key)
    assert "released" in journey.page.ids


def test_the_session_of_a_passkey_is_under_a_secret_of_its_own(deployment: Deployment) -> None:
    """S-214."""
    key, journey = add_key(deployment), begin(deployment)
    journey.passkey(key)
    first = cookie(journey.browser, "session")
    deployment.clock.forward(seconds=1)
    again = begin(deployment, journey.browser, prompt="login")
    again.passkey(key)
    assert first is not None and cookie(journey.browser, "session") not in (None, first)
    assert deployment.wiring.services.browser_sessions.find(first) is None


def test_a_key_whose_counter_falls_is_refused_recorded_and_told(deployment: Deployment) -> None:
    """S-273."""
    key, journey = add_key(deployment), begin(deployment)
    journey.passkey(key)
    other = begin(deployment)
    page = other.passkey(key, counter=1)
    assert page.status == 400 and cookie(other.browser, "session") is None
    assert "kopi" in page.words
    assert "factor-suspected" in events(deployment)
    stored = deployment.wiring.services.webauthn.keys_of(deployment.citizens[USER].citizen.citizen_id)[0]
    assert stored.suspected_at == deployment.clock() and stored.sign_count == 1


def test_a_removed_key_opens_nothing(deployment: Deployment) -> None:
    """S-286."""
    key, services = add_key(deployment), deployment.wiring.services
    citizen_id = deployment.citizens[USER].citizen.citizen_id
    factor = services.webauthn.keys_of(citizen_id)[0].factor
    services.enrolment.remove(citizen_id, factor.factor_id, now=deployment.clock())
    journey = begin(deployment)
    page = journey.passkey(key)
    assert page.status == 400 and cookie(journey.browser, "session") is None
    assert "code" in journey.password().ids


def test_a_key_removed_between_the_password_and_the_touch_is_refused(deployment: Deployment) -> None:
    """S-301."""
    key, services = add_key(deployment), deployment.wiring.services
    citizen_id = deployment.citizens[USER].citizen.citizen_id
    journey = begin(deployment)
    page = journey.password()
    answer = key.get(page.form("/key").options)
    factor = services.webauthn.keys_of(citizen_id)[0].factor
    services.enrolment.remove(citizen_id, factor.factor_id, now=deployment.clock())
    page = journey.post("key", csrf_token=journey.token, credential=answer)
    assert "code" in page.ids and cookie(journey.browser, "session") is None


def test_a_waiting_page_gets_a_new_challenge(deployment: Deployment) -> None:
    """The challenge lives five minutes, the sign-in ten."""
    key, journey = add_key(deployment), begin(deployment)
    deployment.clock.forward(seconds=360)
    late = journey.passkey(key)
    assert late.status == 400 and "error-summary" in late.ids
    journey = begin(deployment)
    deployment.clock.forward(seconds=360)
    fresh = journey.browser.session.get(f"{deployment.issuer}{journey.address}/options", timeout=20)
    assert fresh.headers["Content-Type"] == "application/json"
    assert "no-store" in fresh.headers["Cache-Control"]
    page = journey.post("passkey", csrf_token=journey.token, credential=key.get(fresh.json()))
    assert "released" in page.ids


def test_a_form_without_an_answer_says_that_scripts_are_needed(deployment: Deployment) -> None:
    journey = begin(deployment)
    page = journey.post("passkey", csrf_token=journey.token, credential="")
    assert page.status == 400 and "scripts" in page.words


def test_a_stranger_who_guesses_cannot_keep_a_citizen_out_of_a_passkey(deployment: Deployment) -> None:
    """S-240: whoever knows the user ID, or even the key's id."""
    key = add_key(deployment)
    mine = begin(deployment)
    mine.passkey(key)  # this browser is known now
    stranger = CitizenBrowser(deployment.issuer)
    for _ in range(12):
        guess = begin(deployment, stranger)
        guess.password(password="forkert adgangskode")
        guess = begin(deployment, stranger)
        guess.passkey(key, signature=b"x" * 70, counter=0)
    deployment.clock.forward(seconds=1)
    again = begin(deployment, mine.browser, prompt="login")
    again.passkey(key)
    assert "released" in again.page.ids, again.page.words


def test_the_key_of_a_blocked_citizen_opens_nothing(deployment: Deployment) -> None:
    key, journey = add_key(deployment), begin(deployment)
    deployment.wiring.citizens.block(
        deployment.citizens[USER].citizen, actor="operator:test", reason="a test"
    )
    page = journey.passkey(key)
    assert page.status == 403 and "notice" in page.ids and cookie(journey.browser, "session") is None


def test_a_passkey_signs_in_to_a_second_service_without_a_word(deployment: Deployment) -> None:
    key, journey = add_key(deployment), begin(deployment)
    journey.passkey(key)
    second = begin(deployment, journey.browser, party(deployment, "Sundhedstider"))
    assert "released" in second.page.ids
    deployment.clock.forward(timedelta(minutes=31))
    third = begin(deployment, journey.browser)
    assert "use-passkey" in third.page.ids, "idle for half an hour"


def options_without_challenge(page: Page) -> dict[str, Any]:
    options = dict(page.form("/passkey").options)
    del options["challenge"]
    return options


def test_the_first_page_tells_nothing_about_anybodys_keys(deployment: Deployment) -> None:
    """S-238: the same for every user ID, with a key or without, known or not."""
    add_key(deployment)
    shown = []
    for hint in (USER, "nobody.at.all"):
        journey = begin(deployment, login_hint=hint)
        options = options_without_challenge(journey.page)
        assert options["allowCredentials"] == []
        page = journey.password(user_id=hint, password="forkert adgangskode")
        shown.append((options, page.status, options_without_challenge(page), sorted(page.ids)))
    assert shown[0] == shown[1]


def test_flags_are_kept(deployment: Deployment) -> None:
    """BE and BS as they were at the last use; UV as it was at enrolment."""
    key, services = add_key(deployment, synced=True), deployment.wiring.services
    citizen_id = deployment.citizens[USER].citizen.citizen_id
    stored = services.webauthn.keys_of(citizen_id)[0]
    assert stored.backup_eligible and stored.backed_up and stored.factor.proves_two
    journey = begin(deployment)
    journey.passkey(key, flags=key.flags & ~BS)
    assert not services.webauthn.keys_of(citizen_id)[0].backed_up
    journey.answer()
    assert id_token(journey)["amr"] == ["swk", "user", "mfa"]
    assert UP & key.flags
