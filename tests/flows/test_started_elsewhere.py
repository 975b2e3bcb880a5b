"""Third-party-initiated login (OpenID Connect Core §4): our front page lists services, and each begins the sign-in itself."""

import re
from html import unescape
from urllib.parse import parse_qsl, urlsplit

from tests.support.citizen_browser import CitizenBrowser, Page
from tests.support.deployment import Deployment
from tests.support.journey import begin
from tests.support.signing_out import leaving_party

START = "https://byg.nordhavn.example/begynd"
HOME = "https://byg.nordhavn.example/"


def links_of(page: Page, list_id: str = "services") -> list[str]:
    _, _, rest = page.html.partition(f'id="{list_id}"')
    return [unescape(url) for url in re.findall(r'<a href="([^"]+)"', rest.partition("</ul>")[0])]


def test_everybody_finds_the_services_that_can_be_started_from_here(deployment: Deployment) -> None:
    """With `iss`, and with `target_link_uri` where the service has a page that it wants people at."""
    front = CitizenBrowser(deployment.issuer).get("/")
    assert links_of(front) == []
    leaving_party(deployment, "bygge-a", initiate_login_uri=START, client_uri=HOME)
    leaving_party(deployment, "bygge-b", initiate_login_uri=f"{START}?a=b")
    leaving_party(deployment, "bygge-c", client_uri=HOME)
    first, second = links_of(CitizenBrowser(deployment.issuer).get("/"))
    assert first.partition("?")[0] == START
    assert dict(parse_qsl(urlsplit(first).query)) == {"iss": deployment.issuer, "target_link_uri": HOME}
    assert dict(parse_qsl(urlsplit(second).query)) == {"a": "b", "iss": deployment.issuer}


def test_who_is_signed_in_finds_them_too_and_goes_through_without_a_question(deployment: Deployment) -> None:
    """What the service then sends is an authorization request like any other."""
    service = leaving_party(deployment, "bygge-a", initiate_login_uri=START)
    journey = begin(deployment)
    journey.sign_in()
    (link,) = links_of(journey.browser.get("/"), "other-services")
    assert link.startswith(f"{START}?iss=")
    started = begin(deployment, journey.browser, service)
    assert "user-id" not in started.page.ids


def test_a_disabled_service_is_not_listed(deployment: Deployment) -> None:
    service = leaving_party(deployment, "bygge-a", initiate_login_uri=START)
    registry = deployment.wiring.registry_services
    registry.transact(
        lambda tx: registry.registrations.disable(
            tx, service.client.client_id, actor="operator:test", reason="a test"
        )
    )
    deployment.clock.forward(seconds=2)
    assert links_of(CitizenBrowser(deployment.issuer).get("/")) == []
