"""WebAuthn challenges, at every page that asks for one: each counts where it was asked, once, and for five minutes.

Nine pages ask: four of a sign-in or a recovery for a key that is there, the proof in a session, and three that add one;
the ninth is the first page again, in another browser. A challenge is spent when it comes back, before anything that
came with it is looked at (S-265).
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from idp.ceremonies import SIGN_IN, CeremonyGone
from mfa.webauthn import Ceremony
from tests.storage.mfa_world import all_at_once
from tests.support.authenticator import Authenticator, b64, unb64
from tests.support.citizen_browser import CitizenBrowser, Page
from tests.support.deployment import PASSWORD, Deployment
from tests.support.invited import ActivationJourney, invite
from tests.support.journey import USER, Journey, add_key, begin
from tests.support.own_pages import ROOT

OTHER, CPR = "malthe.krag", "8802701235"


@dataclass
class Place:
    """A page with a ceremony, in one browser."""

    deployment: Deployment
    citizen_id: str
    browser: CitizenBrowser
    path: str
    ending: str
    key: Authenticator | None
    """None: the page adds one."""

    def ask(self) -> tuple[Page, dict[str, Any]]:
        page = self.browser.get(self.path)
        return page, page.form(self.ending).options

    def answer(self, options: dict[str, Any], challenge: str | None = None, **wrong: Any) -> str:
        asked = options if challenge is None else {**options, "challenge": challenge}
        if self.key is not None:
            return self.key.get(asked, **wrong)
        return Authenticator(origin=self.deployment.issuer).create(asked, **wrong)

    def send(self, page: Page, credential: str) -> Page:
        return self.browser.submit(page, self.ending, credential=credential, name="Nøgle")

    @property
    def rows(self) -> int:
        """In the citizen's ledger: something was looked at, proven or added."""
        return len(self.deployment.wiring.ledger.of_citizen(self.citizen_id, limit=1000))

    def refuses(self, page: Page, credential: str) -> bool:
        """Not looked at: no row is written, and nobody is further than before."""
        before = self.rows
        answer = self.send(page, credential)
        return self.rows == before and answer.status == 400

    def accepts(self, page: Page, credential: str) -> bool:
        before = self.rows
        return self.send(page, credential).status == 200 and self.rows > before


def first_page(deployment: Deployment, user_id: str = USER, key: Authenticator | None = None) -> Place:
    journey = begin(deployment)
    own = key or add_key(deployment, user_id)
    return Place(deployment, id_of(deployment, user_id), journey.browser, journey.address, "/passkey", own)


def second_page(deployment: Deployment, user_id: str = USER, key: Authenticator | None = None) -> Place:
    own = key or add_key(deployment, user_id)
    journey = begin(deployment)
    journey.password(user_id)
    return Place(deployment, id_of(deployment, user_id), journey.browser, journey.address, "/key", own)


def at_home(deployment: Deployment, key: Authenticator) -> Journey:
    journey = begin(deployment)
    journey.passkey(key)
    return journey


def proof_in_a_session(
    deployment: Deployment, user_id: str = USER, key: Authenticator | None = None
) -> Place:
    own = key or add_key(deployment, user_id)
    browser = at_home(deployment, own).browser
    deployment.clock.forward(seconds=301)
    address = browser.get(f"{ROOT}/contact").form("/key").action.removesuffix("/key")
    return Place(deployment, id_of(deployment, user_id), browser, address, "/key", own)


_printed: dict[tuple[Path, str], list[str]] = {}
"""The recovery codes that are left, by deployment and citizen: a new set would end the recoveries that were begun before."""


def answers_of(deployment: Deployment, user_id: str) -> dict[str, dict[str, str]]:
    """Right ones, for the proofs of a recovery."""
    whose, services = id_of(deployment, user_id), deployment.wiring.services
    if (deployment.settings.state_directory, whose) not in _printed:
        issued = services.recovery_codes.renew(whose, now=deployment.clock())
        _printed[deployment.settings.state_directory, whose] = list(issued.codes)
    code = _printed[deployment.settings.state_directory, whose].pop()
    return {"password": {"password": PASSWORD}, "recovery-code": {"recovery_code": code}}


def show(browser: CitizenBrowser, answers: dict[str, dict[str, str]], *ways: str) -> None:
    for way in ways:
        browser.submit(browser.get(f"/recover/step?way={way}"), f"/{way}", **answers[way])


def recovery(deployment: Deployment, user_id: str, lost: str, *ways: str) -> CitizenBrowser:
    """One in which these proofs were shown."""
    answers, browser = answers_of(deployment, user_id), CitizenBrowser(deployment.issuer)
    page = browser.submit(browser.get("/recover"), "/begin", lost=lost)
    browser.submit(page, "/who", user_id=user_id)
    show(browser, answers, *ways)
    return browser


