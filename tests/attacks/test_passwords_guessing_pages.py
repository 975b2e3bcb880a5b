"""Guesses through the pages: nobody learns who exists, and no header, spelling or new attempt makes them free."""

import itertools
import re
import sqlite3
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from sqlalchemy import event
from werkzeug.test import Client

from idp.web.password_door import PasswordDoor
from tests.support.citizen_browser import CitizenBrowser, Page
from tests.support.deployment import PASSWORD, Deployment
from tests.support.journey import USER, Journey, begin, party

WRONG = "not the password at all"
NOBODY = "nobody.atal"
"""As long as USER, so that not even a length differs."""

_WINDOW = timedelta(minutes=10)
_OF_THE_ATTEMPT = re.compile(
    r"(?:/login/|attempt=)[\w-]{43}|value=\"[0-9a-f]{64}\"|\"challenge\": \"[\w-]{43}\""
)


def seen(page: Page, user_id: str) -> tuple[object, ...]:
    """All that a stranger can compare: status, headers, cookies, body; without what is random anyway."""
    headers = {k: v for k, v in page.headers.items() if k not in ("Date", "Set-Cookie", "Content-Length")}
    cookies = [name.split("=")[0] for name in page.headers.get("Set-Cookie", "").split(", ")]
    return page.status, headers, cookies, _OF_THE_ATTEMPT.sub("…", page.html.replace(user_id, "USER"))


def hashes(deployment: Deployment) -> int:
    return deployment.wiring.passwords.hashes_computed


def five_kinds(deployment: Deployment) -> tuple[str, ...]:
    """User IDs of equal length: of nobody, a citizen, one who is blocked, one who closed, and one without a password."""
    kinds = {"blocked.holm": "8802701235", "closed.holmx": "8802701236", "no.password": "8802701237"}
    for user_id, cpr in kinds.items():
        deployment.add_citizen(user_id, cpr)
    citizens = deployment.wiring.citizens
    citizens.block(deployment.citizens["blocked.holm"].citizen, actor="operator:test", reason="a test")
    citizens.close(deployment.citizens["closed.holmx"].citizen, actor="operator:test", reason="a test")
    without = deployment.citizens["no.password"].citizen.citizen_id
    with deployment.wiring.database.writing.begin() as tx:
        tx.exec_driver_sql(f"DELETE FROM mfa_factors WHERE kind = 'password' AND citizen_id = '{without}'")
        tx.exec_driver_sql(f"DELETE FROM mfa_passwords WHERE citizen_id = '{without}'")
    return (NOBODY, USER, *kinds)


def test_a_wrong_password_looks_the_same_for_everybody_and_nobody(deployment: Deployment) -> None:
    """S-237: unknown, known, blocked, closed, and known without a password, into the slowed tries; each
    that is looked at costs one hash, and each the same kinds of statement. The times themselves are compared in
    soak/test_sign_in_soak.py, a thousand each."""
    told: dict[str, list[tuple[object, ...]]] = {}
    steps: list[str] = []

    def trace(connection: sqlite3.Connection, *_: object) -> None:
        connection.set_trace_callback(lambda sql: steps.append(sql.split()[0]))

    kinds = five_kinds(deployment)
    for engine in (deployment.wiring.database.writing, deployment.wiring.database.reading):
        event.listen(engine, "checkout", trace)
    for user_id in kinds:
        journey = begin(deployment)
        for wait in (0, 0, 0, 0, 0, 0, 10):
            deployment.clock.forward(seconds=wait)
            before = hashes(deployment)
            steps.clear()
            page = journey.password(user_id, WRONG)
            told.setdefault(user_id, []).append(
                (*seen(page, user_id), Counter(steps), hashes(deployment) - before)
            )
    assert [answer[0] for answer in told[NOBODY]] == [400] * 5 + [429, 400]
    assert [answer[-1] for answer in told[NOBODY]] == [1] * 5 + [0, 1]
    assert all(answer[-2]["INSERT"] for answer in told[NOBODY] if answer[-1])  # type: ignore[index]
    for user_id in kinds[1:]:
        assert told[user_id] == told[NOBODY], user_id


def test_a_blocked_citizen_is_told_so_after_both_factors_only(deployment: Deployment) -> None:
    """S-237: with the right password the page is the one that everybody sees."""
    other = deployment.add_citizen("other.holm", "8802701235")
    deployment.wiring.citizens.block(other.citizen, actor="operator:test", reason="a test")
    pages = [begin(deployment).password(user_id) for user_id in (USER, "other.holm")]
    assert seen(pages[0], USER) == seen(pages[1], USER)
    journey = begin(deployment)
    journey.password("other.holm")
    assert journey.code(user_id="other.holm").status == 403


