"""From the PDF of a letter to a service, on a phone, in real Chromium; axe finds nothing on any page."""

from pathlib import Path
from typing import Any

import pyotp
import pytest
from playwright.sync_api import expect
from pypdf import PdfReader

from idp.letters.letter import LetterKind
from tests.browser.test_journey import look
from tests.support.deployment import Deployment
from tests.support.invited import PASSWORD, code_on_paper, invite
from tests.support.journey import party

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

PHONE = {"width": 390, "height": 844}
CALLBACK = "http://localhost:9/**"


def code_in(letter: Path) -> str:
    """What a citizen reads on the paper."""
    return code_on_paper(PdfReader(letter).pages[0].extract_text())


def printed(deployment: Deployment, folder: Path) -> Path:
    [file] = deployment.wiring.printing.run(folder)
    return file.path


def app_code(page: Any, deployment: Deployment) -> str:
    page.locator("details:has(#secret)").evaluate("part => { part.open = true }")
    secret = page.locator("#secret").inner_text().replace(" ", "")
    return pyotp.TOTP(secret).at(deployment.clock())


@pytest.mark.parametrize(
    ("locale", "language", "scheme"),
    [("da-DK", "da", "light"), ("en-GB", "en", "dark"), ("nb-NO", "nb", "light")],
)
def test_a_citizen_goes_from_the_letter_to_the_service(
    deployment: Deployment, visitor: Any, tmp_path: Path, locale: str, language: str, scheme: str
) -> None:
    invite(deployment, language=language)
    code = code_in(printed(deployment, tmp_path))
    page = visitor(viewport=PHONE, locale=locale, color_scheme=scheme)
    page.route(
        CALLBACK, lambda route: route.fulfill(body="<h1 id=arrived>Byggesager</h1>", content_type="text/html")
    )
    service = party(deployment)
    asked = service.ask()
    page.goto(asked.url)
    page.click("#have-letter")
    expect(page.locator("html")).to_have_attribute("lang", language)
    look(page)
    page.fill("#letter-code", code.lower().replace("-", ""))
    page.click("#continue")
    expect(page.locator("main")).to_contain_text("N*** L***")
    look(page)
    page.click("#yes")
    look(page)
    page.fill("#user-id", "nora")
    page.fill("#new-password", PASSWORD)
    page.click("#continue")
    expect(page.locator("#error-summary")).to_be_focused()
    look(page)
    page.fill("#user-id", "nora.lind")
    page.fill("#new-password", PASSWORD)
    page.click("#continue")
    look(page)
    page.fill("#code", app_code(page, deployment))
    page.click("#continue")
    expect(page.locator("#recovery-codes li")).to_have_count(10)
    look(page)
    page.click("#onward")
    look(page)
    page.click("#accept")
    page.wait_for_selector("#arrived")
    back = dict(part.split("=", 1) for part in page.url.partition("?")[2].split("&"))
    assert service.redeem(back["code"], asked.verifier).status_code == 200
    assert [said for said in page.complaints if "400" not in said] == []  # the short user ID


def test_a_scanned_letter_fills_the_code_in_and_leaves_it_in_no_address(
    deployment: Deployment, visitor: Any
) -> None:
    person = invite(deployment)
    page = visitor(viewport=PHONE)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url + str(request.headers)))
    page.goto(f"{deployment.issuer}/activate#{person.code.replace('-', '')}")
    expect(page.locator("#letter-code")).to_have_value(person.code)
    assert page.url == f"{deployment.issuer}/activate"
    page.click("#continue")
    expect(page.locator("#yes")).to_be_visible()
    assert not [each for each in asked if person.code.replace("-", "") in each.replace("-", "")]
    page.go_back()
    assert "#" not in page.url


def test_a_passkey_is_made_ready_with_one_touch(deployment: Deployment, visitor: Any) -> None:
    person = invite(deployment)
    page = visitor(viewport=PHONE)
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable", {"enableUI": False})
    traits = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": traits})
    page.goto(f"{deployment.issuer}/activate")
    page.fill("#letter-code", person.code)
    page.click("#continue")
    page.click("#yes")
    page.fill("#user-id", "nora.lind")
    page.fill("#new-password", PASSWORD)
    page.click("#continue")
    page.click("#use-key-instead")
    look(page)
    page.click("#add-key")
    expect(page.locator("#recovery-codes li")).to_have_count(10)
    page.click("#onward")
    expect(page).to_have_url(f"{deployment.issuer}/me/security")


@pytest.mark.parametrize("said", ["no", "used", "wrong"])
def test_every_wrong_turn_is_a_page_that_leads_on(deployment: Deployment, visitor: Any, said: str) -> None:
    person = invite(deployment)
    page = visitor(viewport=PHONE)
    page.goto(f"{deployment.issuer}/activate")
    if said == "used":
        deployment.wiring.database.transact(
            lambda tx: deployment.wiring.letters.spend(
                tx, person.code, kind=LetterKind.ACTIVATION, now=deployment.clock()
            )
        )
    page.fill("#letter-code", "7F3K" if said == "wrong" else person.code)
    page.click("#continue")
    if said == "no":
        page.click("#no")
        expect(page.locator("#again")).to_be_visible()
    else:
        expect(page.locator("#error-summary")).to_be_focused()
    look(page)
