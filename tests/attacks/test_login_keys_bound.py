"""A key's answer counts for the question it was asked for, by the browser that was asked, once. Over HTTP."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from idp.ceremonies import ADD_KEY, RECOVER, SIGN_IN
from idp.errors import ConfigurationFaults
from idp.settings import Settings
from tests.support.authenticator import UP, UV, Authenticator, b64, unb64
from tests.support.citizen_browser import CitizenBrowser, Page
from tests.support.deployment import Deployment
from tests.support.journey import USER, Journey, add_key, begin, cookie

OTHER = "malthe.krag"


def challenge(page: Page, ending: str = "/passkey") -> dict[str, Any]:
    return page.form(ending).options


def send(journey: Journey, step: str, answer: str) -> Page:
    return journey.post(step, csrf_token=journey.token, credential=answer)


def refused(journey: Journey, page: Page) -> bool:
    """Still where it was, with nobody signed in."""
    return page.status in (200, 400) and page.answer is None and cookie(journey.browser, "session") is None


# --- challenges ------------------------------------------------------------------------------------------------


def test_an_answer_is_worth_nothing_a_second_time(deployment: Deployment) -> None:
    """S-265: neither after success nor after failure."""
    key, journey = add_key(deployment), begin(deployment)
    answer = key.get(challenge(journey.page))
    assert "released" in send(journey, "passkey", answer).ids
    other = begin(deployment)
    assert refused(other, send(other, "passkey", answer))
    failed = key.get(challenge(other.page), signature=b"x" * 70)
    asked = challenge(other.page)
    assert refused(other, send(other, "passkey", failed))
    assert refused(other, send(other, "passkey", key.get(asked)))


def test_an_answer_is_worth_nothing_after_five_minutes(deployment: Deployment) -> None:
    """S-265."""
    key, journey = add_key(deployment), begin(deployment)
    answer = key.get(challenge(journey.page))
    deployment.clock.forward(seconds=300)
    assert refused(journey, send(journey, "passkey", answer))


def test_an_answer_belongs_to_the_browser_and_the_attempt_it_was_asked_in(deployment: Deployment) -> None:
    """S-265, S-299: the attacker's challenge, answered by the victim, opens nothing for the attacker, and reverse."""
    key, mine, theirs = add_key(deployment), begin(deployment), begin(deployment)
    assert refused(theirs, send(theirs, "passkey", key.get(challenge(mine.page))))
    second_tab = begin(deployment, theirs.browser)
    asked = challenge(theirs.browser.get(theirs.address))
    assert refused(second_tab, send(second_tab, "passkey", key.get(asked)))


@pytest.mark.parametrize("purpose", [ADD_KEY, RECOVER, SIGN_IN])
def test_a_challenge_of_another_purpose_or_binding_signs_nobody_in(
    deployment: Deployment, purpose: str
) -> None:
    """S-265."""
    key, journey, services = add_key(deployment), begin(deployment), deployment.wiring.services
    ceremony = services.ceremonies.begin(purpose, "another binding", user_verification_required=True)
    asked = {**challenge(journey.page), "challenge": b64(ceremony.challenge)}
    assert refused(journey, send(journey, "passkey", key.get(asked)))


def test_a_made_up_challenge_signs_nobody_in(deployment: Deployment) -> None:
    """S-265."""
    key, journey = add_key(deployment), begin(deployment)
    for made_up in (b"", b"\0" * 32, b"x" * 15, b"x" * 4000):
        answer = key.get({**challenge(journey.page), "challenge": b64(made_up)})
        assert refused(journey, send(journey, "passkey", answer))


def test_fifty_posts_of_one_answer_make_one_session(deployment_each: Deployment) -> None:
    """S-266."""
    key, journey = add_key(deployment_each), begin(deployment_each)
    answer, token = key.get(challenge(journey.page)), journey.token

    def post(_: int) -> str | None:
        browser = CitizenBrowser(deployment_each.issuer)
        browser.session.cookies.update(journey.browser.session.cookies)
        browser.post(f"{journey.address}/passkey", {"csrf_token": token, "credential": answer})
        return cookie(browser, "session")

    with ThreadPoolExecutor(8) as pool:
        sessions = [found for found in pool.map(post, range(50)) if found]
    assert len(sessions) == 1
    citizen_id = deployment_each.citizens[USER].citizen.citizen_id
    assert len(deployment_each.wiring.services.browser_sessions.of_citizen(citizen_id)) == 1


