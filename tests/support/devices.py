"""A device without a browser, and the citizen who answers for it at a page of their own."""

from dataclasses import dataclass, field
from typing import Any

import requests

from idp.grants import device_code
from idp.ids import digest, new_id, new_secret
from idp.records import BrowserSession, LoginAttempt
from tests.support.citizen_browser import Page
from tests.support.deployment import Deployment
from tests.support.own_pages import OwnPages
from tests.support.relying_party import RelyingParty

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"
KINDS: dict[str, dict[str, Any]] = {
    "public": {"token_endpoint_auth_method": "none", "application_type": "native"},
    "confidential": {"token_endpoint_auth_method": "private_key_jwt"},
}


def device_party(deployment: Deployment, kind: str = "public", **metadata: Any) -> RelyingParty:
    """A client that is registered for devices alone, of a purpose that the law gives."""
    organisation = deployment.wiring.registry.organisations()[0].organisation_id
    registered: dict[str, Any] = {
        "profile": "oidc",
        "grant_types": [GRANT_TYPE],
        "redirect_uris": [],
        "id_token_signed_response_alg": "ES256",
        **KINDS[kind],
    }
    client = deployment.add_client(f"Måler {kind}", organisation, **registered | metadata)
    return RelyingParty(deployment, client)


@dataclass
class Device:
    """What was asked for, and what the device now shows and knows."""

    service: RelyingParty
    told: dict[str, Any] = field(repr=False)

    @property
    def user_code(self) -> str:
        return str(self.told["user_code"])

    def poll(self, after: float = 5) -> requests.Response:
        """Ask whether the citizen has decided, once these seconds have passed."""
        self.service.deployment.clock.forward(seconds=after)
        fields = {"grant_type": GRANT_TYPE, "device_code": str(self.told["device_code"])}
        return self.service.post("/token", fields)

    def outcome(self, after: float = 5) -> str:
        """The error of a poll, or `tokens`."""
        answer = self.poll(after)
        return "tokens" if answer.status_code == 200 else str(answer.json()["error"])


def start(service: RelyingParty, **parameters: str) -> Device:
    """The device asks for its codes (RFC 8628 §3.1)."""
    answer = ask(service, **parameters)
    assert answer.status_code == 200, answer.text
    return Device(service, answer.json())


def ask(service: RelyingParty, **parameters: str) -> requests.Response:
    return service.post("/device_authorization", {"scope": service.scope, **parameters})


def approved_by(device: Device, session: BrowserSession) -> Device:
    """The citizen of this session has said yes, without the pages."""
    services = device.service.deployment.wiring.services
    found = services.device_requests.find_by_user_code(device.user_code.replace("-", ""))
    assert found is not None
    key, asked = found
    attempt = LoginAttempt(
        attempt_id=new_id(),
        browser_digest=digest(new_secret()),
        request=asked.request,
        request_key=key,
        started_at=services.clock(),
        finish_by=asked.expires_at,
        expires_at=asked.expires_at,
        device=asked.device,
    )
    device_code.approve(services, attempt, session, lasting=False, service_name="")
    return device


class DeviceCitizen(OwnPages):
    """The citizen in one browser, at the page for devices."""

    def type_code(self, user_code: str) -> Page:
        """From the page for devices, after a sign-in where one is asked for, to what follows the code."""
        page = self.prove(self.browser.get("/device"))
        assert "user-code" in page.ids, (page.status, page.words)
        return self.browser.submit(page, "/device", user_code=user_code)

    def answer(self, page: Page, decision: str) -> Page:
        """Press one of the page's buttons."""
        return self.browser.submit(page, "/device", decision=decision)
