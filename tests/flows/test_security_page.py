"""A citizen looks after their own access: /me/security over HTTP, without scripts."""

import re
from datetime import timedelta

import pyotp

from idp.ids import new_id
from idp.services import Services
from idp.storage.database import Database
from mfa.errors import FactorRejected
from mfa.verification import Answer, PasswordAnswer, RecoveryCodeAnswer, TotpAnswer
from tests.support.citizen_browser import Page
from tests.support.deployment import PASSWORD, Deployment
from tests.support.own_pages import OwnPages, asks_to_sign_in, secret_of

NEW_PASSWORD = "tusind grønne cykler"


def codes_of(page: Page) -> list[str]:
    return re.findall(r"<li><code>([0-9A-Z-]{19})</code></li>", page.html)


def proves(deployment: Deployment, citizen_id: str, answer: Answer) -> bool:
    try:
        deployment.wiring.services.verification.verify(
            citizen_id,
            answer,
            known_browser=True,
            now=deployment.clock(),
        )
    except FactorRejected:
        return False
    return True


def test_the_front_page_leads_there_and_a_sign_in_leads_back(deployment: Deployment) -> None:
    me = OwnPages(deployment)
    assert "/me/security" in me.browser.get("/").html
    page = me.open()
    assert page.url == deployment.issuer + "/me/security"
    assert "Freja Holm" in page.words and "advice" in page.ids and "block-access" in page.ids
    assert page.headers["Cache-Control"] == "no-store"


def test_a_second_app_counts_once_its_first_code_was_typed(deployment_each: Deployment) -> None:
    """S-259: and its codes then sign in."""
    deployment, me = deployment_each, OwnPages(deployment_each)
    page = me.open("/factors/add-app")
    assert "<svg" in page.html and secret_of(page) in page.html.replace(" ", "")
    secret = secret_of(page)
    assert secret_of(me.get("/factors/add-app")) == secret, "a reload shows the same"
    page = me.post(page, "/add-app", code="000000", name="Tablet")
    assert page.status == 400 and "error-code" in page.ids and secret_of(page) == secret
    assert len(me.factor_ids("totp")) == 1
    page = me.post(page, "/add-app", code=pyotp.TOTP(secret).at(deployment.clock()), name="Tablet")
    assert page.url.partition("?")[0].endswith("/factors") and "done" in page.ids and "Tablet" in page.words
    deployment.clock.forward(seconds=30)
    assert proves(deployment, me.citizen_id, TotpAnswer(pyotp.TOTP(secret).at(deployment.clock())))
    assert me.events().count("factor-added") == 3


def test_an_app_may_be_fetched_while_the_proof_grows_old(deployment: Deployment) -> None:
    me = OwnPages(deployment)
    page = me.open("/factors/add-app")
    deployment.clock.forward(timedelta(minutes=8))
    page = me.post(page, "/add-app", code=pyotp.TOTP(secret_of(page)).at(deployment.clock()), name="Ny")
    assert "done" in page.ids, page.words


def test_an_offer_ends_after_ten_minutes_and_a_new_one_wants_a_fresh_proof(deployment: Deployment) -> None:
    me = OwnPages(deployment)
    page = me.open("/factors/add-app")
    code = pyotp.TOTP(secret_of(page))
    deployment.clock.forward(timedelta(minutes=11))
    page = me.post(page, "/add-app", code=code.at(deployment.clock()), name="Ny")
    assert asks_to_sign_in(page)
    assert secret_of(me.prove(page)) != code.secret
    assert len(me.factor_ids("totp")) == 1


def test_no_more_than_three_apps(deployment: Deployment) -> None:
    me = OwnPages(deployment)
    me.add_app("To")
    me.add_app("Tre")
    page = me.open("/factors/add-app")
    assert "error-summary" in page.ids and "qr" not in page.html.partition("<main")[2]


