"""What a citizen does in a browser, step by step, for the tests that drive Chromium."""

from typing import Any
from urllib.parse import urlsplit

from tests.support.running_demo import DemoCitizen

SUBSTANTIAL = "urn:adgang:loa:substantial"


def begin(page: Any, service_url: str) -> None:
    """From the service's front page to the provider."""
    page.goto(service_url)
    page.click("#sign-in")


def type_password(page: Any, citizen: DemoCitizen, password: str | None = None) -> None:
    page.fill("#user-id", citizen.user_id)
    page.fill("#password", citizen.password if password is None else password)
    page.click("#continue")


def type_code(page: Any, citizen: DemoCitizen) -> None:
    page.fill("#code", citizen.code())
    page.click("#continue")


def arrive(page: Any, service_url: str, citizen: DemoCitizen) -> None:
    """The service knows who came, and at what level."""
    page.wait_for_selector("#name")
    assert urlsplit(page.url).netloc == urlsplit(service_url).netloc
    assert page.inner_text("#name") == citizen.name
    assert page.get_attribute("#level", "data-acr") == SUBSTANTIAL


def sign_in(page: Any, service_url: str, citizen: DemoCitizen) -> None:
    """The whole way, told and agreed."""
    begin(page, service_url)
    type_password(page, citizen)
    type_code(page, citizen)
    page.click("#accept")
    arrive(page, service_url, citizen)


def go_on(page: Any, service_url: str, citizen: DemoCitizen) -> None:
    """From wherever the page stands to the service, by answering what is asked and nothing else."""
    for _ in range(6):
        page.wait_for_selector("#user-id, #code, #accept, #notice, #name")
        if page.locator("#name").count():
            break
        with page.expect_navigation():
            _answer(page, citizen)
    arrive(page, service_url, citizen)


def _answer(page: Any, citizen: DemoCitizen) -> None:
    if page.locator("#user-id").count():
        type_password(page, citizen)
    elif page.locator("#code").count():
        type_code(page, citizen)
    elif page.locator("#accept").count():
        page.click("#accept")
    else:
        page.click("#notice a[href^='http']")