@pytest.mark.parametrize(
    "forwarded",
    [
        "{n}.{n}.{n}.{n}", "203.0.113.{n}, 198.51.100.{n}", "a{n}", "fe80::{n}%eth0", "unknown{n}", "::ffff:10.0.0.{n}",
        "x" * 7000 + "{n}", "{n}.example.test", "203.0.113.{n}\t", "",
    ],
)  # fmt: skip
def test_an_address_that_the_client_wrote_itself_moves_no_limit(
    deployment: Deployment, forwarded: str
) -> None:
    """S-244: from a peer that is no trusted proxy, the limit counts the peer."""
    assert guesses_until_turned_away(deployment, forwarded) == deployment.settings.failed_sign_ins_per_address


def guesses_until_turned_away(deployment: Deployment, forwarded: str, tries: int = 130) -> int:
    """How many citizens one browser may try, once it has come most of the way."""
    journey = begin(deployment)
    rates, limit = deployment.wiring.services.rates, deployment.settings.failed_sign_ins_per_address
    for _ in range(limit - 3):
        rates.count("failed-sign-in", "127.0.0.1", _WINDOW)
    for n in range(limit - 3, tries):
        headers = {"X-Forwarded-For": forwarded.format(n=n), "Forwarded": f"for=203.0.113.{n % 250}"}
        fields = {"csrf_token": journey.token, "user_id": f"guess.{n}", "password": WRONG}
        page = journey.browser.post(f"{journey.address}/password", fields, headers=headers)
        if page.status == 429 and "notice" in page.ids:
            assert page.headers["Retry-After"]
            return n
    return tries


def test_one_who_tries_many_citizens_is_turned_away_with_the_right_password_too(
    deployment: Deployment,
) -> None:
    """S-250, S-246: the budget of an address is shared by both factors, and nothing is hashed beyond it."""
    journey = begin(deployment)
    half_way = begin(deployment)
    half_way.password()
    for _ in range(deployment.settings.failed_sign_ins_per_address):
        deployment.wiring.services.rates.count("failed-sign-in", "127.0.0.1", _WINDOW)
    before = hashes(deployment)
    assert journey.post("password", csrf_token=journey.token, user_id=USER, password=PASSWORD).status == 429
    code = deployment.code_of(USER)
    assert half_way.post("totp", csrf_token=half_way.token, code=code).status == 429
    assert hashes(deployment) == before


@pytest.mark.parametrize(
    "spelling", ["freja.holm", "FREJA.HOLM", " Freja.Holm ", "ｆｒｅｊａ.holm", "freja．holm"]
)
def test_every_spelling_of_a_user_id_is_counted_together(deployment: Deployment, spelling: str) -> None:
    """S-243: five wrong guesses under five spellings slow the sixth, whichever it is."""
    for user_id in ("freja.holm", "Freja.Holm", "FREJA.holm", " freja.holm", "freja.holm "):
        assert begin(deployment).password(user_id, WRONG).status == 400
    page = begin(deployment).password(spelling, PASSWORD)
    canonical = spelling.isascii()
    assert (page.status == 429) or not canonical
    assert "code" not in page.ids


def test_guesses_at_a_code_are_counted_over_attempts_browsers_and_addresses(deployment: Deployment) -> None:
    """S-246, S-255: a new attempt, a new browser and a new password proof reset nothing."""
    right = deployment.code_of(USER)
    wrong = "000000" if right != "000000" else "111111"
    statuses = []
    for _ in range(6):
        journey = begin(deployment)
        journey.password()
        statuses.append(journey.code(wrong).status)
    assert statuses == [400] * 5 + [429]
    journey = begin(deployment)
    journey.password()
    assert journey.code(right).status == 429, "not even the right one is looked at"


@pytest.mark.parametrize(
    "code", ["12345", "1234567", "abcdef", "１２３４５６", "¹²³⁴⁵⁶", "𝟏𝟐𝟑𝟒𝟓𝟔", "[1]", "-12345"]
)
def test_what_is_no_code_is_a_failure_that_counts(deployment: Deployment, code: str) -> None:
    """S-253, S-254."""
    for _ in range(5):
        journey = begin(deployment)
        journey.password()
        assert journey.code(code).status == 400
    assert begin_and_prove(deployment).code().status == 429


def begin_and_prove(deployment: Deployment) -> Journey:
    journey = begin(deployment)
    journey.password()
    return journey


def test_a_sign_in_that_met_a_lock_begins_again_when_the_lock_ends(deployment: Deployment) -> None:
    """S-247."""
    for wait in (0, 0, 0, 0, 0, 10, 20, 40, 80, 160):
        deployment.clock.forward(seconds=wait)
        assert begin_and_prove(deployment).code("000000").status == 400
    deployment.clock.forward(seconds=300)
    waiting = begin_and_prove(deployment)
    assert waiting.code().status == 429
    deployment.clock.forward(seconds=310)
    page = waiting.code()
    assert "user-id" in page.ids, "the proof of the password is gone with the lock"