def test_a_key_is_added_named_used_and_removed(deployment_each: Deployment) -> None:
    """S-286: a removed key signs nobody in."""
    deployment, me = deployment_each, OwnPages(deployment_each)
    me.key = me.add_key("Nøgleringen")
    page = me.open("/factors")
    assert "Nøgleringen" in page.words and "advice" not in page.ids
    (factor_id,) = me.factor_ids("webauthn")
    page = me.open(f"/factors/{factor_id}/rename")
    page = me.post(page, "/rename", name="  Den blå nøgle ")
    assert "done" in page.ids and "Den blå nøgle" in page.words
    page = me.post(me.open(f"/factors/{factor_id}/rename"), "/rename", name=" ")
    assert page.status == 400 and "error-name" in page.ids
    page = me.post(me.open(f"/factors/{factor_id}/remove"), "/remove")
    assert "done" in page.ids and me.factor_ids("webauthn") == []
    again = OwnPages(deployment)
    page = again.browser.use_key(again.get(), "/passkey", me.key)
    assert page.status == 400 and "error-summary" in page.ids
    assert {"factor-added", "factor-renamed", "factor-removed"} <= set(me.events())


def test_the_list_tells_whether_a_key_can_be_copied(deployment: Deployment) -> None:
    me = OwnPages(deployment)
    me.key = me.add_key("Bundet", synced=False)
    assert "Kun på én enhed" in me.get("/factors").words
    me.add_key("Fælles", synced=True)
    assert "Kan kopieres til dine andre enheder" in me.get("/factors").words


def test_removing_a_lost_app_signs_out_everywhere_else_on_request(deployment: Deployment) -> None:
    """S-286."""
    me, other = OwnPages(deployment), OwnPages(deployment)
    other.open()
    me.add_app("Ny telefon")
    (old, _new) = me.factor_ids("totp")
    page = me.post(me.open(f"/factors/{old}/remove"), "/remove", end_others="yes")
    assert "done" in page.ids
    assert asks_to_sign_in(other.get()), "the other browser is signed out"
    assert not asks_to_sign_in(me.get()), "this one is not"


def test_a_removal_that_does_not_ask_leaves_the_others_signed_in(deployment: Deployment) -> None:
    me, other = OwnPages(deployment), OwnPages(deployment)
    other.open()
    me.add_app("Ny telefon")
    me.post(me.open(f"/factors/{me.factor_ids('totp')[0]}/remove"), "/remove")
    assert len(me.factor_ids("totp")) == 1
    assert not asks_to_sign_in(other.get())


def test_the_last_way_in_cannot_be_removed(deployment_each: Deployment) -> None:
    """S-315."""
    me = OwnPages(deployment_each)
    (factor_id,) = me.factor_ids("totp")
    page = me.open(f"/factors/{factor_id}/remove")
    assert "remove" not in page.ids and "sidste vej ind" in page.words
    page = me.send(f"/factors/{factor_id}/remove")
    assert page.status == 409 and "error-summary" in page.ids
    assert me.factor_ids("totp") == [factor_id]


def test_recovery_codes_are_shown_once_and_a_new_set_ends_the_old(deployment_each: Deployment) -> None:
    deployment, me = deployment_each, OwnPages(deployment_each)
    asked = me.open("/factors/new-codes")
    first = codes_of(me.post(asked, "/new-codes"))
    assert len(first) == 10
    assert not codes_of(me.get("/factors/new-codes")), "never again"
    reloaded = me.post(asked, "/new-codes")
    assert not codes_of(reloaded), "the answer's reload makes no second set"
    assert "10 af 10" in me.get("/factors").words
    assert proves(deployment, me.citizen_id, RecoveryCodeAnswer(first[0]))
    assert "9 af 10" in me.get("/factors").words
    second = codes_of(me.post(me.open("/factors/new-codes"), "/new-codes"))
    assert len(second) == 10 and not set(first) & set(second)
    assert not proves(deployment, me.citizen_id, RecoveryCodeAnswer(first[1]))
    assert proves(deployment, me.citizen_id, RecoveryCodeAnswer(second[1]))


def test_sessions_are_listed_with_this_one_marked_and_ended_one_by_one(deployment_each: Deployment) -> None:
    me, other = OwnPages(deployment_each), OwnPages(deployment_each)
    other.browser.session.headers["User-Agent"] = "Mozilla/5.0 (iPhone) Version/26.0 Mobile Safari/605"
    other.open()
    me.open()
    page = me.get("/sessions")
    assert page.words.count("denne") >= 1 and "Safari · iPhone" in page.words
    ends = [form.action for form in page.forms if form.action.endswith("/end")]
    assert len(ends) == 2
    page = me.post(page, ends[1])  # this one stands first
    assert "done" in page.ids and "Safari · iPhone" not in page.words
    assert asks_to_sign_in(other.get()) and not asks_to_sign_in(me.get())
    page = me.post(me.get("/sessions"), ends[0])
    assert "signed-out" in page.ids
    assert asks_to_sign_in(me.get())


