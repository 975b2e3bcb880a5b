"""One lock for each authenticator, whichever route verifies it: password page, six digits, keys, recovery, portal.

Failures at one route count at every other that verifies the same authenticator, and a right answer at one forgives at
every other. What counts is read from the citizen's ledger: a try that was looked at stands there, one that was refused
does not. Activation verifies a letter and no authenticator: its guesses are counted by address, with all the others.
"""

import ast
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from sqlalchemy import Connection

from idp.letters.codes import new_code
from mfa import events, lockout
from mfa.factors import FactorKind
from mfa.in_sql import Failures
from tests.support.authenticator import Authenticator
from tests.support.citizen_browser import CitizenBrowser, Page
from tests.support.clock import FrozenClock
from tests.support.deployment import PASSWORD, Deployment, running_deployment
from tests.support.invited import ActivationJourney, invite
from tests.support.journey import USER, add_key, begin
from tests.support.own_pages import ROOT

WRONG = "not the password at all"
STOLEN = {"signature": b"x" * 70}
WAITS = (10, 20, 40, 80, 160)
"""After the fifth failure in a row and those that follow, until the tenth."""


@dataclass
class Room:
    """One citizen, a browser that the citizen has used, and what stands in the ledger."""

    deployment: Deployment
    home: CitizenBrowser
    key: Authenticator | None
    strangers: bool = False
    recovery_codes: list[str] = field(default_factory=list)
    address: str = ""
    """Whence its browsers come, told by a proxy that is trusted."""

    @property
    def citizen_id(self) -> str:
        return self.deployment.citizens[USER].citizen.citizen_id

    def browser(self) -> CitizenBrowser:
        """A new one, which the citizen has used before unless the tries are a stranger's."""
        new = CitizenBrowser(self.deployment.issuer)
        if self.address:
            new.session.headers["X-Forwarded-For"] = self.address
        for kept in self.home.session.cookies:
            if kept.name.endswith("-known") and not self.strangers:
                new.session.cookies.set_cookie(kept)
        return new

    def recovery_code(self) -> str:
        """A fresh one."""
        if not self.recovery_codes:
            issued = self.deployment.wiring.services.recovery_codes.renew(
                self.citizen_id, now=self.deployment.clock()
            )
            self.recovery_codes.extend(issued.codes)
        return self.recovery_codes.pop()

    def tried(self, kind: FactorKind) -> tuple[int, int]:
        """How often a factor of this kind failed and was proven."""
        found = self.deployment.wiring.ledger.of_citizen(self.citizen_id, limit=1000)
        told = [entry.event for entry in found if entry.facts.get("kind") == kind.value]
        return told.count(events.FACTOR_FAILED), told.count(events.FACTOR_VERIFIED)

    def failures(self, kind: FactorKind) -> int:
        """In a row, on the one authenticator of this kind."""
        standings = self.deployment.wiring.services.factor_overview.of_citizen(
            self.citizen_id, self.deployment.clock()
        )
        (count,) = [standing.failures for standing in standings if standing.factor.kind is kind]
        return count


def has_form(page: Page, ending: str) -> bool:
    return any(form.action.endswith(ending) for form in page.forms)


