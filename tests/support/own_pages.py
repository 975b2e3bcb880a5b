"""A citizen at the pages of their own: signs in when asked, and goes on."""

import pyotp

from idp.web import form_token
from tests.support.authenticator import Authenticator
from tests.support.citizen_browser import CitizenBrowser, Page
from tests.support.deployment import PASSWORD, Deployment
from tests.support.journey import USER, cookie

ROOT = "/me/security"


class OwnPages:
    """One browser of one citizen."""

    def __init__(
        self,
        deployment: Deployment,
        user_id: str = USER,
        password: str = PASSWORD,
        key: Authenticator | None = None,
    ) -> None:
        self.deployment = deployment
        self.user_id = user_id
        self.password = password
        self.key = key
        self.browser = CitizenBrowser(deployment.issuer)

    @property
    def citizen_id(self) -> str:
        return self.deployment.citizens[self.user_id].citizen.citizen_id

    def get(self, path: str = "") -> Page:
        """What comes, a sign-in perhaps."""
        return self.browser.get(ROOT + path)

    def open(self, path: str = "") -> Page:
        """The page, after whatever has to be proven for it."""
        return self.prove(self.get(path))

    def prove(self, page: Page) -> Page:
        """Answer what a sign-in asks, if it asks."""
        if asks(page, "/password") and "user-id" in page.ids:
            page = self.browser.submit(page, "/password", user_id=self.user_id, password=self.password)
        if asks(page, "/key") and self.key is not None:
            page = self.browser.use_key(page, "/key", self.key)
        if asks(page, "/totp"):
            page = self.browser.submit(page, "/totp", code=self.next_code())
        return page

    def next_code(self) -> str:
        """A code that was not used yet."""
        self.deployment.clock.forward(seconds=30)
        return self.deployment.code_of(self.user_id)

    def post(self, page: Page, ending: str, **typed: str) -> Page:
        """Send the form of this page whose address ends so."""
        return self.browser.submit(page, ending, **typed)

    def token(self, path: str) -> str:
        """The form token that a page of this session carries for `path`."""
        return form_token(cookie(self.browser, "session") or "", ROOT + path)

    def send(self, path: str, **fields: str) -> Page:
        """Post there, whatever page is at hand, with the right token unless `fields` has another."""
        return self.browser.post(ROOT + path, {"csrf_token": self.token(path), **fields})

    def add_app(self, name: str = "Tablet") -> str:
        """Add an authenticator app by its page; returns its secret."""
        page = self.open("/factors/add-app")
        secret = secret_of(page)
        page = self.post(page, "/add-app", code=pyotp.TOTP(secret).at(self.deployment.clock()), name=name)
        assert "done" in page.ids, page.words
        return secret

    def add_key(self, name: str = "Nøgle", **traits: object) -> Authenticator:
        """Add a key by its page."""
        page = self.open("/factors/add-key")
        key = Authenticator(origin=self.deployment.issuer, **traits)  # type: ignore[arg-type]
        page = self.post(page, "/add-key", credential=key.create(page.form("/add-key").options), name=name)
        assert "done" in page.ids, page.words
        return key

    def factor_ids(self, kind: str) -> list[str]:
        factors = self.deployment.wiring.services.factors.of_citizen(self.citizen_id)
        return [factor.factor_id for factor in factors if factor.kind == kind]

    def entries(self) -> list[tuple[int, str]]:
        """Number and event of everything in this citizen's ledger, oldest first."""
        entries = self.deployment.wiring.ledger.of_citizen(self.citizen_id, limit=1000)
        return [(entry.citizen_number or 0, entry.event) for entry in entries]

    def events(self) -> list[str]:
        return [event for _, event in self.entries()]


def asks(page: Page, ending: str) -> bool:
    """Whether this is a step of a sign-in with such a form."""
    return any(form.action.endswith(ending) and "/login/" in form.action for form in page.forms)


def asks_to_sign_in(page: Page) -> bool:
    return any(asks(page, step) for step in ("/password", "/totp", "/key"))


def secret_of(page: Page) -> str:
    """The secret of the app that the page offers."""
    _, found, rest = page.html.partition('id="secret">')
    assert found, (page.status, page.words)
    return rest.partition("<")[0].replace(" ", "")