def passkey_in_recovery(
    deployment: Deployment, user_id: str = USER, key: Authenticator | None = None
) -> Place:
    own = key or add_key(deployment, user_id)
    browser = recovery(deployment, user_id, "password")
    path = "/recover/step?way=passkey"
    return Place(deployment, id_of(deployment, user_id), browser, path, "/recover/passkey", own)


def key_in_recovery(deployment: Deployment, user_id: str = USER, key: Authenticator | None = None) -> Place:
    own = key or add_key(deployment, user_id)
    browser = recovery(deployment, user_id, "password", "recovery-code")
    path = "/recover/step?way=key"
    return Place(deployment, id_of(deployment, user_id), browser, path, "/recover/key", own)


def new_key(deployment: Deployment, user_id: str = USER, key: Authenticator | None = None) -> Place:
    own = key or add_key(deployment, user_id)
    browser = at_home(deployment, own).browser
    return Place(deployment, id_of(deployment, user_id), browser, f"{ROOT}/factors/add-key", "/add-key", None)


def new_key_in_recovery(
    deployment: Deployment, user_id: str = USER, key: Authenticator | None = None
) -> Place:
    del key
    browser = recovery(deployment, user_id, "factor", "password", "recovery-code")
    page = browser.get("/recover/step")
    if any(form.action.endswith("/lost") for form in page.forms):
        browser.submit(page, "/lost")
    path = "/recover/step?way=key"
    return Place(deployment, id_of(deployment, user_id), browser, path, "/new-key", None)


def first_key(deployment: Deployment, user_id: str = USER, key: Authenticator | None = None) -> Place:
    """At the activation of somebody else, whoever `user_id` is."""
    del key
    number = 1 if user_id == USER else 2
    person = invite(deployment, f"Nora Lind{number}", number=number)
    journey = ActivationJourney(deployment, person)
    journey.up_to_factor(f"nora.lind{number}")
    path = "/activate?factor=key"
    return Place(deployment, person.citizen_id, journey.browser, path, "/activate/key", None)


MAKERS: tuple[Callable[..., Place], ...] = (
    proof_in_a_session, first_page, second_page, passkey_in_recovery, key_in_recovery, new_key, first_key, new_key_in_recovery,
)  # fmt: skip
"""The first moves the clock, the last ends every session: so they stand."""


def id_of(deployment: Deployment, user_id: str) -> str:
    return deployment.citizens[user_id].citizen.citizen_id


def test_a_challenge_counts_only_at_the_page_that_asked_for_it(deployment: Deployment) -> None:
    """S-265, S-297: of a registration at a sign-in and reverse, of another browser, another step or another person:
    each page's challenge is answered properly at every other; then each page accepts its own."""
    deployment.add_citizen(OTHER, CPR, "Malthe", "Krag")
    key, theirs = add_key(deployment), add_key(deployment, OTHER)
    places = [maker(deployment, USER, key) for maker in MAKERS]
    places[2:2] = [first_page(deployment, USER, key), second_page(deployment, OTHER, theirs)]
    for target in places:
        page, options = target.ask()
        for source in (place for place in places if place is not target):
            challenge = source.ask()[1]["challenge"]
            assert target.refuses(page, target.answer(options, challenge)), (source, target)
    for place in places:
        page, options = place.ask()
        assert place.accepts(page, place.answer(options)), place


def test_a_challenge_for_a_key_that_is_there_adds_none_in_the_same_recovery(deployment: Deployment) -> None:
    """S-265, S-297: both belong to this browser's recovery; only what they were asked for tells them apart."""
    asked_before = passkey_in_recovery(deployment)
    answers = answers_of(deployment, USER)
    browser = asked_before.browser = CitizenBrowser(deployment.issuer)
    page = browser.submit(browser.get("/recover"), "/begin", lost="factor")
    browser.submit(page, "/who", user_id=USER)
    challenge = asked_before.ask()[1]["challenge"]
    show(browser, answers, "password", "recovery-code")
    page = browser.get("/recover/step")
    browser.submit(page, "/lost")
    adding = Place(
        deployment, asked_before.citizen_id, browser, "/recover/step?way=key", "/recover/new-key", None
    )
    page, options = adding.ask()
    assert adding.refuses(page, adding.answer(options, challenge))
    page, options = adding.ask()
    assert adding.accepts(page, adding.answer(options))