def test_all_others_or_all_sessions_are_ended_and_their_number_told(deployment: Deployment) -> None:
    me, others = OwnPages(deployment), [OwnPages(deployment) for _ in range(2)]
    for other in others:
        other.open()
    me.open()
    page = me.post(me.get("/sessions"), "/end-others")
    assert "2 andre browsere er logget ud" in page.words
    assert all(asks_to_sign_in(other.get()) for other in others) and not asks_to_sign_in(me.get())
    page = me.post(me.get("/sessions"), "/end-all")
    assert "signed-out" in page.ids and asks_to_sign_in(me.get())
    assert me.events().count("sessions-ended") == 2


def test_failures_in_a_row_are_one_line(deployment: Deployment) -> None:
    me = OwnPages(deployment)
    me.open()
    for _ in range(3):
        assert not proves(deployment, me.citizen_id, PasswordAnswer("forkert kodeord"))
    page = me.get("/activity")
    assert "3 mislykkede forsøg" in page.words and page.words.count("mislykkede") == 1
    assert "3 mislykkede forsøg siden sidst" in me.get().words


def test_what_is_older_is_on_the_next_page(deployment: Deployment) -> None:
    me = OwnPages(deployment)
    me.open()
    services = deployment.wiring.services
    for number in range(45):
        name = f"Navn {number}"
        services.enrolment.rename(me.citizen_id, me.factor_ids("totp")[0], name, now=deployment.clock())
    page = me.get("/activity")
    assert "older" in page.ids and "Du fik adgang" not in page.words
    older = re.search(r'id="older" href="([^"]+)"', page.html)
    assert older is not None
    assert "Du fik adgang" in me.browser.get(older.group(1)).words


def test_it_was_not_me_signs_out_everywhere_and_guides_on(deployment_each: Deployment) -> None:
    me, thief = OwnPages(deployment_each), OwnPages(deployment_each)
    thief.open()
    me.open()
    page = me.get("/activity")
    disputed = [form.action for form in page.forms if form.action.endswith("/dispute")]
    page = me.post(page, disputed[1])
    assert "disputed" in page.ids and {"next-password", "next-factors", "block-access"} <= page.ids
    assert "2 browsere er logget ud" in page.words
    assert asks_to_sign_in(me.get()) and asks_to_sign_in(thief.get())
    numbers = [number for number, event in me.entries() if event == "sign-in-disputed"]
    assert len(numbers) == 1


def test_blocking_ends_everything_and_an_operator_opens_it_again(deployment_each: Deployment) -> None:
    deployment, me, other = deployment_each, OwnPages(deployment_each), OwnPages(deployment_each)
    other.open()
    me.open()
    page = me.get("/block")
    assert "Sådan åbner du den igen" in page.words, "told before"
    page = me.post(page, "/block")
    assert "blocked" in page.ids and "Sådan åbner du den igen" in page.words, "and after"
    assert asks_to_sign_in(other.get())
    page = me.open()
    assert page.status == 403 and "notice" in page.ids
    citizens = deployment.wiring.services.citizens
    blocked = citizens.find(me.citizen_id)
    assert blocked is not None and (blocked.status, blocked.blocked_by) == ("blocked", "citizen")
    deployment.wiring.citizens.unblock(blocked, actor="operator:test", reason="a test")
    assert "block-access" in me.open().ids


def test_a_recovery_opens_the_citizens_own_block_and_no_operators(deployment_each: Deployment) -> None:
    deployment, me = deployment_each, OwnPages(deployment_each)
    services, database = deployment.wiring.services, deployment.wiring.database
    me.post(me.open("/block"), "/block")
    blocked = services.citizens.find(me.citizen_id)
    assert blocked is not None
    deployment.wiring.citizens.block(blocked, actor="operator:test", reason="fraud")
    assert not _opens(database, services, me.citizen_id), "an operator's block took its place"
    deployment.wiring.citizens.unblock(blocked, actor="operator:test", reason="a test")
    assert not _opens(database, services, me.citizen_id), "nothing to open"
    me.post(me.open("/block"), "/block")
    assert _opens(database, services, me.citizen_id)
    assert not _opens(database, services, me.citizen_id), "once"
    assert not _opens(database, services, new_id())


