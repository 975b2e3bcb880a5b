"""A person with a letter, and their way through /activate, as far as a test wants to go."""

import re
from dataclasses import dataclass, field

import pyotp

from idp.letters.inviting import parse_invitee
from idp.letters.letter import LetterKind
from tests.support.citizen_browser import CitizenBrowser, Page
from tests.support.deployment import Deployment

PASSWORD = "tre blå hatte i regn"


@dataclass(frozen=True)
class InvitedPerson:
    """Who has had a letter."""

    citizen_id: str
    code: str


def invite(
    deployment: Deployment, name: str = "Nora Lind", *, number: int = 1, language: str = "da"
) -> InvitedPerson:
    """As `adgang citizens invite` does; the code is read from the print queue, as the printer reads it."""
    wiring, now = deployment.wiring, deployment.clock()
    cpr = f"670385{4000 + number:04d}"
    invitee = parse_invitee(cpr=cpr, name=name, address="Havnegade 1, 9990 Nordhavn", language=language)
    wiring.inviting.invite([invitee], actor="operator:test", reason="a test")
    citizen_id = wiring.invitations.known([cpr])[cpr]
    [waiting] = [
        letter
        for letter in wiring.letters.to_print(now, 100, LetterKind.ACTIVATION)
        if letter.letter.citizen_id == citizen_id
    ]
    return InvitedPerson(citizen_id, waiting.code)


@dataclass
class ActivationJourney:
    """One browser at /activate."""

    deployment: Deployment
    person: InvitedPerson
    browser: CitizenBrowser = field(init=False)
    page: Page = field(init=False)

    def __post_init__(self) -> None:
        self.browser = CitizenBrowser(self.deployment.issuer)
        self.page = self.browser.get("/activate")

    def type_code(self, code: str | None = None) -> Page:
        self.page = self.browser.submit(
            self.page, "/code", letter_code=self.person.code if code is None else code
        )
        return self.page

    def say_yes(self) -> Page:
        self.page = self.browser.submit(self.page, "/person", answer="yes")
        return self.page

    def choose(self, user_id: str = "nora.lind", password: str = PASSWORD) -> Page:
        self.page = self.browser.submit(self.page, "/account", user_id=user_id, new_password=password)
        return self.page

    def add_app(self, code: str | None = None) -> Page:
        right = pyotp.TOTP(self.secret).at(self.deployment.clock()) if code is None else code
        self.page = self.browser.submit(self.page, "/app", code=right, name="Min telefon")
        return self.page

    @property
    def secret(self) -> str:
        """What the page tells an app."""
        found = re.search(r'id="secret">([A-Z2-7 ]+)<', self.page.html)
        assert found is not None, self.page.words
        return found[1].replace(" ", "")

    def up_to_factor(self, user_id: str = "nora.lind") -> Page:
        self.type_code()
        self.say_yes()
        return self.choose(user_id)

    def activate(self, user_id: str = "nora.lind") -> Page:
        self.up_to_factor(user_id)
        return self.add_app()


def code_on_paper(text: str) -> str:
    """The code as it is printed on a letter, in two lines of three groups."""
    [code] = re.findall(r"(?:[0-9A-Z]{4}-){3}\s?(?:[0-9A-Z]{4}-){2}[0-9A-Z]{4}", text)
    return re.sub(r"\s", "", code)
