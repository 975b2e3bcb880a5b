"""Recovery from a lost phone in real Chromium, with axe on each page, in three languages, phone and desktop."""

import os
import re
from pathlib import Path
from typing import Any

import pyotp
import pytest

from idp.letters.letter import LetterKind
from tests.browser.looking import look
from tests.support.deployment import PASSWORD, Deployment

SIZES = {"phone": {"width": 390, "height": 844}, "desktop": {"width": 1280, "height": 900}}


def look_and_keep(page: Any, name: str) -> None:
    look(page)
    folder = os.environ.get("ADGANG_SCREENSHOTS")
    if folder:
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


@pytest.mark.browser
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", ["da", "en", "nb"])
def test_a_lost_phone_from_start_to_end(page: Any, deployment: Deployment, language: str, size: str) -> None:
    made, name = deployment, f"{language}-{size}"
    citizen_id = made.citizens["freja.holm"].citizen.citizen_id
    code = made.wiring.database.transact(
        lambda tx: (
            made.wiring.letters.issue(
                tx, kind=LetterKind.RECOVERY, citizen_id=citizen_id, actor="citizen", now=made.clock()
            ).code
        )
    )
    page.set_viewport_size(SIZES[size])
    scanned = "#" + code.replace("-", "") if size == "phone" else ""
    page.goto(f"{made.issuer}/recover?lang={language}{scanned}")
    assert page.url.endswith(f"lang={language}"), "the code leaves the address at once"
    look_and_keep(page, f"entry-{name}")
    page.check("#lost-factor")
    page.click("#continue")
    look_and_keep(page, f"who-{name}")
    page.fill("#user-id", "freja.holm")
    page.click("#continue")
    look_and_keep(page, f"ways-{name}")
    page.click("#way-letter")
    if scanned:
        assert page.input_value("#letter-code") == code
        assert page.evaluate("sessionStorage.length") == 0
    else:
        page.fill("#letter-code", code)
    look_and_keep(page, f"way-{name}")
    page.click("#continue")
    page.click("#way-password")
    page.fill("#password", PASSWORD)
    page.click("#continue")
    look_and_keep(page, f"lost-{name}")
    page.check("#lost-1")
    page.click("#continue")
    look_and_keep(page, f"new-{name}")
    seed = re.sub(r"\s", "", page.text_content("#secret"))
    page.fill("#code", pyotp.TOTP(seed).at(made.clock()))
    page.click("#continue")
    page.wait_for_selector("#done")
    look_and_keep(page, f"done-{name}")
    for path in ("/recover/letter-order", "/stop"):
        page.goto(made.issuer + path)
        look_and_keep(page, f"{path.rpartition('/')[2]}-{name}")
