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
        button = _fill_in(page, citizen)  # first, since a new code may have to be waited for
        with page.expect_navigation():
            page.click(button)
    arrive(page, service_url, citizen)


def _fill_in(page: Any, citizen: DemoCitizen) -> str:
    """Type what is asked; the selector of what is to be pressed then."""
    if page.locator("#user-id").count():
        page.fill("#user-id", citizen.user_id)
        page.fill("#password", citizen.password)
        return "#continue"
    if page.locator("#code").count():
        page.fill("#code", citizen.code())
        return "#continue"
    return "#accept" if page.locator("#accept").count() else "#notice a[href^='http']"