class Station(ABC):
    """One route that verifies, in one browser."""

    kind: FactorKind
    ending: str
    """Of the form's address."""
    refused_with = 429

    def __init__(self, room: Room) -> None:
        self.room = room
        self.browser = room.browser()
        self.page: Page | None = None
        self.shown_at = room.deployment.clock()

    @abstractmethod
    def reach(self) -> Page:
        """The page with the form, from anywhere."""

    @abstractmethod
    def typed(self, page: Page, *, right: bool) -> dict[str, str]: ...

    def open(self) -> None:
        """Have the form at hand, not older than a challenge lives."""
        now = self.room.deployment.clock()
        shows = self.page is not None and has_form(self.page, self.ending)
        if not shows or now - self.shown_at > timedelta(minutes=3):
            self.page = self.reach()
            self.shown_at = self.room.deployment.clock()

    def send(self, *, right: bool) -> str:
        """`wrong` and `proven` were looked at, `refused` was not."""
        self.open()
        assert self.page is not None
        typed = self.typed(self.page, right=right)
        failed, proven = self.room.tried(self.kind)
        self.page = self.browser.submit(self.page, self.ending, **typed)
        now_failed, now_proven = self.room.tried(self.kind)
        if now_proven > proven:
            assert now_failed == failed
            return "proven"
        assert self.page.status == (400 if now_failed > failed else self.refused_with), self.page.words
        if self.page.status == 429:
            assert int(self.page.headers["Retry-After"]) > 0
        if now_failed > failed:
            return "wrong"
        self.page = None  # a lock ends what was half proven (S-247)
        return "refused"

    # What the stations below have in common.

    def digits(self, *, right: bool) -> str:
        code = self.room.deployment.code_of(USER)
        return code if right else f"{(int(code) + 1) % 1_000_000:06}"

    def touch(self, page: Page, *, right: bool) -> dict[str, str]:
        assert self.room.key is not None
        options = page.form(self.ending).options
        return {"credential": self.room.key.get(options, **({} if right else STOLEN))}

    def recovery(self, lost: str, *, shown: bool = False) -> None:
        """Begin one; with `shown`, a recovery code is shown first."""
        self.browser = self.room.browser()
        page = self.browser.submit(self.browser.get("/recover"), "/begin", lost=lost)
        self.browser.submit(page, "/who", user_id=USER)
        if shown:
            page = self.browser.get("/recover/step?way=recovery-code")
            self.browser.submit(page, "/recovery-code", recovery_code=self.room.recovery_code())

    def asked_again(self) -> Page:
        """In the session at home, when its last proof is five minutes old."""
        self.browser = self.room.home
        page = self.browser.get(f"{ROOT}/contact")
        if has_form(page, self.ending):
            return page
        self.room.deployment.clock.forward(seconds=300)
        return self.browser.get(f"{ROOT}/contact")

    def second_step(self) -> Page:
        journey = begin(self.room.deployment, self.browser)
        return journey.password()


class PasswordPage(Station):
    kind, ending = FactorKind.PASSWORD, "/password"

    def reach(self) -> Page:
        return begin(self.room.deployment, self.browser).page

    def typed(self, page: Page, *, right: bool) -> dict[str, str]:
        return {"user_id": USER, "password": PASSWORD if right else WRONG}


class PasswordInRecovery(Station):
    kind, ending = FactorKind.PASSWORD, "/recover/password"

    def reach(self) -> Page:
        self.recovery("factor")
        return self.browser.get("/recover/step?way=password")

    def typed(self, page: Page, *, right: bool) -> dict[str, str]:
        return {"password": PASSWORD if right else WRONG}


class PresentPassword(Station):
    """With a new password that may not be chosen, so that a right present one changes nothing."""

    kind, ending = FactorKind.PASSWORD, f"{ROOT}/password"

    def reach(self) -> Page:
        self.browser = self.room.home
        page = self.browser.get(f"{ROOT}/password")
        if has_form(page, "/key"):  # the last proof is not fresh any more
            assert self.room.key is not None
            page = self.browser.use_key(page, "/key", self.room.key)
        return page

    def typed(self, page: Page, *, right: bool) -> dict[str, str]:
        return {"current_password": PASSWORD if right else WRONG, "new_password": "kort"}


class SixDigits(Station):
    kind, ending = FactorKind.TOTP, "/totp"

    def reach(self) -> Page:
        return self.second_step()

    def typed(self, page: Page, *, right: bool) -> dict[str, str]:
        return {"code": self.digits(right=right)}


class SixDigitsAgain(SixDigits):
    """A fresh proof in a session, for a page of one's own."""

    def reach(self) -> Page:
        return self.asked_again()


class SixDigitsInRecovery(SixDigits):
    ending = "/recover/totp"

    def reach(self) -> Page:
        self.recovery("password", shown=True)
        return self.browser.get("/recover/step?way=totp")


class Passkey(Station):
    kind, ending = FactorKind.WEBAUTHN, "/passkey"

    def reach(self) -> Page:
        return begin(self.room.deployment, self.browser).page

    def typed(self, page: Page, *, right: bool) -> dict[str, str]:
        return self.touch(page, right=right)


class PasskeyInRecovery(Passkey):
    ending = "/recover/passkey"

    def reach(self) -> Page:
        self.recovery("password")
        return self.browser.get("/recover/step?way=passkey")


class SecondKey(Passkey):
    ending = "/key"

    def reach(self) -> Page:
        return self.second_step()


class KeyAgain(SecondKey):
    """A fresh proof in a session, for a page of one's own."""

    def reach(self) -> Page:
        return self.asked_again()


