"""Services that a citizen is signed in to, and what they ask when the citizen signs out there."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

from idp.ids import new_id
from idp.records import BrowserSession, Grant
from tests.support.citizen_browser import CitizenBrowser, Page
from tests.support.deployment import Deployment
from tests.support.foreign_servers import ForeignServer
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


def given_in(deployment: Deployment, session: BrowserSession, *client_ids: str) -> None:
    """What these clients would have after a sign-in in the session."""
    services, now = deployment.wiring.services, deployment.clock()

    def work(tx: object) -> None:
        for client_id in client_ids:
            grant = Grant(
                grant_id=new_id(),
                citizen_id=session.citizen_id,
                client_id=client_id,
                session_id=session.session_id,
                scope=("openid",),
                claims=(),
                purpose_id="byggesag",
                created_at=now,
                expires_at=now + timedelta(minutes=5),
            )
            services.grants.add(tx, grant)

    services.transact(work)


def told(server: ForeignServer) -> list[str]:
    """The logout tokens that a service got."""
    bodies = (request.partition(b"\r\n\r\n")[2].decode() for request in server.requests)
    return [dict(parse_qsl(body))["logout_token"] for body in bodies]