# --- questions -------------------------------------------------------------------------------------------------


def test_a_second_factors_challenge_is_no_passkey_sign_in(deployment: Deployment) -> None:
    """S-297: after the password a touch without user verification is enough; elsewhere it must not become so."""
    key = add_key(deployment, verifies_user=False)
    journey = begin(deployment)
    asked = challenge(journey.password(), "/key")
    assert asked["userVerification"] == "preferred"
    first_page = begin(deployment, journey.browser)
    assert refused(first_page, send(first_page, "passkey", key.get(asked)))
    assert "use-key" in send(journey, "passkey", key.get(asked)).ids, (
        "the passkey's form of this very attempt"
    )
    assert cookie(journey.browser, "session") is None


def test_a_passkey_challenge_is_no_second_factor(deployment: Deployment) -> None:
    """S-297."""
    key, journey = add_key(deployment), begin(deployment)
    asked = challenge(journey.page)
    journey.password()
    assert refused(journey, send(journey, "key", key.get(asked)))


def test_a_way_that_is_not_offered_is_not_looked_at(deployment: Deployment) -> None:
    """S-297, S-295: the six digits where the service insists on a key, a key where nothing is asked."""
    key = add_key(deployment)
    journey = begin(deployment, acr_values="phr")
    journey.password()
    page = journey.post("totp", csrf_token=journey.token, code=deployment.code_of(USER))
    assert "use-key" in page.ids and cookie(journey.browser, "session") is None
    nothing_asked = begin(deployment)
    answer = key.get(challenge(nothing_asked.page))
    page = send(nothing_asked, "key", answer)
    assert "user-id" in page.ids and cookie(nothing_asked.browser, "session") is None


def test_a_key_of_somebody_else_is_no_second_factor(deployment: Deployment) -> None:
    """S-277, S-280: nor is it offered."""
    deployment.add_citizen(OTHER, "0103801234", "Malthe", "Krag")
    mine, theirs = add_key(deployment), add_key(deployment, OTHER)
    journey = begin(deployment)
    asked = challenge(journey.password(), "/key")
    assert [unb64(key["id"]) for key in asked["allowCredentials"]] == [mine.credential_id]
    for handle in (theirs.user_handle, mine.user_handle):
        asked = challenge(journey.browser.get(journey.address), "/key")
        assert refused(journey, send(journey, "key", theirs.get(asked, user_handle=handle)))


def test_a_citizen_without_keys_is_not_impersonated_with_the_attackers_key(deployment: Deployment) -> None:
    """S-278."""
    deployment.add_citizen(OTHER, "0103801234", "Malthe", "Krag")
    theirs = add_key(deployment, OTHER)
    journey = begin(deployment)
    journey.password()  # whose password was guessed
    stranger = begin(deployment)
    answer = theirs.get(challenge(stranger.page))
    assert "code" in send(journey, "key", answer).ids
    assert "code" in send(journey, "passkey", answer).ids
    assert cookie(journey.browser, "session") is None


def test_two_tabs_of_two_citizens_never_mix(deployment: Deployment) -> None:
    """S-300: A's password in one tab, B's in the other, then A's key in each."""
    deployment.add_citizen(OTHER, "0103801234", "Malthe", "Krag")
    mine, theirs = add_key(deployment), add_key(deployment, OTHER)
    one = begin(deployment)
    two = begin(deployment, one.browser)
    asked_mine = challenge(one.password(), "/key")
    asked_theirs = challenge(two.password(OTHER), "/key")
    assert refused(two, send(two, "key", mine.get(asked_mine)))
    asked_theirs = challenge(two.browser.get(two.address), "/key")
    assert refused(two, send(two, "key", mine.get(asked_theirs)))
    two.page = two.browser.get(two.address)
    two.key(theirs)
    secret = cookie(two.browser, "session")
    assert secret is not None
    session = deployment.wiring.services.browser_sessions.find(secret)
    assert session is not None and session.citizen_id == deployment.citizens[OTHER].citizen.citizen_id