class KeyInRecovery(Passkey):
    ending = "/recover/key"

    def reach(self) -> Page:
        self.recovery("password", shown=True)
        return self.browser.get("/recover/step?way=key")


class RecoveryCode(Station):
    kind, ending = FactorKind.RECOVERY_CODE, "/recover/recovery-code"
    lost = "password"

    def reach(self) -> Page:
        self.room.recovery_code()  # there is a set
        self.recovery(self.lost)
        return self.browser.get("/recover/step?way=recovery-code")

    def typed(self, page: Page, *, right: bool) -> dict[str, str]:
        return {"recovery_code": self.room.recovery_code() if right else "AAAA-AAAA-AAAA-AAAA"}


class RecoveryCodeForAFactor(RecoveryCode):
    lost = "factor"


PASSWORDS = (PasswordPage, PasswordInRecovery, PresentPassword)
APPS = (SixDigits, SixDigitsAgain, SixDigitsInRecovery)
KEYS = (Passkey, SecondKey, KeyAgain, PasskeyInRecovery, KeyInRecovery)
CODES = (RecoveryCode, RecoveryCodeForAFactor)
ALL = (*PASSWORDS, *APPS, *KEYS, *CODES)
OF_STRANGERS = (PasswordPage, PasswordInRecovery, Passkey, SecondKey, PasskeyInRecovery)
"""What needs no session and no proof that a stranger lacks (the second key: whoever has learnt the password)."""

FIRST = {FactorKind.PASSWORD: PasswordPage, FactorKind.TOTP: SixDigits, FactorKind.WEBAUTHN: Passkey}


def room_for(deployment: Deployment, kind: FactorKind, *, strangers: bool = False) -> Room:
    """The citizen is at home: signed in, without a try at the authenticator in question."""
    key = None if kind is FactorKind.TOTP else add_key(deployment)
    journey = begin(deployment)
    if key is None:
        journey.sign_in()
        deployment.clock.forward(seconds=30)
    else:
        journey.passkey(key)
    return Room(deployment, journey.browser, key, strangers)


@pytest.mark.parametrize(
    ("station", "strangers"),
    [(each, False) for each in ALL] + [(each, True) for each in OF_STRANGERS],
    ids=lambda value: ("strangers" if value else "known") if isinstance(value, bool) else value.__name__,
)
def test_failures_at_one_route_count_at_every_other(
    deployment: Deployment, station: type[Station], strangers: bool
) -> None:
    """S-246, S-247, S-239, by authenticator: below the limit, slowed, blocked, and after it is reset."""
    room, clock = room_for(deployment, station.kind, strangers=strangers), deployment.clock
    here = station(room)
    others = [
        each(room)
        for each in (OF_STRANGERS if strangers else ALL)
        if each.kind is station.kind and each is not station
    ]
    everywhere = [here, *others]
    for each in everywhere:  # all are at their form before anything fails
        each.open()

    # below the limit: looked at everywhere, and counted together
    assert [here.send(right=False) for _ in range(4)] == ["wrong"] * 4
    assert (others or [here])[-1].send(right=False) == "wrong"
    assert room.failures(station.kind) == lockout.SLOWED_FROM
    # slowed: not even the right answer is looked at, anywhere
    assert [each.send(right=True) for each in everywhere] == ["refused"] * len(everywhere)
    assert room.failures(station.kind) == lockout.SLOWED_FROM
    # blocked
    for wait in WAITS:
        clock.forward(seconds=wait)
        assert here.send(right=False) == "wrong"
    assert room.failures(station.kind) == lockout.BLOCKED_FROM
    clock.forward(seconds=599)
    assert [each.send(right=True) for each in everywhere] == ["refused"] * len(everywhere)
    # the block is over: a right answer anywhere forgives everywhere
    clock.forward(seconds=1)
    assert (others or [here])[0].send(right=True) == "proven"
    assert room.failures(station.kind) == 0
    clock.forward(seconds=30)
    assert [here.send(right=False) for _ in range(5)] == ["wrong"] * 5


