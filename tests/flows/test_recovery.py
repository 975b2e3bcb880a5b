"""Getting back in, over HTTP: what each set of proofs gives, what waiting means, what the end of a recovery takes away."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pyotp
import pytest

from idp.letters.letter import LetterKind
from idp.messages.message import Channel, MessageKind
from idp.messages.stop_code import print_stop_code, unseal_stop_code
from idp.portal.recovery.views import OPEN_POSTS, POSTS
from idp.storage.ports import Tx
from mfa.enrolment import MOST_TOTP_DEVICES
from mfa.errors import FactorRejected, Rejection
from mfa.factors import FactorKind
from mfa.verification import RecoveryCodeAnswer
from mfa.webauthn_enrolment import MOST_KEYS
from tests.support.citizen_browser import CitizenBrowser, Page
from tests.support.deployment import PASSWORD, Deployment
from tests.support.journey import add_key, begin
from tests.support.own_pages import OwnPages, secret_of

USER, CPR, NEW = "freja.holm", "8802701234", "tolv grønne cykler"


def citizen_id(made: Deployment) -> str:
    return made.citizens[USER].citizen.citizen_id


def codes(made: Deployment) -> tuple[str, ...]:
    return made.wiring.services.recovery_codes.renew(citizen_id(made), now=made.clock()).codes


def letter(made: Deployment) -> str:
    def work(tx: Tx) -> str:
        issued = made.wiring.letters.issue(
            tx, kind=LetterKind.RECOVERY, citizen_id=citizen_id(made), actor="citizen", now=made.clock()
        )
        return issued.code

    return made.wiring.database.transact(work)


def proof(made: Deployment) -> None:
    citizen = made.wiring.services.citizens.find(citizen_id(made))
    assert citizen is not None
    made.wiring.proofing.record(citizen, actor="operator:sagsbehandler", reason="sag 17")


def start(made: Deployment, lost: str, user_id: str | None = USER) -> tuple[CitizenBrowser, Page]:
    browser = CitizenBrowser(made.issuer)
    page = browser.submit(browser.get("/recover"), "/begin", lost=lost)
    return browser, page if user_id is None else browser.submit(page, "/who", user_id=user_id)


def show(browser: CitizenBrowser, way: str, **typed: str) -> Page:
    return browser.submit(browser.get(f"/recover/step?way={way}"), f"/{way}", **typed)


def events(made: Deployment) -> list[str]:
    return [entry.event for entry in made.wiring.ledger.of_citizen(citizen_id(made), limit=500)]


def test_a_forgotten_password_is_set_anew_with_a_recovery_code_and_the_app(deployment: Deployment) -> None:
    """S-307: the app stays, old sessions end, used codes are renewed, and everybody is told."""
    printed = codes(deployment)
    signed_in = begin(deployment)
    signed_in.sign_in()
    assert deployment.wiring.services.browser_sessions.of_citizen(citizen_id(deployment))
    deployment.clock.forward(seconds=30)
    browser, _ = start(deployment, "password")
    show(browser, "recovery-code", recovery_code=printed[0])
    page = show(browser, "totp", code=deployment.code_of(USER))
    assert "new-password" in page.ids
    page = browser.submit(page, "/new-password", new_password=NEW)
    assert {"done", "recovery-codes"} <= page.ids
    assert deployment.wiring.services.browser_sessions.of_citizen(citizen_id(deployment)) == []
    kinds = {f.kind for f in deployment.wiring.services.factors.of_citizen(citizen_id(deployment))}
    assert kinds == {FactorKind.PASSWORD, FactorKind.TOTP, FactorKind.RECOVERY_CODE}
    deployment.clock.forward(seconds=30)
    again = begin(deployment)
    again.password(password=NEW)
    assert "released" in again.code().ids
    assert "recovery-done" in events(deployment)
    told = {m.topic.kind for m in deployment.wiring.outbox.of_citizen(citizen_id(deployment))}
    assert {MessageKind.PASSWORD_CHANGED, MessageKind.RECOVERY_DONE, MessageKind.CODES_RENEWED} <= told
    assert printed[1] not in page.html


def test_a_lost_phone_is_replaced_with_a_letter_and_the_password(deployment: Deployment) -> None:
    browser, _ = start(deployment, "factor", None)
    code = letter(deployment)
    show(browser, "letter", letter_code=code)
    page = show(browser, "password", password=PASSWORD)
    assert "factors" in page.ids
    (lost,) = re.findall(r'name="(lost-[^"]+)"', page.html)
    page = browser.submit(page, "/lost", **{lost: "yes"})
    secret = re.search(r'id="secret">([A-Z2-7 ]+)<', page.html)
    assert secret is not None
    seed = secret.group(1).replace(" ", "")
    page = browser.submit(page, "/new-totp", code=pyotp.TOTP(seed).at(deployment.clock()), name="Ny telefon")
    assert "done" in page.ids
    factors = deployment.wiring.services.factors.of_citizen(citizen_id(deployment))
    assert [f.name for f in factors if f.kind is FactorKind.TOTP] == ["Ny telefon"]
    assert deployment.wiring.services.safeties.find(citizen_id(deployment)).recovered_at is not None


def may_add_a_factor(made: Deployment) -> tuple[CitizenBrowser, Page]:
    printed = codes(made)
    browser, _ = start(made, "factor")
    show(browser, "recovery-code", recovery_code=printed[0])
    return browser, show(browser, "password", password=PASSWORD)


def test_somebody_who_has_lost_as_many_apps_as_one_may_have_gets_a_new_one(deployment: Deployment) -> None:
    """What is lost makes room for what comes."""
    me = OwnPages(deployment)
    for n in range(MOST_TOTP_DEVICES - 1):
        me.add_app(f"Telefon {n}")
    browser, page = may_add_a_factor(deployment)
    lost = re.findall(r'name="(lost-[^"]+)"', page.html)
    assert len(lost) == MOST_TOTP_DEVICES
    page = browser.submit(page, "/lost", **dict.fromkeys(lost, "yes"))
    code = pyotp.TOTP(secret_of(page)).at(deployment.clock())
    assert "done" in browser.submit(page, "/new-totp", code=code, name="Ny telefon").ids
    assert len(me.factor_ids("totp")) == 1


def test_somebody_who_has_all_that_one_may_have_is_asked_what_is_lost(deployment: Deployment) -> None:
    me = OwnPages(deployment)
    for n in range(MOST_TOTP_DEVICES - 1):
        me.add_app(f"Telefon {n}")
    for n in range(MOST_KEYS):
        add_key(deployment, name=f"Nøgle {n}")
    browser, page = may_add_a_factor(deployment)
    page = browser.submit(page, "/lost")
    for asked in (page, browser.get("/recover/step?way=key")):
        assert asked.status == 200 and {"factors", "error-summary"} <= asked.ids
    one = re.findall(r'name="(lost-[^"]+)"', page.html)[0]
    page = browser.submit(page, "/lost", **{one: "yes"})
    assert "error-summary" not in page.ids


@pytest.mark.parametrize("way", ["password", "recovery-code", "letter"])
def test_one_proof_alone_opens_nothing(deployment: Deployment, way: str) -> None:
    """S-308"""
    typed = {
        "password": {"password": PASSWORD},
        "recovery-code": {"recovery_code": codes(deployment)[0]},
        "letter": {"letter_code": letter(deployment)},
    }[way]
    browser, _ = start(deployment, "factor")
    page = show(browser, way, **typed)
    assert "ways" in page.ids
    token = page.form("/cancel").fields["csrf_token"]
    for step in ("new-password", "new-totp", "new-key", "lost", "wait"):
        page = browser.post(f"/recover/{step}", {"csrf_token": token, "new_password": NEW, "code": "123456"})
        assert "ways" in page.ids
    assert "recovery-done" not in events(deployment)


def waiting(made: Deployment) -> tuple[CitizenBrowser, str]:
    """A recovery in its cooling-off, and its stop code."""
    proof(made)
    browser, _ = start(made, "password", None)
    page = show(browser, "letter", letter_code=letter(made))
    assert "wait" in page.ids
    assert "waiting" in browser.submit(page, "/wait").ids
    (sent,) = [d for d in made.wiring.outbox.due(made.clock(), Channel.EMAIL, 99) if d.sealed_secret]
    assert sent.sealed_secret is not None
    return browser, print_stop_code(
        unseal_stop_code(made.wiring._sealer("messages"), citizen_id(made), sent.sealed_secret)
    )


def test_a_letter_after_proofing_waits_a_day(deployment: Deployment) -> None:
    """S-314: and the officer has chosen nothing and seen nothing."""
    browser, _ = waiting(deployment)
    deployment.clock.forward(timedelta(hours=23, minutes=59))
    assert "waiting" in browser.get("/recover/step").ids
    deployment.clock.forward(timedelta(minutes=2))
    page = browser.submit(browser.get("/recover/step"), "/new-password", new_password=NEW)
    assert "done" in page.ids


def test_the_stop_code_stops_once_and_does_nothing_else(deployment: Deployment) -> None:
    """S-313"""
    browser, code = waiting(deployment)
    stranger = CitizenBrowser(deployment.issuer)
    wrong = stranger.submit(stranger.get("/stop"), "/stop", stop_code="0000-0000-0000-0000")
    assert "error-summary" in wrong.ids
    assert "notice" in stranger.submit(stranger.get("/stop"), "/stop", stop_code=code).ids
    assert "error-summary" in stranger.submit(stranger.get("/stop"), "/stop", stop_code=code).ids
    deployment.clock.forward(timedelta(hours=25))
    assert "notice" in browser.get("/recover/step").ids
    assert events(deployment).count("recovery-stopped") == 1


def test_of_two_who_type_the_stop_code_at_once_one_stops_it(deployment: Deployment) -> None:
    """S-309, S-313"""
    _, code = waiting(deployment)
    strangers = [CitizenBrowser(deployment.issuer) for _ in range(4)]
    pages = [stranger.get("/stop") for stranger in strangers]

    def stop(pair: tuple[CitizenBrowser, Page]) -> bool:
        return "notice" in pair[0].submit(pair[1], "/stop", stop_code=code).ids

    with ThreadPoolExecutor(4) as together:
        stopped = list(together.map(stop, zip(strangers, pages, strict=True)))
    assert sum(stopped) == 1
    assert events(deployment).count("recovery-stopped") == 1


def test_of_two_browsers_with_one_letter_one_is_let_in(deployment: Deployment) -> None:
    """S-288, S-306, S-309: one letter, one recovery."""
    code, printed = letter(deployment), codes(deployment)
    browsers = [start(deployment, "password", None)[0] for _ in range(4)]
    for browser, spare in zip(browsers, printed, strict=False):
        show(browser, "letter", letter_code=code)
        assert spare

    def second(pair: tuple[CitizenBrowser, str]) -> bool:
        return "new-password" in show(pair[0], "recovery-code", recovery_code=pair[1]).ids

    with ThreadPoolExecutor(4) as together:
        let_in = list(together.map(second, zip(browsers, printed, strict=False)))
    assert sum(let_in) == 1


def test_a_letter_expires_and_is_replaced(deployment: Deployment) -> None:
    """S-310, S-313"""
    old = letter(deployment)
    new = letter(deployment)
    browser, _ = start(deployment, "user-id", None)
    assert "error-summary" in show(browser, "letter", letter_code=old).ids
    assert "told-user-id" in show(browser, "letter", letter_code=new).ids
    deployment.clock.forward(timedelta(days=22))
    browser, _ = start(deployment, "user-id", None)
    assert "error-summary" in show(browser, "letter", letter_code=new).ids


def order(made: Deployment, name: str, cpr: str) -> Page:
    browser = CitizenBrowser(made.issuer)
    return browser.submit(browser.get("/recover/letter-order"), "/letter-order", name=name, cpr=cpr)


def test_ordering_a_letter_tells_nobody_who_exists_and_sends_one_in_seven_days(
    deployment: Deployment,
) -> None:
    """S-238, S-303"""
    pages = [order(deployment, "Freja Holm", CPR), order(deployment, "Ingen Person", "7001701235")]
    strip = [re.sub(r'href="/static[^"]*"', "", page.html) for page in pages]
    assert strip[0] == strip[1]
    assert order(deployment, "En Anden", CPR).status == 200
    ordering = deployment.wiring.letter_ordering
    assert ordering.carry_out() == 1
    deployment.clock.forward(timedelta(days=6, hours=23))
    order(deployment, "Freja Holm", CPR)
    assert ordering.carry_out() == 0
    deployment.clock.forward(timedelta(hours=2))
    order(deployment, "freja  HOLM", CPR)
    assert ordering.carry_out() == 1


def test_an_order_that_does_not_open_holds_up_nobody(deployment: Deployment) -> None:
    """A row altered by hand is dropped and told in the log; the orders behind it are carried out."""
    wiring = deployment.wiring
    wiring.database.transact(
        lambda tx: wiring.letter_ordering.orders.add(tx, b"no envelope of ours", deployment.clock())
    )
    order(deployment, "Freja Holm", CPR)
    assert wiring.letter_ordering.carry_out() == 1
    assert wiring.letter_ordering.carry_out() == 0


def test_unknown_user_ids_see_the_same_pages(deployment: Deployment) -> None:
    """S-238"""
    seen = []
    for user_id in (USER, "findes.ikke"):
        browser, page = start(deployment, "password", user_id)
        wrong = show(browser, "recovery-code", recovery_code="0000-0000-0000-0000")
        key = browser.get("/recover/step?way=passkey")
        assert '"allowCredentials": []' in key.html or "&#34;allowCredentials&#34;: []" in key.html
        hide = r"[0-9a-f]{64}|data-options=\'[^\']*\'"
        seen.append([re.sub(hide, "", p.html) for p in (page, wrong, key)])
    assert seen[0] == seen[1]


def test_guesses_count_where_every_guess_counts_and_do_not_keep_the_citizen_out(
    deployment: Deployment,
) -> None:
    """S-246, S-248: what strangers guessed at the password page stops them here, and not the citizen with a letter."""
    attacker = begin(deployment)
    for _ in range(10):
        attacker.password(password="forkert adgangskode")
        deployment.clock.forward(seconds=60)
    stranger, _ = start(deployment, "factor")
    page = show(stranger, "password", password=PASSWORD)
    assert page.status == 429
    browser, _ = start(deployment, "factor", None)
    show(browser, "letter", letter_code=letter(deployment))
    assert "factors" in show(browser, "password", password=PASSWORD).ids


def test_a_night_of_guessing_at_recovery_codes_does_not_take_them_from_the_citizen(
    deployment: Deployment,
) -> None:
    """S-239, S-248: strangers are slowed and never shut out for good, since nobody guesses 80 bits."""
    printed, services = codes(deployment), deployment.wiring.services
    for _ in range(150):
        deployment.clock.forward(timedelta(minutes=11))
        with pytest.raises(FactorRejected) as refused:
            services.verification.verify(
                citizen_id(deployment),
                RecoveryCodeAnswer("0000-0000-0000-0000"),
                known_browser=False,
                now=deployment.clock(),
            )
        assert refused.value.reason is Rejection.WRONG
    browser, _ = start(deployment, "password")
    page = show(browser, "recovery-code", recovery_code=printed[0])
    assert page.status == 429, "a moment after a wrong one"
    deployment.clock.forward(timedelta(minutes=11))
    browser, _ = start(deployment, "password")
    show(browser, "recovery-code", recovery_code=printed[0])
    assert "new-password" in show(browser, "totp", code=deployment.code_of(USER)).ids
    told = [m.topic.kind for m in deployment.wiring.outbox.of_citizen(citizen_id(deployment))]
    assert MessageKind.FACTOR_DISABLED not in told


def test_an_app_cannot_be_guessed_at_before_another_proof(deployment: Deployment) -> None:
    """S-240: who knows only a user ID closes nobody's app."""
    browser, page = start(deployment, "password")
    token = page.form("/cancel").fields["csrf_token"]
    for _ in range(5):
        browser.post("/recover/totp", {"csrf_token": token, "code": "000000"})
    assert "factor-failed" not in events(deployment)


