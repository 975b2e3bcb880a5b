"""Devices (RFC 8628 §5): codes that are guessed, sent to somebody else, answered twice, polled for by another."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from clients_registry.documents import metadata_of
from idp.ids import new_secret
from tests.support.citizen_browser import CitizenBrowser
from tests.support.clock import FrozenClock
from tests.support.deployment import Deployment, running_deployment
from tests.support.devices import (
    GRANT_TYPE,
    Device,
    DeviceCitizen,
    approved_by,
    ask,
    device_party,
    start,
)
from tests.support.logged import logged_as_in_service
from tests.support.refreshing import refused
from tests.support.relying_party import RelyingParty, claims_of
from tests.support.signed_in import session_of

OTHER = "malthe.krag"


def poll_as(service: RelyingParty, device_code: str) -> requests.Response:
    return service.post("/token", {"grant_type": GRANT_TYPE, "device_code": device_code})


# --- guessing ------------------------------------------------------------------------------------------------------


def test_one_citizen_types_ten_codes_and_then_waits(deployment: Deployment) -> None:
    """S-246, RFC 8628 §5.1: then not even a right one is looked at; another citizen's tries are their own."""
    deployment.add_citizen(OTHER, "0103801234", "Malthe", "Krag")
    device, guesser = start(device_party(deployment)), DeviceCitizen(deployment)
    answers = [guesser.type_code("BCDF-GHJK").status for _ in range(12)]
    assert answers == [400] * 10 + [429] * 2
    page = guesser.type_code(device.user_code)
    assert page.status == 429 and "error-summary" in page.ids
    assert int(page.headers["Retry-After"]) > 0
    assert "accept" in DeviceCitizen(deployment, OTHER).type_code(device.user_code).ids


@pytest.fixture
def strict(tmp_path: Path, sqlite_url: str, valkey_url: str, clock: FrozenClock) -> Iterator[Deployment]:
    """A provider that forgives few failures of one address."""
    few = {"ADGANG_FAILED_SIGN_INS_PER_ADDRESS": "5"}
    with running_deployment(tmp_path, sqlite_url, valkey_url, clock, **few) as running:
        yield running


def test_guesses_at_user_codes_and_at_passwords_share_one_budget(strict: Deployment) -> None:
    """S-246: from one address."""
    guesser = DeviceCitizen(strict)
    assert [guesser.type_code("BCDF-GHJK").status for _ in range(6)] == [400] * 5 + [429]
    stranger = CitizenBrowser(strict.issuer)
    page = stranger.submit(stranger.get("/me/security"), "/password", user_id="somebody", password="else")
    assert page.status == 429


def test_a_stranger_who_is_not_signed_in_learns_nothing_of_a_code(deployment: Deployment) -> None:
    """RFC 8628 §5.1: right and wrong are answered alike, by a sign-in."""
    device = start(device_party(deployment))
    for code in (device.user_code, "BCDF-GHJK"):
        page = CitizenBrowser(deployment.issuer).post("/device", {"user_code": code, "csrf_token": "x"})
        assert page.status == 200 and "user-id" in page.ids


def test_user_codes_and_device_codes_have_their_entropy(deployment: Deployment) -> None:
    """RFC 8628 §6.1, S-075: eight of twenty letters, 256 bits, none like the one before."""
    service = device_party(deployment)
    devices = [start(service) for _ in range(25)]
    letters = [device.user_code.replace("-", "") for device in devices]
    assert len(set(letters)) == 25 and set("".join(letters)) <= set("BCDFGHJKLMNPQRSTVWXZ")
    assert all(len({code[place] for code in letters}) > 3 for place in range(8))
    assert all(len(device.told["device_code"]) == 43 for device in devices)


def test_guesses_at_device_codes_are_counted(deployment: Deployment) -> None:
    """S-075: 429 beyond the limit, no row for a miss; whoever has a real one is served."""
    service, limit = device_party(deployment), deployment.wiring.policy.code_failures_per_window
    device = approved_by(start(service), session_of(deployment))
    answers = [poll_as(service, new_secret()).status_code for _ in range(limit + 2)]
    assert answers == [400] * limit + [429] * 2
    for odd in ("", "x", "æ" * 43, device.told["device_code"] + "A", device.user_code):
        assert poll_as(service, odd).status_code in (400, 429)
    assert device.outcome() == "tokens"


