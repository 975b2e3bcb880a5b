"""Browser sessions under attack: fixed, mixed, outlived and forged cookies."""

import secrets
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.citizen_browser import CitizenBrowser
from tests.support.deployment import Deployment
from tests.support.journey import USER, Journey, begin, cookie, party

KINDS = ("browser", "proof", "session", "known")


def plant(browser: CitizenBrowser, deployment: Deployment, kind: str, value: str) -> None:
    """A cookie of ours that somebody else put there."""
    port = deployment.issuer.rpartition(":")[2]
    browser.session.headers["Cookie"] = f"adgang-{port}-{kind}={value}"


def known_cookies(browser: CitizenBrowser) -> dict[str, str | None]:
    return {kind: cookie(browser, kind) for kind in KINDS}


def signed_in_as(browser: CitizenBrowser) -> str | None:
    page = browser.get("/")
    return next((name for name in ("Freja Holm", "Karl Berg") if name in page.words), None)


def test_every_step_has_a_secret_of_its_own(deployment: Deployment) -> None:
    """S-214: made anew at each step and each sign-in; the one before opens nothing."""
    journey = begin(deployment)
    assert known_cookies(journey.browser)["proof"] is None
    journey.password()
    first_proof = cookie(journey.browser, "proof")
    journey.browser.submit(journey.browser.get(journey.address), "/cancel")
    journey = begin(deployment, journey.browser)
    journey.password()
    second_proof = cookie(journey.browser, "proof")
    assert first_proof and second_proof and first_proof != second_proof
    journey.code()
    assert cookie(journey.browser, "proof") is None
    first_session = cookie(journey.browser, "session")
    services = deployment.wiring.services
    assert services.partial_sign_ins.find(second_proof) is None
    deployment.clock.forward(seconds=30)
    again = begin(deployment, journey.browser, prompt="login")
    again.sign_in()
    second_session = cookie(again.browser, "session")
    assert first_session and second_session and first_session != second_session
    assert services.browser_sessions.find(first_session) is None
    assert signed_in_as(again.browser) == "Freja Holm"


@pytest.mark.parametrize("kind", ["session", "proof"])
def test_a_planted_cookie_is_never_adopted(deployment: Deployment, kind: str) -> None:
    """S-214: an attacker who knows the value beforehand holds nothing afterwards."""
    value = secrets.token_urlsafe(32)
    victim = CitizenBrowser(deployment.issuer)
    journey = begin(deployment, victim)
    port = deployment.issuer.rpartition(":")[2]
    victim.session.cookies.set(f"adgang-{port}-{kind}", value, domain="localhost.local", path="/")
    journey.page = victim.get(journey.address)
    attacker = CitizenBrowser(deployment.issuer)
    plant(attacker, deployment, kind, value)
    services = deployment.wiring.services
    for step in (journey.password, journey.code, journey.answer):
        step()
        assert services.browser_sessions.find(value) is None and services.partial_sign_ins.find(value) is None
        assert signed_in_as(attacker) is None


def test_our_cookies_are_random_bound_and_say_nothing(deployment: Deployment) -> None:
    """S-218: through a whole sign-in, each of them."""
    journey = begin(deployment)
    for step in (journey.password, journey.code, journey.answer):
        step()
    raw = journey.browser.session.cookies
    citizen = deployment.citizens[USER].citizen
    for found in raw:
        assert found.path == "/" and not found.domain_specified
        assert found.has_nonstandard_attr("HttpOnly") and found.get_nonstandard_attr("SameSite") == "Lax"
        assert len(found.value or "") < 200
        for personal in (USER, citizen.citizen_id, citizen.given_name, "8802701234"):
            assert personal not in (found.value or "")
    assert {f.name.rpartition("-")[2] for f in raw} == {"browser", "session", "known"}
    assert all(len(cookie(journey.browser, kind) or "") >= 43 for kind in ("browser", "session"))


