"""From a letter to an access, over HTTP: the whole way, and every turn that a citizen may take instead."""

import re
from datetime import timedelta

import pyotp
import pytest

from idp.ledger import events
from idp.letters.letter import LetterKind
from tests.support.authenticator import Authenticator
from tests.support.citizen_browser import CitizenBrowser
from tests.support.deployment import Deployment
from tests.support.invited import PASSWORD, ActivationJourney, invite
from tests.support.journey import begin, cookie


def test_a_letter_becomes_an_access_and_the_citizen_is_signed_in(deployment_each: Deployment) -> None:
    deployment = deployment_each
    journey = ActivationJourney(deployment, invite(deployment))
    page = journey.type_code()
    assert "N*** L***, født i 1985" in page.words.replace(" ,", ",")
    assert "Nora" not in page.words
    assert {"user-id", "new-password"} <= journey.say_yes().ids
    assert "secret" in journey.choose().ids
    secret = journey.secret
    page = journey.add_app()
    assert page.status == 200
    assert len(re.findall(r"<li><code>", page.html)) == 10
    assert "/me/security" in page.html
    home = journey.browser.get("/")
    assert "Nora Lind" in home.words
    citizen = deployment.wiring.services.citizens.find_by_user_id("nora.lind")
    assert citizen is not None
    assert (citizen.citizen_id, citizen.birthdate) == (journey.person.citizen_id, "1985-03-07")
    happened = [entry.event for entry in deployment.wiring.ledger.of_citizen(citizen.citizen_id)]
    assert happened[:3] == [events.INVITED, events.LETTER_ISSUED, events.ACTIVATED]
    assert happened[-1] == events.SIGNED_IN
    assert deployment.wiring.invitations.find(citizen.citizen_id) is None
    assert deployment.wiring.citizen_store.load_cpr(citizen.citizen_id) == "6703854001"

    deployment.clock.forward(seconds=30)
    later = begin(deployment)
    later.password("nora.lind", PASSWORD)
    later.code(pyotp.TOTP(secret).at(deployment.clock()))
    assert "released" in later.page.ids


def test_the_citizen_comes_back_to_the_service_that_asked(deployment: Deployment) -> None:
    sign_in = begin(deployment)
    assert "have-letter" in sign_in.page.ids
    journey = ActivationJourney(deployment, invite(deployment))
    journey.browser = sign_in.browser
    journey.page = journey.browser.get(f"/activate?attempt={sign_in.address.rpartition('/')[2]}")
    page = journey.activate()
    onward = re.search(r'id="onward" href="([^"]+)"', page.html)
    assert onward is not None
    assert onward[1] == sign_in.address
    assert "videre til Byggesager" in page.words
    sign_in.page = journey.browser.get(onward[1])
    assert "released" in sign_in.page.ids
    answer = sign_in.answer().answer
    assert answer is not None
    assert sign_in.service.redeem(answer["code"], sign_in.asked.verifier).status_code == 200


def test_a_sign_in_that_took_too_long_leads_to_the_service_itself(deployment: Deployment) -> None:
    sign_in = begin(deployment)
    journey = ActivationJourney(deployment, invite(deployment))
    journey.browser = sign_in.browser
    journey.page = journey.browser.get(f"/activate?attempt={sign_in.address.rpartition('/')[2]}")
    journey.type_code()
    journey.say_yes()
    deployment.clock.forward(timedelta(minutes=15))
    journey.choose()
    onward = re.search(r'id="onward" href="([^"]+)"', journey.add_app().html)
    assert onward is not None
    assert not onward[1].startswith(("/login", "/me"))


def test_another_browsers_sign_in_is_not_gone_on_with(deployment: Deployment) -> None:
    """S-215: the link carries an attempt, and only the browser that began it may go on with it."""
    stranger = begin(deployment)
    journey = ActivationJourney(deployment, invite(deployment))
    journey.page = journey.browser.get(f"/activate?attempt={stranger.address.rpartition('/')[2]}")
    assert 'id="onward" href="/me/security"' in journey.activate().html