def test_every_post_without_a_recovery_or_its_token_changes_nothing(deployment: Deployment) -> None:
    """S-217, S-295: the tables of routes are what is tried."""
    nobody = CitizenBrowser(deployment.issuer)
    before = events(deployment)
    for name in POSTS:
        assert nobody.post(f"/recover/{name}", {"csrf_token": "0" * 64}).url.endswith("/recover")
    browser, _ = start(deployment, "both")
    for name in POSTS:
        assert browser.post(f"/recover/{name}", {"csrf_token": "0" * 64}).status == 403
    for address in [*OPEN_POSTS, "/stop/mine"]:
        assert browser.post(address, {"csrf_token": "0" * 64}).status == 403
    assert events(deployment) == before


def test_a_recovery_opens_a_block_of_ones_own_and_no_other(deployment: Deployment) -> None:
    services = deployment.wiring.services
    deployment.wiring.database.transact(
        lambda tx: services.citizens.block_oneself(tx, citizen_id(deployment))
    )
    printed = codes(deployment)
    browser, _ = start(deployment, "password", None)
    show(browser, "letter", letter_code=letter(deployment))
    page = show(browser, "recovery-code", recovery_code=printed[0])
    browser.submit(page, "/new-password", new_password=NEW)
    citizen = services.citizens.find(citizen_id(deployment))
    assert citizen is not None
    assert citizen.status == "active"
    deployment.wiring.citizens.block(citizen, actor="operator:test", reason="efterforskning")
    printed = codes(deployment)
    browser, _ = start(deployment, "password", None)
    show(browser, "letter", letter_code=letter(deployment))
    page = show(browser, "recovery-code", recovery_code=printed[0])
    assert "notice" in page.ids
    after = services.citizens.find(citizen_id(deployment))
    assert after is not None
    assert after.status == "blocked"


def test_a_signed_in_browser_shows_and_stops_it(deployment: Deployment) -> None:
    citizen = begin(deployment)
    citizen.sign_in()
    browser, _ = waiting(deployment)
    front = citizen.browser.get("/")
    assert "recovery-notice" in front.ids
    assert "notice" in citizen.browser.submit(front, "/stop/mine").ids
    deployment.clock.forward(timedelta(hours=25))
    assert "notice" in browser.get("/recover/step").ids
    assert events(deployment).count("recovery-stopped") == 1