def test_a_session_ends_when_nobody_uses_it_and_when_its_time_is_up(deployment: Deployment) -> None:
    """S-224: on our side; the browser still sends its cookie."""
    journey = begin(deployment)
    journey.sign_in()
    idle, absolute = deployment.settings.session_idle_seconds, deployment.settings.session_seconds
    deployment.clock.forward(seconds=idle - 1)
    assert signed_in_as(journey.browser) == "Freja Holm"
    deployment.clock.forward(seconds=idle)
    assert cookie(journey.browser, "session") and signed_in_as(journey.browser) is None
    journey = begin(deployment)
    journey.sign_in()
    for _ in range(absolute // (idle - 60)):
        assert signed_in_as(journey.browser) == "Freja Holm"
        deployment.clock.forward(seconds=idle - 60)
    deployment.clock.forward(seconds=absolute % (idle - 60) + 1)
    assert signed_in_as(journey.browser) is None
    assert "user-id" in begin(deployment, journey.browser).page.ids


def test_a_session_that_ended_in_the_middle_of_a_sign_in_releases_nothing(deployment: Deployment) -> None:
    """S-224, S-301: timed out, or ended by an operator, between the question and the answer."""
    for end in ("absolute", "operator"):
        first = begin(deployment)
        first.sign_in()
        journey = begin(deployment, first.browser)
        assert "released" in journey.page.ids
        if end == "absolute":
            bring_the_end_near(deployment, first.browser, ends_in=timedelta(seconds=60))
            deployment.clock.forward(seconds=60)
        else:
            citizen = deployment.citizens[USER].citizen
            deployment.wiring.citizens.end_sessions(citizen, actor="operator:test", reason="a test")
        page = journey.post("consent", csrf_token=journey.token, decision="accept")
        assert page.answer is None and "user-id" in page.ids
        assert (
            deployment.wiring.services.consents.of_citizen(deployment.citizens[USER].citizen.citizen_id) == []
        )


def test_a_session_that_begins_while_an_operator_ends_them_is_whole_or_over(deployment: Deployment) -> None:
    """S-301: never forgotten in Redis without an end in SQL, where its codes would be redeemed all the same."""
    begin(deployment).sign_in()
    citizens, citizen = deployment.wiring.citizens, deployment.citizens[USER].citizen
    late: list[Journey] = []

    def transact(work: Any) -> Any:
        if not late:
            deployment.clock.forward(seconds=30)
            late.append(begin(deployment))
            late[0].sign_in()
        return citizens.transact(work)

    ended = replace(citizens, transact=transact).end_sessions(citizen, actor="operator:test", reason="a test")
    assert ended == 1
    assert signed_in_as(late[0].browser) == "Freja Holm"
    assert citizens.end_sessions(citizen, actor="operator:test", reason="a test") == 1
    assert signed_in_as(late[0].browser) is None


def bring_the_end_near(deployment: Deployment, browser: CitizenBrowser, *, ends_in: timedelta) -> None:
    """Bring the end of this browser's session near."""
    store, secret = deployment.wiring.services.browser_sessions, cookie(browser, "session") or ""
    session = store.find(secret)
    assert session is not None
    assert store.replace(secret, replace(session, expires_at=deployment.clock() + ends_in))


def test_signing_out_needs_this_sessions_token(deployment: Deployment) -> None:
    """S-217, S-226: missing, of another citizen's session, of a login attempt, from another site; else it is asked."""
    deployment.add_citizen("karl.berg", "8802701235", "Karl", "Berg")
    journey, other = begin(deployment), begin(deployment)
    journey.sign_in()
    other.sign_in("karl.berg")
    theirs = other.browser.get("/").form("/sign-out").fields["csrf_token"]
    ours = journey.browser.get("/").form("/sign-out").fields["csrf_token"]
    for token in ("", theirs, journey.token, ours[:-1]):
        page = journey.browser.post("/sign-out", {"csrf_token": token})
        assert page.status == 403 and "ask-sign-out" in page.ids
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert journey.browser.post("/sign-out", {"csrf_token": ours}, headers=foreign).status == 403
    assert signed_in_as(journey.browser) == "Freja Holm"
    assert "signed-out" in journey.browser.post("/sign-out", {"csrf_token": ours}).ids
    assert signed_in_as(journey.browser) is None and signed_in_as(other.browser) == "Karl Berg"


def test_a_proof_opens_its_own_attempt_only(deployment: Deployment) -> None:
    """S-299: carried to another attempt of the same browser, or to another browser's, it is nothing."""
    mine, stranger = begin(deployment), begin(deployment)
    mine.password()
    second = begin(deployment, mine.browser)
    assert "user-id" in second.page.ids
    page = second.post("totp", csrf_token=second.token, code=deployment.code_of(USER))
    assert "user-id" in page.ids and cookie(mine.browser, "session") is None
    proof = cookie(mine.browser, "proof") or ""
    port = deployment.issuer.rpartition(":")[2]
    stranger.browser.session.cookies.set(f"adgang-{port}-proof", proof, domain="localhost.local", path="/")
    page = stranger.post("totp", csrf_token=stranger.token, code=deployment.code_of(USER))
    assert "user-id" in page.ids and cookie(stranger.browser, "session") is None


def test_a_code_of_one_citizen_never_completes_anothers_password(deployment: Deployment) -> None:
    """S-300: two tabs, two citizens; the session is the one whose two factors were proven, or there is none."""
    deployment.add_citizen("karl.berg", "8802701235", "Karl", "Berg")
    first = begin(deployment)
    second = begin(deployment, first.browser)
    first.password(USER)
    second.password("karl.berg")
    assert "user-id" in first.code(user_id=USER).ids, "the second tab's proof took its place"
    assert second.code(user_id=USER).status == 400
    assert signed_in_as(first.browser) is None
    second.page = second.browser.get(second.address)
    second.code(user_id="karl.berg")
    assert signed_in_as(first.browser) == "Karl Berg"


def test_another_citizen_in_the_same_browser_ends_the_first_ones_session(deployment: Deployment) -> None:
    """S-300: its tokens too, and no page shows the one to the other."""
    deployment.add_citizen("karl.berg", "8802701235", "Karl", "Berg")
    service = party(deployment)
    first = begin(deployment, service=service)
    first.sign_in()
    page = first.answer()
    assert page.answer is not None
    token = service.redeem(page.answer["code"], first.asked.verifier).json()["access_token"]
    old = cookie(first.browser, "session") or ""
    deployment.clock.forward(seconds=30)
    second = begin(deployment, first.browser, service, prompt="login")
    second.sign_in("karl.berg")
    assert signed_in_as(second.browser) == "Karl Berg"
    assert service.userinfo(token).status_code == 401
    ghost = CitizenBrowser(deployment.issuer)
    plant(ghost, deployment, "session", old)
    assert signed_in_as(ghost) is None


def test_going_back_and_signing_in_as_somebody_else_leads_on(deployment: Deployment) -> None:
    """S-300: after both factors, the password page from before is sent again; no dead end, no mixture."""
    deployment.add_citizen("karl.berg", "8802701235", "Karl", "Berg")
    journey = begin(deployment)
    before = journey.page
    journey.sign_in()
    journey.page = before
    assert "code" in journey.password("karl.berg").ids
    assert "released" in journey.code(user_id="karl.berg").ids
    assert signed_in_as(journey.browser) == "Karl Berg"
    page = journey.answer()
    assert page.answer is not None and "code" in page.answer


@pytest.mark.parametrize("language", ["da", "en", "nb"])
def test_what_was_asked_for_survives_a_change_of_language_and_a_new_tab(
    deployment: Deployment, language: str
) -> None:
    """S-298, S-014: a fresh sign-in was asked for; no address, cookie or parameter takes that back."""
    first = begin(deployment)
    first.sign_in()
    first.answer()
    deployment.clock.forward(seconds=60)
    journey = begin(deployment, first.browser, prompt="login")
    for query in (f"?lang={language}", "?prompt=none&max_age=100000", "?response_mode=form_post", ""):
        page = journey.browser.get(journey.address + query)
        assert "user-id" in page.ids and page.answer is None
    journey.page = page
    assert "code" in journey.password().ids
    assert "code" in journey.browser.get(f"{journey.address}?lang={language}").ids
    page = journey.code()
    assert page.answer is not None and page.answer["state"] == journey.asked.state


def test_consent_given_out_of_turn_is_none(deployment: Deployment) -> None:
    """S-295: while a fresh sign-in is asked for, the form of a later page records nothing."""
    first = begin(deployment)
    first.sign_in()
    first.answer()
    deployment.clock.forward(seconds=30)
    service = party(deployment, "Boligstøtte", "openid cpr")
    journey = begin(deployment, first.browser, service, prompt="login")
    page = journey.post("consent", csrf_token=journey.token, decision="accept")
    assert "user-id" in page.ids
    citizen = deployment.citizens[USER].citizen
    given = deployment.wiring.services.consents.of_citizen(citizen.citizen_id)
    assert service.client.client_id not in {consent.client_id for consent in given}


def test_a_citizen_who_is_blocked_while_the_session_begins_has_none(deployment: Deployment) -> None:
    """S-301: the block commits between the last check and the session; whoever comes first, none is left."""
    journey = begin(deployment)
    journey.password()
    database, citizen = deployment.wiring.database, deployment.citizens[USER].citizen
    with database.writing.begin() as tx:
        tx.exec_driver_sql(
            "CREATE TRIGGER meanwhile AFTER INSERT ON ledger WHEN NEW.event = 'signed-in' BEGIN "
            f"UPDATE citizens SET status = 'blocked' WHERE citizen_id = '{citizen.citizen_id}'; END"
        )
    page = journey.code()
    assert page.status == 403 and "notice" in page.ids
    assert deployment.wiring.services.browser_sessions.of_citizen(citizen.citizen_id) == []


def test_pages_that_depend_on_who_asks_are_never_kept(deployment: Deployment) -> None:
    """S-222, S-223: every page, redirect and error of a sign-in."""
    journey = begin(deployment)
    pages = [journey.page, journey.password(), journey.code(), journey.answer(), journey.browser.get("/")]
    pages += [journey.browser.get(journey.address), journey.browser.get("/login/nothing")]
    for page in pages:
        assert page.headers["Cache-Control"] == "no-store"
        assert "Cookie" in page.headers["Vary"]
        assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    straight = journey.browser.session.get(journey.service.ask().url, allow_redirects=False, timeout=20)
    assert straight.status_code == 303 and straight.headers["Cache-Control"] == "no-store"
    assert straight.headers["Referrer-Policy"] == "no-referrer"
    assert "Access-Control-Allow-Origin" not in straight.headers