def test_a_public_client_cannot_fill_the_store(deployment: Deployment) -> None:
    """It proves nothing, so its devices are counted by address; a confidential client's are not."""
    service, limit = device_party(deployment), deployment.wiring.policy.device_requests_per_window
    assert [ask(service).status_code for _ in range(limit + 2)] == [200] * limit + [429] * 2
    assert ask(device_party(deployment, "confidential")).status_code == 200


def test_no_code_of_a_device_stands_in_the_log(deployment: Deployment) -> None:
    """S-366: neither of the two, nor what was typed, whatever came of it."""
    with logged_as_in_service("DEBUG") as log:
        device, citizen = start(device_party(deployment)), DeviceCitizen(deployment)
        device.outcome()
        citizen.type_code("BCDF-GHJK")
        citizen.answer(citizen.type_code(device.user_code), "accept")
        assert device.outcome() == "tokens"
        refused(device.poll())
    written = log.getvalue()
    assert "refused" in written
    for secret in (device.told["device_code"], device.user_code, device.user_code.replace("-", ""), "BCDF"):
        assert secret not in written


# --- whose answer it is ----------------------------------------------------------------------------------------------


def test_the_page_of_an_answer_is_nothing_in_another_browser(deployment: Deployment) -> None:
    """S-028: the attacker sends on the address of the page, and the victim who is signed in opens it."""
    deployment.add_citizen(OTHER, "0103801234", "Malthe", "Krag")
    device = start(device_party(deployment))
    attacker, victim = DeviceCitizen(deployment, OTHER), DeviceCitizen(deployment)
    page = attacker.type_code(device.user_code)
    victim.open()
    address = page.form("/device").action
    assert victim.browser.get(address.removesuffix("/device")).status == 403
    posted = victim.browser.post(address, {**page.form("/device").fields, "decision": "accept"})
    assert posted.status == 403
    assert device.outcome() == "authorization_pending"


def test_whoever_typed_the_code_is_the_one_who_answers(deployment: Deployment) -> None:
    """S-028: the session ends, and somebody else signs in with the same browser, between the code and the answer."""
    deployment.add_citizen(OTHER, "0103801234", "Malthe", "Krag")
    device, first = start(device_party(deployment)), DeviceCitizen(deployment)
    page = first.type_code(device.user_code)
    deployment.wiring.services.browser_sessions.forget_all_of(first.citizen_id)
    second = DeviceCitizen(deployment, OTHER)
    second.browser = first.browser
    second.open()
    answered = first.answer(page, "accept")
    assert answered.status == 403 and "notice" in answered.ids and 'href="/device"' in answered.html
    assert device.outcome() == "authorization_pending", "nothing was decided"


def test_a_yes_in_one_tab_says_nothing_about_another_device(deployment: Deployment) -> None:
    """RFC 8628 §5.4: an attacker's code was typed in one tab, the citizen says yes to their own in the other."""
    service, citizen = device_party(deployment), DeviceCitizen(deployment)
    strangers, own = start(service), start(service)
    waiting, mine = citizen.type_code(strangers.user_code), citizen.type_code(own.user_code)
    citizen.answer(mine, "accept")
    assert "accept" in citizen.browser.get(waiting.url).ids
    assert (strangers.outcome(), own.outcome()) == ("authorization_pending", "tokens")
    token = mine.form("/device").fields["csrf_token"]
    forged = citizen.browser.submit(waiting, "/device", decision="accept", csrf_token=token)
    assert forged.status == 403, "S-217: a token is for one attempt"