@pytest.mark.parametrize("kind", FIRST)
def test_no_further_failure_than_the_hundredth_is_looked_at_anywhere(
    deployment: Deployment, kind: FactorKind
) -> None:
    """S-239: for good, with right answers, at every route that would look at it otherwise."""
    room = room_for(deployment, kind)
    services, first = deployment.wiring.services, FIRST[kind](room)
    (factor,) = [each for each in services.factors.of_citizen(room.citizen_id) if each.kind is kind]
    almost = lockout.Failures(
        strangers=lockout.FailureCount(lockout.STRANGERS_LIMIT),
        known=lockout.FailureCount(lockout.LIMIT - lockout.STRANGERS_LIMIT - 1),
    )
    keep(deployment, factor.factor_id, almost)
    assert first.send(right=False) == "wrong"
    tried = room.tried(kind)
    deployment.clock.forward(seconds=900)  # beyond every wait
    asked = 0
    for station in (each for each in ALL if each.kind is kind):
        made = station(room)
        page = made.reach()
        if has_form(page, made.ending):  # a key that is disabled is hardly asked for any more
            made.browser.submit(page, made.ending, **made.typed(page, right=True))
            asked += 1
    assert asked
    assert room.tried(kind) == tried


def keep(deployment: Deployment, authenticator: str, failures: lockout.Failures) -> None:
    kept = Failures(deployment.wiring.database.reading)

    def work(tx: Connection) -> None:
        kept.lock(tx, authenticator, citizen_id=None)
        kept.keep(tx, authenticator, failures)

    deployment.wiring.database.transact(work)


@pytest.fixture
def proxied(tmp_path: Path, sqlite_url: str, valkey_url: str, clock: FrozenClock) -> Iterator[Deployment]:
    """A provider that believes the proxy on this machine about addresses."""
    trusting = {"ADGANG_TRUSTED_PROXIES": "127.0.0.0/8,::1/128", "ADGANG_FAILED_SIGN_INS_PER_ADDRESS": "5"}
    with running_deployment(tmp_path, sqlite_url, valkey_url, clock, **trusting) as running:
        yield running


def test_an_attacker_who_knows_the_user_id_does_not_keep_the_citizens_passkey_out(
    proxied: Deployment,
) -> None:
    """S-240: from as many addresses as it takes, at every route that asks nobody for a proof first, until each
    authenticator is closed to strangers; the citizen then signs in from a browser that nobody has seen."""
    deployment, key = proxied, add_key(proxied)
    citizen_id = deployment.citizens[USER].citizen.citizen_id
    deployment.wiring.services.recovery_codes.renew(citizen_id, now=deployment.clock())
    attacker = Room(deployment, CitizenBrowser(deployment.issuer), None, strangers=True)
    attacker.recovery_codes.extend(["unknown"] * 12)
    addresses = (f"198.51.{n}.7" for n in range(250))
    for station in (PasswordPage, PasswordInRecovery, RecoveryCode):
        for _ in range(12):
            made = station(replace(attacker, address=next(addresses)))
            page = made.reach()
            answer = made.typed(page, right=False)
            assert made.browser.submit(page, made.ending, **answer).status in (400, 429)
    closed = lockout.Failures(strangers=lockout.FailureCount(lockout.STRANGERS_LIMIT))
    for factor in deployment.wiring.services.factors.of_citizen(citizen_id):
        if factor.kind is not FactorKind.WEBAUTHN:
            keep(deployment, factor.factor_id, closed)
    guessed = Authenticator(origin=deployment.issuer, user_handle=key.user_handle)
    for _ in range(12):  # a key that nobody has, in the citizen's name
        journey = begin(deployment, replace(attacker, address=next(addresses)).browser())
        assert journey.passkey(guessed).status in (400, 429)
    citizen = replace(attacker, address="203.0.113.9", key=key)
    assert "released" in begin(deployment, citizen.browser()).passkey(key).ids
    assert PasskeyInRecovery(citizen).send(right=True) == "proven"


def test_guesses_from_the_same_address_do_not_keep_a_passkey_out(deployment: Deployment) -> None:
    """S-240, S-250: strangers behind one's own address fill the limit on guesses."""
    key = add_key(deployment)
    limit, rates = deployment.settings.failed_sign_ins_per_address, deployment.wiring.services.rates
    for name, address in (("failed-sign-in", "127.0.0.1"), ("failed-sign-in-around", "127.0.0.0/24")):
        for _ in range(limit * 10):
            rates.count(name, address, timedelta(minutes=10))
    assert begin(deployment).password().status == 429
    journey = begin(deployment)
    assert "released" in journey.passkey(key).ids
    journey.answer()
    deployment.clock.forward(seconds=301)
    page = journey.browser.get(f"{ROOT}/contact")
    assert "email" in journey.browser.use_key(page, "/key", key).ids, "a fresh proof in a session"