def test_strangers_guesses_do_not_keep_the_citizen_out_of_a_known_browser(deployment: Deployment) -> None:
    """S-240: nor do they touch the second factor."""
    home = begin(deployment)
    home.sign_in()
    home.browser.submit(home.browser.get("/"), "/sign-out")
    deployment.clock.forward(seconds=30)
    stranger = begin(deployment)
    for _ in range(12):
        stranger.password(USER, WRONG)
    assert begin(deployment).password().status == 429
    again = begin(deployment, home.browser)
    assert "code" in again.password().ids
    assert "released" in again.code().ids


def test_a_known_browser_still_proves_both_factors(deployment: Deployment) -> None:
    """S-225: with every cookie but the session's."""
    home = begin(deployment)
    home.sign_in()
    for kept in home.browser.session.cookies.copy():
        if kept.name.endswith("-session"):
            home.browser.session.cookies.clear(kept.domain, kept.path, kept.name)
    again = begin(deployment, home.browser)
    assert "user-id" in again.page.ids
    assert "code" in again.password().ids


def test_too_many_passwords_at_once_are_told_to_come_back(deployment: Deployment) -> None:
    """S-235: while every place is taken, keys are served, and nothing is counted or hashed."""
    passwords = deployment.wiring.passwords
    journey, before = begin(deployment), hashes(deployment)
    with passwords.turn(), passwords.turn():
        page = journey.password()
        assert page.status == 503 and page.headers["Retry-After"]
        assert requests.get(deployment.issuer + "/jwks", timeout=5).status_code == 200
    assert hashes(deployment) == before
    assert "code" in journey.password().ids


HASHING = {
    "/login/<attempt_id>/password",
    "/recover/password",
    "/recover/new-password",
    "/activate/account",
    "/me/security/password",
}


def test_each_route_that_hashes_has_a_door_of_its_own_and_no_other_has(deployment: Deployment) -> None:
    """S-235: where not one more may come in, they are told so before anything of theirs is read; the rest go on."""
    pages = deployment.provider.pages
    shut = Client(PasswordDoor(pages, places=0))
    told: dict[str, bool] = {}
    rules = [rule.rule for rule in pages.url_map.iter_rules() if "POST" in (rule.methods or ())]
    for rule, slash in itertools.product(rules, ("", "/")):
        path = re.sub("<[^>]+>", "1", rule) + slash
        answer = shut.post(path, headers={"Host": pages.config["TRUSTED_HOSTS"][0], "Accept-Language": "en"})
        told[rule + slash] = "Many people are signing in" in answer.text
        assert not told[rule + slash] or (answer.status_code == 503 and answer.headers["Retry-After"] == "5")
    assert {rule for rule, busy in told.items() if busy} == HASHING | {f"{rule}/" for rule in HASHING}


def test_whoever_hashes_is_behind_the_door() -> None:
    """S-235: a new caller stands here with its route in `HASHING`, or is no route."""
    root = Path(__file__).parents[2]
    callers = {
        str(path.relative_to(root))
        for path in (root / "idp").rglob("*.py")
        if re.search(r"enrolment\.hash_new_password|\bPasswordAnswer\b", path.read_text("utf-8"))
    }
    assert callers == {
        "idp/activation/activation.py",
        "idp/login/first_factor.py",
        "idp/new_citizens.py",  # `adgang citizens add`
        "idp/portal/recovery/change.py",
        "idp/portal/recovery/proofs.py",
        "idp/portal/security/password.py",
        "idp/self_service.py",
    }


def test_what_cannot_be_a_password_is_refused_without_a_hash(deployment: Deployment) -> None:
    """S-229: longer than the cap; and a body beyond its limit is not read."""
    journey, before = begin(deployment), hashes(deployment)
    assert journey.password(password="x" * 1025).status == 400
    assert (
        journey.post("password", csrf_token=journey.token, user_id=USER, password="x" * 70_000).status == 400
    )
    assert hashes(deployment) == before


def test_a_user_id_of_any_shape_is_an_ordinary_wrong_one(deployment: Deployment) -> None:
    """S-228, S-334, S-338: markup is inert, and no text reaches a statement."""
    service, browser = party(deployment), CitizenBrowser(deployment.issuer)
    for user_id in (
        "' OR 1=1 --", '"><script>alert(1)</script>', "x" * 5000, "{{7*7}}", "%s%n", "\u202e" * 20, "a\r\nSet-Cookie: b=c",
        "İSTANBUL", "ⓕreja", "freja.holm\u200b",
    ):  # fmt: skip
        journey = begin(deployment, browser, service)
        page = journey.password(user_id, WRONG)
        assert page.status in (400, 429), user_id
        assert "<script>alert" not in page.html and "49" not in page.form("/password").fields["user_id"]
        assert "Set-Cookie" not in page.headers or "b=c" not in page.headers["Set-Cookie"]