def _opens(database: Database, services: Services, citizen_id: str) -> bool:
    return database.transact(lambda tx: services.citizens.open_own_block(tx, citizen_id))


def test_a_new_password_wants_the_old_and_ends_other_sessions(deployment_each: Deployment) -> None:
    """S-301, S-307."""
    me, other = OwnPages(deployment_each), OwnPages(deployment_each)
    other.open()
    page = me.open("/password")
    page = me.post(page, "/password", current_password="ikke den", new_password=NEW_PASSWORD)
    assert page.status == 400 and "error-current-password" in page.ids
    page = me.post(page, "/password", current_password="", new_password=NEW_PASSWORD)
    assert page.status == 400 and "error-current-password" in page.ids
    page = me.post(page, "/password", current_password=PASSWORD, new_password="kort")
    assert page.status == 400 and "error-new-password" in page.ids
    assert not asks_to_sign_in(other.get()), "nothing has happened yet"
    page = me.post(page, "/password", current_password=PASSWORD, new_password=NEW_PASSWORD)
    assert "done" in page.ids and not asks_to_sign_in(me.get())
    assert asks_to_sign_in(other.get())
    assert not proves(deployment_each, me.citizen_id, PasswordAnswer(PASSWORD))
    assert proves(deployment_each, me.citizen_id, PasswordAnswer(NEW_PASSWORD))


def test_guesses_at_the_present_password_are_slowed_like_at_the_sign_in(deployment: Deployment) -> None:
    """S-246: one count for all routes."""
    me = OwnPages(deployment)
    page = me.open("/password")
    for _ in range(5):
        page = me.post(page, "/password", current_password="ikke den", new_password=NEW_PASSWORD)
    page = me.post(page, "/password", current_password=PASSWORD, new_password=NEW_PASSWORD)
    assert page.status == 429 and int(page.headers["Retry-After"]) > 0
    assert not proves(deployment, me.citizen_id, PasswordAnswer(PASSWORD)), "slowed there too"


def test_contact_data_are_kept_unverified_and_told_in_the_inbox(deployment_each: Deployment) -> None:
    """S-304."""
    me, services = OwnPages(deployment_each), deployment_each.wiring.services
    page = me.open("/contact")
    page = me.post(page, "/contact", email="ny@mail.example", phone_number="+45 11 22 33 44")
    assert "done" in page.ids
    citizen = services.citizens.find(me.citizen_id)
    assert citizen is not None and citizen.phone_number == "+4511223344"
    assert citizen.email == "ny@mail.example" and not citizen.email_verified
    page = me.post(page, "/contact", email="ikke en adresse", phone_number="")
    assert page.status == 400 and "error-email" in page.ids and "ikke en adresse" in page.html
    page = me.post(page, "/contact", email="", phone_number="ring")
    assert page.status == 400 and "error-phone-number" in page.ids
    page = me.post(me.get("/contact"), "/contact", email="ny@mail.example", phone_number="+4511223344")
    assert "Der er ikke ændret noget" in page.words
    assert me.events().count("contact-changed") == 1
    page = me.post(page, "/contact/phrase", phrase="Den blå cykel")
    assert "done" in page.ids and services.safeties.find(me.citizen_id).phrase == "Den blå cykel"
    page = me.post(page, "/contact/phrase", phrase="se www.evil.test")
    assert page.status == 400 and "error-phrase" in page.ids
    page = me.get("/messages")
    assert "Den blå cykel" in page.words and "Dine kontaktoplysninger er ændret" in page.words


def test_a_citizen_without_a_password_chooses_a_first_one(deployment: Deployment) -> None:
    me = OwnPages(deployment)
    me.key = me.add_key("Passkey")
    services = deployment.wiring.services
    services.enrolment.remove(me.citizen_id, me.factor_ids("password")[0], now=deployment.clock())
    page = me.open("/password")
    assert "current-password" not in page.ids
    assert "done" in me.post(page, "/password", new_password=NEW_PASSWORD).ids
    assert proves(deployment, me.citizen_id, PasswordAnswer(NEW_PASSWORD))