@pytest.mark.parametrize("wrong", ["foreign", "missing", "user ID", "empty"])
def test_a_user_handle_must_be_the_owners(deployment: Deployment, wrong: str) -> None:
    """S-279."""
    key, journey = add_key(deployment), begin(deployment)
    assert len(key.user_handle) == 64 and USER.encode() not in key.user_handle
    changes: dict[str, Any] = {
        "foreign": {"user_handle": b"x" * 64},
        "missing": {"without_handle": True},
        "user ID": {"user_handle": USER.encode()},
        "empty": {"user_handle": b""},
    }[wrong]
    assert refused(journey, journey.passkey(key, **changes))


# --- what an answer says ---------------------------------------------------------------------------------------


LIES: dict[str, dict[str, Any]] = {
    "http origin": {"origin": "http://localhost"},
    "other port": {"origin": "http://localhost:1"},
    "sub-domain": {"origin": "http://login.localhost"},
    "look-alike": {"origin": "http://badlocalhost"},
    "trailing slash": {"origin": "OWN/"},
    "upper case": {"origin": "UPPER"},
    "null origin": {"origin": "null"},
    "no origin": {"origin": None},
    "app": {"origin": "android:apk-key-hash:AAAA"},
    "parent rp": {"rp_id": "host"},
    "other rp": {"rp_id": "evil.test"},
    "another ceremony": {"kind": "webauthn.create"},
    "nobody present": {"flags": UV},
    "nobody verified": {"flags": UP},
    "reserved flags": {"flags": UP | UV | 0x02},
    "backed up and cannot be": {"flags": UP | UV | 0x10},
    "now synced": {"flags": UP | UV | 0x18},
    "foreign frame": {"more": {"crossOrigin": True, "topOrigin": "https://evil.test"}},
    "withdrawn extension": {"more": {"tokenBinding": {"status": "present"}}},
    "empty signature": {"signature": b""},
    "zero signature": {"signature": bytes.fromhex("3006020100020100")},
    "trailing bytes": {"signature": b"x" * 71},
}


@pytest.mark.parametrize("lie", LIES)
def test_an_answer_that_lies_is_refused(deployment: Deployment, lie: str) -> None:
    """S-267, S-268, S-270, S-271, S-272, S-283, S-284, S-289, S-292, S-293."""
    key, journey = add_key(deployment), begin(deployment)
    changes = dict(LIES[lie])
    if changes.get("origin") == "OWN/":
        changes["origin"] = deployment.issuer + "/"
    if changes.get("origin") == "UPPER":
        changes["origin"] = deployment.issuer.upper()
    page = journey.passkey(key, **changes)
    assert page.status == 400 and refused(journey, page)


JUNK = {
    "nothing": "",
    "null": "null",
    "list": "[]",
    "number": "7",
    "no JSON": "{",
    "deep": "[" * 20_000,
    "object": "{}",
    "large": json.dumps({"type": "public-key", "id": "A" * 40_000}),
    "id too long": json.dumps({"type": "public-key", "id": "A" * 2000, "rawId": "A" * 2000, "response": {}}),
    "no response": '{"type":"public-key","id":"AA","rawId":"AA","response":null}',
    "response of numbers": '{"type":"public-key","id":"AA","rawId":"AA","response":{"clientDataJSON":7}}',
    "padded": '{"type":"public-key","id":"AA==","rawId":"AA==","response":{"clientDataJSON":"e30="}}',
    "surrogate": '{"type":"public-key","id":"\\ud800","rawId":"\\ud800","response":{}}',
    "NaN": '{"type":NaN}',
}


@pytest.mark.parametrize("step", ["passkey", "key"])
@pytest.mark.parametrize("junk", JUNK)
def test_junk_is_a_400_and_never_a_500(deployment: Deployment, step: str, junk: str) -> None:
    """S-276, S-289, S-292."""
    add_key(deployment)
    journey = begin(deployment)
    if step == "key":
        journey.password()
    page = send(journey, step, JUNK[junk])
    assert page.status == 400 and cookie(journey.browser, "session") is None


