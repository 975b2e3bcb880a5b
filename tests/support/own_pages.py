"""A citizen at the pages of their own: signs in when asked, and goes on."""

from tests.support.citizen_browser import CitizenBrowser, Page
from tests.support.deployment import PASSWORD, Deployment
from tests.support.journey import USER

ROOT = "/me/security"


class OwnPages:
    """One browser of one citizen."""

    def __init__(self, deployment: Deployment, user_id: str = USER, password: str = PASSWORD) -> None:
        self.deployment = deployment
        self.user_id = user_id
        self.password = password
        self.browser = CitizenBrowser(deployment.issuer)

    @property
    def citizen_id(self) -> str:
        return self.deployment.citizens[self.user_id].citizen.citizen_id

    def open(self, path: str = "") -> Page:
        """The page, after whatever has to be proven for it."""
        return self.prove(self.browser.get(ROOT + path))

    def prove(self, page: Page) -> Page:
        """Answer what a sign-in asks, if it asks."""
        if "user-id" in page.ids and any(form.action.endswith("/password") for form in page.forms):
            page = self.browser.submit(page, "/password", user_id=self.user_id, password=self.password)
        if "code" in page.ids and any(form.action.endswith("/totp") for form in page.forms):
            page = self.browser.submit(page, "/totp", code=self.next_code())
        return page

    def next_code(self) -> str:
        """A code that was not used yet."""
        self.deployment.clock.forward(seconds=30)
        return self.deployment.code_of(self.user_id)

    def post(self, page: Page, ending: str, **typed: str) -> Page:
        """Send the form of this page whose address ends so."""
        return self.browser.submit(page, ending, **typed)

    def events(self) -> list[str]:
        """What the ledger has of this citizen, oldest first."""
        entries = self.deployment.wiring.ledger.of_citizen(self.citizen_id, limit=1000)
        return [entry.event for entry in entries]