def test_a_flood_of_keys_fills_a_wider_limit_of_its_own(deployment: Deployment) -> None:
    """S-250: and that one keeps no password out."""
    key = add_key(deployment)
    limit, rates = deployment.settings.failed_sign_ins_per_address, deployment.wiring.services.rates
    for _ in range(3):
        assert begin(deployment).passkey(key, **STOLEN).status == 400
    for _ in range(limit * 10 - 3):
        rates.count("failed-key", "127.0.0.1", timedelta(minutes=10))
    assert begin(deployment).passkey(key).status == 429
    assert begin(deployment).password().status == 200


@pytest.mark.parametrize("station", [Passkey, PasskeyInRecovery])
def test_no_page_tells_an_unknown_key_from_a_wrong_signature(
    deployment: Deployment, station: type[Station]
) -> None:
    """S-291: status, headers and words, into the slowed and blocked answers too."""
    seen: dict[str, list[object]] = {}
    for known in (True, False):
        key = add_key(deployment)
        held = key if known else Authenticator(origin=deployment.issuer, user_handle=key.user_handle)
        room = Room(deployment, CitizenBrowser(deployment.issuer), held, strangers=True)
        for n in range(12):
            made = station(room)
            page = made.reach()
            page = made.browser.submit(page, made.ending, **made.typed(page, right=False))
            headers = {name: page.headers.get(name) for name in ("Retry-After", "Cache-Control", "Location")}
            alike = re.sub(rf":{deployment.settings.issuer.rpartition(':')[2]}\b", "", page.words)
            seen.setdefault(str(known), []).append((page.status, headers, sorted(page.headers), alike))
            deployment.clock.forward(seconds=0 if n < 6 else 15)
        deployment.clock.forward(seconds=1200)
    assert [answer[0] for answer in seen["True"]][:6] == [400] * 5 + [429]  # type: ignore[index]
    assert seen["True"] == seen["False"]


@pytest.mark.parametrize("route", ["activation", "recovery letter", "stop code"])
def test_guesses_at_what_is_no_authenticator_are_counted_by_address_with_all_others(
    deployment: Deployment, route: str
) -> None:
    """S-246: the last guess that an address has, spent at any of them, keeps it from the password page, and reverse."""
    limit, rates = deployment.settings.failed_sign_ins_per_address, deployment.wiring.services.rates
    for _ in range(limit - 1):
        rates.count("failed-sign-in", "127.0.0.1", timedelta(minutes=10))
    assert "code" in begin(deployment).password().ids
    assert guess_at(deployment, route) == 400
    assert begin(deployment).password().status == 429
    assert guess_at(deployment, route) == 429


def guess_at(deployment: Deployment, route: str) -> int:
    if route == "activation":
        return ActivationJourney(deployment, invite(deployment)).type_code(new_code()).status
    browser = CitizenBrowser(deployment.issuer)
    if route == "stop code":
        return browser.submit(browser.get("/stop"), "/stop", stop_code="AAAA-AAAA-AAAA-AAAA").status
    page = browser.submit(browser.get("/recover"), "/begin", lost="user-id")
    if page.status == 429:
        return 429
    page = browser.get("/recover/step?way=letter")
    return browser.submit(page, "/letter", letter_code=new_code()).status


def test_no_endpoint_for_machines_looks_at_a_citizens_password(deployment: Deployment) -> None:
    """S-246: the API verifies no factor at all, so it has nothing to count."""
    client = deployment.clients["Sundhedstider"]
    answer = requests.post(
        deployment.issuer + "/token",
        data={"grant_type": "password", "username": USER, "password": PASSWORD, "scope": "openid"},
        auth=(client.client_id, client.secret or ""),
        timeout=20,
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")
    assert deployment.wiring.passwords.hashes_computed == 0


def test_every_route_that_verifies_is_in_the_matrix() -> None:
    """Whoever calls `verification.verify` anew must add a station above."""
    root = Path(__file__).parents[2]
    callers = {
        str(path.relative_to(root))
        for path in (root / "idp").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr == "verify"
        and isinstance(node.value, ast.Attribute)
        and node.value.attr.endswith("verification")
    }
    assert callers == {
        "idp/login/first_factor.py",
        "idp/login/passkey.py",
        "idp/login/second_factor.py",
        "idp/portal/recovery/proofs.py",
        "idp/portal/security/password.py",
    }
