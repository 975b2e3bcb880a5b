"""One citizen's way through one sign-in, as far as a test wants to go."""

from dataclasses import dataclass, field
from typing import Any

from idp.ceremonies import ADD_KEY
from tests.support.authenticator import Authenticator
from tests.support.citizen_browser import CitizenBrowser, Page
from tests.support.deployment import PASSWORD, Deployment
from tests.support.relying_party import AuthorizationAsked, RelyingParty

USER = "freja.holm"


def party(deployment: Deployment, name: str = "Byggesager", scope: str = "openid profile") -> RelyingParty:
    return RelyingParty(deployment, deployment.clients[name], scope)


@dataclass
class Journey:
    """A browser, the service that asked, and the page at hand."""

    deployment: Deployment
    browser: CitizenBrowser
    service: RelyingParty
    asked: AuthorizationAsked
    page: Page
    address: str = field(init=False)
    """Path of the login attempt."""

    def __post_init__(self) -> None:
        self.address = self.page.url.removeprefix(self.deployment.issuer).partition("?")[0]

    @property
    def token(self) -> str:
        """The form token of the attempt's pages."""
        own = (form for form in self.page.forms if form.action.startswith(self.address))
        return next(own).fields["csrf_token"]

    def password(self, user_id: str = USER, password: str = PASSWORD) -> Page:
        self.page = self.browser.submit(self.page, "/password", user_id=user_id, password=password)
        return self.page

    def code(self, code: str | None = None, user_id: str = USER) -> Page:
        right = self.deployment.code_of(user_id) if code is None else code
        self.page = self.browser.submit(self.page, "/totp", code=right)
        return self.page

    def passkey(self, key: Authenticator, **wrong: Any) -> Page:
        """One touch on the first page."""
        self.page = self.browser.use_key(self.page, "/passkey", key, **wrong)
        return self.page

    def key(self, key: Authenticator, **wrong: Any) -> Page:
        """A key where one more factor is asked for."""
        self.page = self.browser.use_key(self.page, "/key", key, **wrong)
        return self.page

    def answer(self, decision: str = "accept") -> Page:
        self.page = self.browser.submit(self.page, "/consent", decision=decision)
        return self.page

    def sign_in(self, user_id: str = USER) -> Page:
        """Both factors."""
        self.password(user_id)
        return self.code(user_id=user_id)

    def post(self, step: str, **fields: str) -> Page:
        """Send a step's form, whatever page is at hand."""
        return self.browser.post(f"{self.address}/{step}", fields)


def begin(
    deployment: Deployment,
    browser: CitizenBrowser | None = None,
    service: RelyingParty | None = None,
    **extra: str,
) -> Journey:
    """From the service to the first page."""
    browser, service = browser or CitizenBrowser(deployment.issuer), service or party(deployment)
    asked = service.ask(push=None, **extra)
    return Journey(deployment, browser, service, asked, browser.get(asked.url))


def cookie(browser: CitizenBrowser, kind: str) -> str | None:
    """The value of our cookie `kind`."""
    found = [c.value for c in browser.session.cookies if c.name.endswith(f"-{kind}")]
    return found[0] if found else None


def add_key(
    deployment: Deployment, user_id: str = USER, name: str = "Min nøgle", **traits: Any
) -> Authenticator:
    """A key of the citizen's, added some time ago."""
    services, citizen = deployment.wiring.services, deployment.citizens[user_id].citizen
    key = Authenticator(origin=deployment.issuer, **traits)
    ceremony = services.ceremonies.begin(ADD_KEY, "a test", user_verification_required=False)
    options = services.webauthn.begin(
        citizen.citizen_id, ceremony, user_id=user_id, display_name=citizen.name
    )
    services.webauthn.finish(
        citizen.citizen_id, key.create(options), ceremony, name=name, now=deployment.clock()
    )
    return key