def test_doubled_members_are_refused(deployment: Deployment) -> None:
    """S-289: of two challenges nobody can say which was meant."""
    key, journey = add_key(deployment), begin(deployment)
    asked = challenge(journey.page)
    twice = (
        b'{"type":"webauthn.get","challenge":"CHALLENGE","challenge":"CHALLENGE","origin":"'
        + deployment.issuer.encode()
        + b'","crossOrigin":false}'
    )
    assert refused(journey, send(journey, "passkey", key.get(asked, client_data=twice)))


# --- the challenge's page --------------------------------------------------------------------------------------


def test_new_options_are_for_the_attempts_own_browser_and_step(deployment: Deployment) -> None:
    """S-028, S-295, S-238."""
    add_key(deployment)
    journey = begin(deployment)
    path = f"{deployment.issuer}{journey.address}/options"
    assert CitizenBrowser(deployment.issuer).session.get(path, timeout=20).status_code == 403
    assert journey.browser.session.head(path, timeout=20).status_code == 405
    assert journey.browser.session.get(path, timeout=20).json()["allowCredentials"] == []
    journey.password()
    assert len(journey.browser.session.get(path, timeout=20).json()["allowCredentials"]) == 1
    journey.page = journey.browser.get(f"{journey.address}?way=totp")
    journey.code()
    assert journey.browser.session.get(path, timeout=20).status_code == 404, "nothing is asked any more"


# --- guessing --------------------------------------------------------------------------------------------------


def guesses(times: int) -> Callable[[Journey, Authenticator], Iterator[Page]]:
    def guess(journey: Journey, key: Authenticator) -> Iterator[Page]:
        for _ in range(times):
            journey.page = journey.browser.get(journey.address)
            yield journey.key(key, signature=b"x" * 70)

    return guess


def test_wrong_answers_are_counted_against_the_key_and_slow_it(deployment: Deployment) -> None:
    """S-246: as on every route that verifies something."""
    key, journey = add_key(deployment), begin(deployment)
    journey.password()
    statuses = [page.status for page in guesses(6)(journey, key)]
    assert statuses[:5] == [400] * 5 and statuses[5] == 429
    journey.page = journey.browser.get(f"{journey.address}?way=totp")
    journey.code()
    assert "released" in journey.page.ids, "the six digits are an authenticator of their own (S-240)"


# --- start -----------------------------------------------------------------------------------------------------


ISSUER = "https://login.adgang.example"


def settings(tmp_path: Path, **more: str) -> Settings:
    return Settings.from_environment(
        {"ADGANG_ISSUER": ISSUER, "ADGANG_SECRETS_DIRECTORY": str(tmp_path), **more}
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"ADGANG_WEBAUTHN_RP_ID": "adgang.test"},
        {"ADGANG_WEBAUTHN_RP_ID": "example"},
        {"ADGANG_WEBAUTHN_RP_ID": "dgang.example"},
        {"ADGANG_WEBAUTHN_RP_ID": "other.adgang.example"},
        {"ADGANG_WEBAUTHN_ORIGINS": "https://adgang.example"},
        {"ADGANG_WEBAUTHN_ORIGINS": f"{ISSUER},https://evil.test"},
        {"ADGANG_WEBAUTHN_ORIGINS": f"{ISSUER},{ISSUER}/"},
        {"ADGANG_LEVEL_HIGH": "true"},
        {"ADGANG_WEBAUTHN_AAGUIDS": "2fc0579f-8113-47ea-b116-bb5a8db9202a"},
        {"ADGANG_WEBAUTHN_TRUST_ROOTS": "/nowhere"},
    ],
)
def test_a_provider_that_does_not_know_who_it_is_does_not_start(
    tmp_path: Path, wrong: dict[str, str]
) -> None:
    """S-290: after a move to another domain, and with half an attestation policy."""
    with pytest.raises(ConfigurationFaults):
        settings(tmp_path, **wrong)


def test_rp_id_and_origin_follow_the_issuer_unless_set(tmp_path: Path) -> None:
    """S-290."""
    assert settings(tmp_path).webauthn.rp_id == "login.adgang.example"
    assert settings(tmp_path).webauthn.origins == (ISSUER,)
    assert settings(tmp_path, ADGANG_WEBAUTHN_RP_ID="adgang.example").webauthn.rp_id == "adgang.example"