def test_a_passkey_is_a_first_factor_too(deployment: Deployment) -> None:
    journey = ActivationJourney(deployment, invite(deployment))
    journey.up_to_factor()
    page = journey.browser.get("/activate?factor=key")
    form = page.form("/activate/key")
    key = Authenticator(origin=deployment.issuer)
    page = journey.browser.submit(page, "/activate/key", credential=key.create(form.options), name="Nøglen")
    assert "recovery-codes" in page.ids, page.words
    assert "Nora Lind" in journey.browser.get("/").words


# --- wrong turns -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Skriv koden fra brevet"),
        ("7F3K-2QXA", "ikke skrevet rigtigt"),
        ("0" * 24, "Vi kender ikke den kode"),
        ("X" * 80, "ikke skrevet rigtigt"),
    ],
)
def test_a_code_that_opens_nothing_is_told_at_its_field(
    deployment: Deployment, typed: str, said: str
) -> None:
    journey = ActivationJourney(deployment, invite(deployment))
    page = journey.type_code(typed)
    assert page.status == 400
    assert said in page.words
    assert "error-letter-code" in page.ids
    assert "N*** L***" in journey.type_code().words


def test_a_slip_of_the_hand_is_mended_and_not_typed_anew(deployment: Deployment) -> None:
    journey = ActivationJourney(deployment, invite(deployment))
    slip = journey.person.code[:-1] + ("2" if journey.person.code[-1] != "2" else "3")
    page = journey.type_code(f'{slip}"><b>')
    assert page.form("/code").fields["letter_code"] == f'{slip}"><b>'
    assert "<b>" not in page.html
    assert page.headers["Cache-Control"] == "no-store"


def test_a_used_code_leads_to_the_sign_in(deployment: Deployment) -> None:
    person = invite(deployment)
    ActivationJourney(deployment, person).activate()
    page = ActivationJourney(deployment, person).type_code()
    assert "allerede brugt" in page.words
    assert "sign-in" in page.ids


def test_an_expired_and_a_replaced_letter_say_so(deployment: Deployment) -> None:
    """S-306, S-310."""
    person, now = invite(deployment), deployment.clock()
    wiring = deployment.wiring
    wiring.database.transact(
        lambda tx: wiring.letters.issue(
            tx, kind=LetterKind.ACTIVATION, citizen_id=person.citizen_id, actor="operator:test", now=now
        )
    )
    assert "nyere brev" in ActivationJourney(deployment, person).type_code().words
    other = invite(deployment, "Per Lind", number=2)
    deployment.clock.forward(timedelta(days=21))
    assert "udløbet" in ActivationJourney(deployment, other).type_code().words


def test_a_recovery_letters_code_is_sent_to_its_own_page(deployment: Deployment) -> None:
    """S-306: type A used at endpoint B."""
    person, wiring = invite(deployment), deployment.wiring
    issued = wiring.database.transact(
        lambda tx: wiring.letters.issue(
            tx,
            kind=LetterKind.RECOVERY,
            citizen_id=person.citizen_id,
            actor="citizen",
            now=deployment.clock(),
        )
    )
    page = ActivationJourney(deployment, person).type_code(issued.code)
    assert "hører til på en anden side" in page.words
    assert '/recover"' in page.html


def test_a_letter_that_is_replaced_half_way_ends_the_activation(deployment: Deployment) -> None:
    person, wiring = invite(deployment), deployment.wiring
    journey = ActivationJourney(deployment, person)
    journey.up_to_factor()
    wiring.database.transact(
        lambda tx: wiring.letters.issue(
            tx,
            kind=LetterKind.ACTIVATION,
            citizen_id=person.citizen_id,
            actor="operator:test",
            now=deployment.clock(),
        )
    )
    page = journey.add_app()
    assert "nyere brev" in page.words
    assert wiring.services.citizens.find_by_user_id("nora.lind") is None


def test_losing_the_browser_half_way_loses_nothing(deployment: Deployment) -> None:
    person = invite(deployment)
    ActivationJourney(deployment, person).up_to_factor("first.try")
    page = ActivationJourney(deployment, person).activate("second.try")
    assert "recovery-codes" in page.ids