def test_no_link_brings_a_code_along(deployment: Deployment) -> None:
    """RFC 8628 §5.4: nothing in the address fills in the form or sends it."""
    device, citizen = start(device_party(deployment)), DeviceCitizen(deployment)
    citizen.open()
    for query in (f"?user_code={device.user_code}", f"?code={device.user_code}&confirm=1"):
        page = citizen.browser.get("/device" + query)
        assert "user-code" in page.ids and device.user_code not in page.html.replace(query, "")
    head = citizen.browser.session.head(f"{deployment.issuer}/device", timeout=20)
    assert head.status_code == 200 and not head.content


def test_a_code_is_typed_at_our_page_only(deployment: Deployment) -> None:
    """S-216, S-217: not from another site, and not with another page's token."""
    device, citizen = start(device_party(deployment)), DeviceCitizen(deployment)
    citizen.open()
    good = citizen.browser.get("/device").form("/device").fields
    cross = citizen.browser.post(
        "/device", {**good, "user_code": device.user_code}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    other = citizen.browser.get("/").form("/sign-out").fields["csrf_token"]
    for page in (cross, *(citizen.browser.post("/device", {"user_code": device.user_code, "csrf_token": token})
                          for token in ("", other, good["csrf_token"][:-1]))):  # fmt: skip
        assert page.status == 403


# --- once means once ---------------------------------------------------------------------------------------------------


def test_of_two_citizens_who_say_yes_at_once_one_is_heard(deployment_each: Deployment) -> None:
    """RFC 8628 §5.4: the device becomes one of them, and the other is told that it is too late."""
    deployment = deployment_each
    deployment.add_citizen(OTHER, "0103801234", "Malthe", "Krag")
    service = device_party(deployment)
    people = [DeviceCitizen(deployment), DeviceCitizen(deployment, OTHER)]
    for _ in range(3):
        device = start(service)
        pages = [person.type_code(device.user_code) for person in people]
        gate, statuses = threading.Barrier(2), [0, 0]

        def press(
            which: int, gate: threading.Barrier = gate, pages: list = pages, told: list = statuses
        ) -> None:  # type: ignore[type-arg]
            gate.wait()
            told[which] = people[which].answer(pages[which], "accept").status

        threads = [threading.Thread(target=press, args=(which,)) for which in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [200, 409]
        given = device.poll().json()
        winner = people[statuses.index(200)]
        registered = deployment.wiring.services.registry.find_client(service.client.client_id)
        assert registered is not None
        subject = deployment.wiring.services.subjects.for_client(registered.client, winner.citizen_id)
        assert claims_of(given["id_token"])["sub"] == subject
        assert winner.events()[-2:] == ["device-authorized", "token-issued"]


def test_a_no_after_a_yes_changes_nothing(deployment: Deployment) -> None:
    device, citizen = start(device_party(deployment)), DeviceCitizen(deployment)
    page = citizen.type_code(device.user_code)
    citizen.answer(page, "accept")
    for decision in ("decline", "accept"):
        assert citizen.answer(page, decision).status == 409
    assert device.outcome() == "tokens"


def test_an_answer_stands_for_as_long_as_anybody_could_give_another(
    tmp_path: Path, sqlite_url: str, valkey_url: str, clock: FrozenClock
) -> None:
    """RFC 8628 §5.4: also where sign-ins end sooner than a device's codes, and what can no longer matter was removed."""
    hasty = {"ADGANG_LOGIN_ATTEMPT_SECONDS": "60"}
    with running_deployment(tmp_path, sqlite_url, valkey_url, clock, **hasty) as deployment:
        deployment.add_citizen(OTHER, "0103801234", "Malthe", "Krag")
        device = start(device_party(deployment))
        people = [DeviceCitizen(deployment), DeviceCitizen(deployment, OTHER)]
        asked = [person.type_code(device.user_code) for person in people]
        assert people[0].answer(asked[0], "decline").status == 200
        clock.forward(seconds=180)
        deployment.wiring.sweep()
        assert people[1].answer(asked[1], "accept").status == 409
        assert device.outcome() == "access_denied"


def test_a_device_code_is_redeemed_once_and_a_second_time_ends_what_it_gave(deployment: Deployment) -> None:
    """S-068, S-069."""
    service = device_party(deployment)
    device = approved_by(start(service), session_of(deployment))
    access_token = device.poll().json()["access_token"]
    assert service.userinfo(access_token).status_code == 200
    refused(device.poll())
    assert service.userinfo(access_token).status_code == 401


def test_polls_at_once_give_one_answer_with_tokens(deployment: Deployment) -> None:
    """S-068: by the pace or by the row in SQL."""
    service = device_party(deployment)
    device = approved_by(start(service), session_of(deployment))
    gate, statuses = threading.Barrier(4), []

    def redeem() -> None:
        gate.wait()
        statuses.append(poll_as(service, device.told["device_code"]).status_code)

    threads = [threading.Thread(target=redeem) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses.count(200) == 1 and set(statuses) == {200, 400}


def test_a_decision_is_not_forgotten_by_redis_twice(deployment: Deployment) -> None:
    """S-319, once means once: Redis brings back what was redeemed, and SQL knows."""
    service = device_party(deployment)
    device = approved_by(start(service), session_of(deployment))
    store = deployment.wiring.redis
    kept = {key: store.dump(key) for key in store.keys("adgang:device-*")}
    assert device.outcome() == "tokens"
    for key, value in kept.items():
        store.restore(key, 600_000, value, replace=True)
    refused(device.poll())


# --- other clients -----------------------------------------------------------------------------------------------------


def test_another_client_gets_nothing_for_a_device_code_and_spends_nothing(deployment: Deployment) -> None:
    """S-071, S-078."""
    service, other = device_party(deployment), device_party(deployment, "confidential")
    device = approved_by(start(service), session_of(deployment))
    for _ in range(3):
        refused(poll_as(other, device.told["device_code"]))
    assert device.outcome(0) == "tokens", "nor did it slow the device down"


def test_a_user_code_is_no_device_code_and_the_other_way_round(deployment: Deployment) -> None:
    service = device_party(deployment)
    device = approved_by(start(service), session_of(deployment))
    refused(poll_as(service, device.user_code))
    fields = {"grant_type": "authorization_code", "code": device.told["device_code"], "redirect_uri": ""}
    assert service.post("/token", fields).json()["error"] == "unauthorized_client"


@pytest.mark.parametrize("withdrawn", ["client", "grant", "purpose"])
def test_what_a_client_may_no_more_is_not_answered(deployment: Deployment, withdrawn: str) -> None:
    """S-035: neither where the code is typed, nor at the page that was open already."""
    service, citizen = device_party(deployment, "confidential"), DeviceCitizen(deployment)
    open_page, waiting = citizen.type_code(start(service).user_code), start(service)
    _withdraw(deployment, service, withdrawn)
    assert citizen.answer(open_page, "accept").status == 403
    assert citizen.type_code(waiting.user_code).status == 403


def _withdraw(deployment: Deployment, service: RelyingParty, what: str) -> None:
    registry, client_id = deployment.wiring.registry_services, service.client.client_id
    registered = deployment.wiring.services.registry.find_client(client_id)
    assert registered is not None
    metadata = metadata_of(registered.client)
    if what == "grant":
        metadata |= {"grant_types": ["authorization_code"], "redirect_uris": ["http://localhost:9/callback"]}
    if what == "purpose":
        metadata["purposes"][0]["id"] = "another"

    def work(tx: object) -> None:
        if what == "client":
            registry.registrations.disable(tx, client_id, actor="operator:test")
        else:
            registry.registrations.change(tx, client_id, metadata, actor="operator:test")

    registry.transact(work)
    deployment.clock.forward(seconds=2)


def test_a_device_code_is_good_for_its_own_device_only(deployment: Deployment) -> None:
    """Two devices of one client: each hears its own answer."""
    service = device_party(deployment)
    one, two = start(service), start(service)
    approved_by(one, session_of(deployment))
    assert _outcomes(one, two) == ["tokens", "authorization_pending"]


def _outcomes(*devices: Device) -> list[str]:
    return [device.outcome() for device in devices]
