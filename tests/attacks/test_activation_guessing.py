"""/activate against who has no letter, somebody else's browser, or skips a step."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pyotp
import pytest

from idp.letters.codes import new_code
from idp.letters.letter import LetterKind
from idp.portal.activation.views import POSTS
from tests.support.citizen_browser import CitizenBrowser
from tests.support.deployment import Deployment
from tests.support.invited import PASSWORD, ActivationJourney, invite
from tests.support.journey import cookie

FIELDS = {
    "person": {"answer": "yes"},
    "account": {"user_id": "nora.lind", "new_password": PASSWORD},
    "app": {"code": "123456", "name": "x"},
    "key": {"credential": "{}", "name": "x"},
}


def test_guessed_codes_are_slowed_by_neighbourhood_and_a_real_letter_still_works(
    deployment: Deployment,
) -> None:
    """S-246, S-309: no account can be locked from outside; the letter is as good afterwards."""
    person = invite(deployment)
    journey = ActivationJourney(deployment, person)
    limit = deployment.settings.failed_sign_ins_per_address
    statuses = [journey.type_code(new_code()).status for _ in range(limit)]
    assert set(statuses) == {400}
    journey.page = journey.browser.get("/activate")
    slowed = journey.type_code()
    assert slowed.status == 429
    assert int(slowed.headers["Retry-After"]) > 0
    assert deployment.wiring.letters.look(person.code, kind=LetterKind.ACTIVATION, now=deployment.clock())


def test_guesses_at_codes_and_at_passwords_share_one_budget(deployment: Deployment) -> None:
    """S-246: one limit over all routes that verify something."""
    from tests.support.journey import begin

    journey = ActivationJourney(deployment, invite(deployment))
    for _ in range(deployment.settings.failed_sign_ins_per_address):
        journey.type_code(new_code())
        journey.page = journey.browser.get("/activate")
    assert begin(deployment).password(password="wrong").status == 429


@pytest.mark.parametrize("step", POSTS)
def test_no_form_does_anything_without_a_code(deployment: Deployment, step: str) -> None:
    """S-294, S-295: every route, with nothing proven."""
    browser = CitizenBrowser(deployment.issuer)
    token = browser.get("/activate").form("/code").fields["csrf_token"]
    page = browser.post(f"/activate/{step}", {"csrf_token": token, **FIELDS[step]})
    assert "letter-code" in page.ids
    assert deployment.wiring.services.citizens.find_by_user_id("nora.lind") is None


@pytest.mark.parametrize("step", ["account", "app", "key"])
def test_no_step_is_skipped(deployment: Deployment, step: str) -> None:
    """S-295: the record decides which step it is, not the address and not the form."""
    journey = ActivationJourney(deployment, invite(deployment))
    token = journey.type_code().form("/person").fields["csrf_token"]
    page = journey.browser.post(f"/activate/{step}", {"csrf_token": token, **FIELDS[step]})
    assert "yes" in page.ids
    assert "secret" not in journey.browser.get("/activate?factor=key&change=account").ids


@pytest.mark.parametrize("step", [*POSTS, "code"])
@pytest.mark.parametrize("token", ["", "0" * 64])
def test_a_form_from_elsewhere_is_refused(deployment: Deployment, step: str, token: str) -> None:
    """S-217: missing and foreign tokens, and other sites."""
    journey = ActivationJourney(deployment, invite(deployment))
    journey.type_code()
    fields = {"csrf_token": token, "letter_code": journey.person.code, **FIELDS.get(step, {})}
    assert journey.browser.post(f"/activate/{step}", fields).status == 403
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"}
    assert journey.browser.post(f"/activate/{step}", fields, headers=foreign).status == 403


def test_one_letter_in_two_browsers_makes_one_citizen(deployment_each: Deployment) -> None:
    """S-288: at the same moment; the other is told that the code is used, and nothing of it is left."""
    deployment = deployment_each
    person = invite(deployment)
    journeys = [ActivationJourney(deployment, person) for _ in range(4)]
    for number, journey in enumerate(journeys):
        journey.up_to_factor(f"nora.{number}xx")
    gate = threading.Barrier(len(journeys))

    def finish(journey: ActivationJourney) -> str:
        code = pyotp.TOTP(journey.secret).at(deployment.clock())
        gate.wait()
        page = journey.add_app(code)
        return (
            "codes"
            if "recovery-codes" in page.ids
            else "used"
            if "allerede brugt" in page.words
            else page.words
        )

    with ThreadPoolExecutor(len(journeys)) as pool:
        outcomes = sorted(pool.map(finish, journeys))
    assert outcomes == ["codes", "used", "used", "used"]
    services = deployment.wiring.services
    found = [services.citizens.find_by_user_id(f"nora.{number}xx") for number in range(4)]
    [citizen] = [each for each in found if each is not None]
    assert len(services.factors.of_citizen(citizen.citizen_id)) == 3


def test_the_record_of_one_browser_opens_nothing_in_another(deployment: Deployment) -> None:
    """S-299: an offer made to one browser is not confirmed by another with the same letter."""
    person = invite(deployment)
    mine, thief = ActivationJourney(deployment, person), ActivationJourney(deployment, person)
    mine.up_to_factor("mine.mine")
    thief.up_to_factor("thief.thief")
    assert mine.secret != thief.secret
    page = thief.add_app(pyotp.TOTP(mine.secret).at(deployment.clock()))
    assert page.status == 400


def test_a_new_secret_is_given_for_the_code_and_a_planted_one_is_not_taken(deployment: Deployment) -> None:
    """S-214."""
    journey = ActivationJourney(deployment, invite(deployment))
    name = next(c.name for c in journey.browser.session.cookies if c.name.endswith("-browser"))
    journey.browser.session.cookies.set(name.replace("-browser", "-activation"), "planted")
    journey.page = journey.browser.get("/activate")
    journey.type_code()
    assert cookie(journey.browser, "activation") != "planted"


def test_who_has_no_code_learns_of_no_user_id(deployment: Deployment) -> None:
    """S-238: taken and free are told apart only behind a valid code, and not without end."""
    journey = ActivationJourney(deployment, invite(deployment))
    journey.type_code()
    journey.say_yes()
    told = [journey.choose("freja.holm").words for _ in range(31)]
    assert "optaget" in told[29]
    assert "optaget" not in told[30]
    assert "Vent en time" in told[30]


def test_the_code_stands_in_no_address_log_or_answer(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    person = invite(deployment)
    with caplog.at_level(0):
        journey = ActivationJourney(deployment, person)
        pages = [journey.page, journey.type_code(), journey.say_yes(), journey.choose()]
    bare = person.code.replace("-", "")
    said = caplog.text + "".join(page.html + page.url for page in pages)
    assert bare not in said
    assert person.code not in said
    assert not re.search(r"670385", said)