WRONG_ASSERTIONS: dict[str, dict[str, Any]] = {
    "signature": {"signature": b"x" * 70},
    "origin": {"origin": "https://evil.example"},
    "rp id": {"rp_id": "evil.example"},
    "nobody present": {"flags": 0},
    "no client data of this kind": {"kind": "webauthn.create"},
    "another's handle": {"user_handle": b"h" * 64},
}
WRONG_CREATIONS: dict[str, dict[str, Any]] = {
    "origin": {"origin": "https://evil.example"},
    "rp id": {"rp_id": "evil.example"},
    "nobody present": {"flags": 0},
    "format": {"fmt": "fido-u2f"},
    "no client data of this kind": {"kind": "webauthn.get"},
}


@pytest.mark.parametrize("maker", MAKERS)
def test_a_challenge_is_spent_by_whatever_answers_it(
    deployment: Deployment, maker: Callable[..., Place]
) -> None:
    """S-265: after a failure of any kind the right answer to the same challenge is not looked at, and after success
    neither; it has 32 random bytes, new each time."""
    place = maker(deployment)
    seen = set()
    wrongs = WRONG_CREATIONS if place.key is None else WRONG_ASSERTIONS
    for wrong in list(wrongs.values())[:4]:  # the fifth failure slows; what is left is sent below
        page, options = place.ask()
        seen.add(unb64(options["challenge"]))
        assert place.send(page, place.answer(options, **wrong)).status == 400
        assert place.refuses(page, place.answer(options))
    page, options = place.ask()
    seen.add(unb64(options["challenge"]))
    right = place.answer(options)
    assert place.accepts(page, right)
    before = place.rows
    place.send(page, right)
    place.send(page, place.answer(options))
    assert place.rows == before
    assert len(seen) == 5 and all(len(challenge) == 32 for challenge in seen)


@pytest.mark.parametrize("maker", [maker for maker in MAKERS if maker is not new_key])
def test_a_challenge_lives_five_minutes_at_every_page(
    deployment: Deployment, maker: Callable[..., Place]
) -> None:
    """S-265: at 300 seconds it is refused, at 299 another is accepted. The page that adds a key to a session is left
    out, since it wants a proof not older than five minutes itself."""
    place = maker(deployment)
    page, options = place.ask()
    deployment.clock.forward(seconds=150)
    later_page, later_options = place.ask()
    deployment.clock.forward(seconds=150)
    before = place.rows
    place.send(page, place.answer(options))
    assert place.rows == before
    deployment.clock.forward(seconds=149)
    assert place.accepts(later_page, place.answer(later_options))


@pytest.mark.parametrize("maker", [first_page, second_page, passkey_in_recovery])
def test_of_twenty_answers_at_once_one_is_looked_at(
    deployment: Deployment, maker: Callable[..., Place]
) -> None:
    """S-265, S-266: wrong ones, so that spending comes before verifying: one failure is counted, not five."""
    place = maker(deployment)
    page, options = place.ask()
    answers = [place.answer(options, signature=b"x" * (60 + n)) for n in range(20)]
    before = place.rows
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda answer: in_another_tab(place).send(page, answer), answers))
    assert place.rows == before + 1


def test_of_twenty_new_keys_for_one_challenge_one_is_added(deployment: Deployment) -> None:
    """S-265, S-266."""
    place = new_key(deployment)
    page, options = place.ask()
    answers = [place.answer(options) for _ in range(20)]
    before = place.rows
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda answer: in_another_tab(place).send(page, answer), answers))
    assert place.rows == before + 1


def test_a_challenge_is_taken_by_one_of_twenty_at_once(deployment: Deployment) -> None:
    """S-265: in one step of the store, thirty times over."""
    ceremonies, key = deployment.wiring.services.ceremonies, Authenticator(origin=deployment.issuer)
    options = first_page(deployment).ask()[1]
    for _ in range(30):
        ceremony = ceremonies.begin(SIGN_IN, "binding", user_verification_required=True)
        answer = key.get({**options, "challenge": b64(ceremony.challenge)})
        outcomes = all_at_once(20, lambda _, answer=answer: ceremonies.take(SIGN_IN, "binding", answer))  # type: ignore[misc]
        assert sum(isinstance(outcome, Ceremony) for outcome in outcomes) == 1
        assert sum(isinstance(outcome, CeremonyGone) for outcome in outcomes) == 19


def in_another_tab(place: Place) -> Place:
    """The same cookies over a connection of its own."""
    browser = CitizenBrowser(place.deployment.issuer)
    browser.session.cookies.update(place.browser.session.cookies)
    return Place(place.deployment, place.citizen_id, browser, place.path, place.ending, place.key)


def test_a_made_up_challenge_is_refused_everywhere(deployment: Deployment) -> None:
    """S-265."""
    key = add_key(deployment)
    for maker in MAKERS:
        place = maker(deployment, USER, key)
        page, options = place.ask()
        for made_up in (b"", b"\0" * 32, b"x" * 15, b"x" * 2000):
            assert place.refuses(page, place.answer(options, b64(made_up))), (maker, made_up)