def test_who_says_that_it_is_somebody_else_uses_nothing_up(deployment: Deployment) -> None:
    person = invite(deployment)
    journey = ActivationJourney(deployment, person)
    page = journey.browser.submit(journey.type_code(), "/person", answer="no")
    assert "notice" in page.ids
    assert "letter-code" in journey.browser.get("/activate").ids
    assert "recovery-codes" in ActivationJourney(deployment, person).activate().ids


def test_a_reload_the_back_button_and_a_second_window_end_where_the_activation_is(
    deployment: Deployment,
) -> None:
    journey = ActivationJourney(deployment, invite(deployment))
    person_page = journey.type_code()
    account_page = journey.say_yes()
    assert "user-id" in journey.browser.submit(person_page, "/person", answer="yes").ids
    app_page = journey.choose()
    assert journey.browser.get("/activate").html == app_page.html
    second = journey.browser.submit(account_page, "/account", user_id="nora.2", new_password=PASSWORD)
    assert "nora.2" in second.words
    done = journey.add_app()
    assert "recovery-codes" in done.ids
    after = journey.browser.submit(app_page, "/app", code="123456", name="Min telefon")
    assert after.url.endswith("/me/security")
    assert deployment.wiring.services.citizens.find_by_user_id("nora.2") is not None


def test_a_wrong_first_code_uses_nothing_up(deployment: Deployment) -> None:
    journey = ActivationJourney(deployment, invite(deployment))
    secret = (journey.up_to_factor(), journey.secret)[1]
    page = journey.add_app("000000")
    assert page.status == 400
    assert "error-code" in page.ids
    assert journey.secret == secret
    assert "recovery-codes" in journey.add_app().ids


@pytest.mark.parametrize(
    ("user_id", "password", "field", "said"),
    [
        ("", PASSWORD, "user-id", "Skriv dit bruger-id"),
        ("nora", PASSWORD, "user-id", "5 til 48 tegn"),
        ("nora@mail.example", PASSWORD, "user-id", "Brug ikke en e-mailadresse"),
        ("670385-4001", PASSWORD, "user-id", "CPR-nummer"),
        ("FREJA.holm", PASSWORD, "user-id", "optaget"),
        ("nora.lind", "kort", "new-password", "mindst otte tegn"),
        ("nora.lind", "password", "new-password", "gættet først"),
        ("nora.lind", "nora.lind", "new-password", "ligner dit bruger-id"),
    ],
)
def test_what_may_not_be_chosen_is_told_at_its_field(
    deployment: Deployment, user_id: str, password: str, field: str, said: str
) -> None:
    """S-232, S-249."""
    journey = ActivationJourney(deployment, invite(deployment))
    journey.type_code()
    journey.say_yes()
    page = journey.choose(user_id, password)
    assert page.status == 400
    assert said in page.words
    assert f"error-{field}" in page.ids
    assert "secret" in journey.choose("nora.lind").ids


def test_a_user_id_that_is_taken_meanwhile_is_chosen_anew(deployment: Deployment) -> None:
    late = ActivationJourney(deployment, invite(deployment))
    late.up_to_factor()
    ActivationJourney(deployment, invite(deployment, "Per Lind", number=2)).activate("Nora.Lind")
    page = late.add_app()
    assert "optaget" in page.words
    late.choose("nora.lind.2")
    assert "recovery-codes" in late.add_app().ids


def test_a_letter_speaks_its_readers_language_on_the_screen_too(deployment: Deployment) -> None:
    journey = ActivationJourney(deployment, invite(deployment, language="en"))
    assert "Is this you?" in journey.type_code().words


def test_another_citizens_session_in_this_browser_ends(deployment: Deployment) -> None:
    family = begin(deployment)
    family.sign_in()
    freja = cookie(family.browser, "session")
    journey = ActivationJourney(deployment, invite(deployment))
    journey.browser = family.browser
    journey.page = journey.browser.get("/activate")
    journey.activate()
    assert "Nora Lind" in journey.browser.get("/").words
    other = CitizenBrowser(deployment.issuer)
    for name, value in family.browser.session.cookies.items():
        if not name.endswith("-session"):
            continue
        other.session.cookies.set(name, freja)
        assert value != freja
    assert "Freja" not in other.get("/").words
