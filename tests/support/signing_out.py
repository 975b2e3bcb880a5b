"""Services that a citizen is signed in to, and what they ask when the citizen signs out there."""

from typing import Any
from urllib.parse import urlencode

from tests.support.citizen_browser import CitizenBrowser, Page
from tests.support.deployment import Deployment
from tests.support.journey import Journey, begin
from tests.support.relying_party import RelyingParty

AFTERWARDS = "https://{name}.nordhavn.example/logget-ud"


def leaving_party(deployment: Deployment, name: str = "leaving", **metadata: Any) -> RelyingParty:
    """A service that knows where its citizens go after a sign-out."""
    organisation = deployment.wiring.registry.organisations()[0].organisation_id
    registered = {"post_logout_redirect_uris": [AFTERWARDS.format(name=name)], **metadata}
    return RelyingParty(deployment, deployment.add_client(name, organisation, **registered))


def signed_in_at(
    deployment: Deployment, service: RelyingParty, browser: CitizenBrowser | None = None
) -> tuple[Journey, dict[str, Any]]:
    """A citizen who arrives at the service, and the tokens that it gets."""
    journey = begin(deployment, browser, service)
    if "user-id" in journey.page.ids:
        deployment.clock.forward(seconds=30)
        journey.sign_in()
    page = journey.answer() if journey.page.answer is None else journey.page
    assert page.answer is not None, page.words
    answer = service.redeem(page.answer["code"], journey.asked.verifier)
    assert answer.status_code == 200, answer.text
    return journey, dict(answer.json())


def end_session(browser: CitizenBrowser, method: str = "GET", **parameters: str) -> Page:
    """What the browser shows after a service has sent it to the end session endpoint."""
    if method == "GET":
        return browser.get(f"/end-session?{urlencode(parameters)}")
    headers = {
        "Sec-Fetch-Site": "cross-site",
        "Origin": "https://leaving.nordhavn.example",
        "Content-Type": "application/x-www-form-urlencoded",  # of an empty form too, as browsers send it
    }
    return browser.post("/end-session", parameters, headers=headers)


def is_signed_in(browser: CitizenBrowser) -> bool:
    return "sign-out" in browser.get("/").ids
