"""Every form of a recovery × where the recovery stands: what does not belong there changes nothing, however right it is.

The fields are right in every case: a living challenge of this very browser, a code that was not used, the letter that is
on its way. So only the record says no. tests/flows/test_recovery.py has the forms without a recovery and without a token.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pyotp
import pytest

from idp.ceremonies import ADD_KEY, RECOVER
from idp.ids import digest
from idp.portal.recovery.views import POSTS
from idp.recovery.recovery import Stage
from idp.web import form_token
from tests.flows.test_recovery import NEW, USER, citizen_id, codes, events, letter, proof, show, start
from tests.support.authenticator import Authenticator
from tests.support.citizen_browser import CitizenBrowser, Page
from tests.support.deployment import PASSWORD, Deployment
from tests.support.journey import add_key, cookie


@dataclass
class Citizen:
    """What an honest citizen has at hand, and the browser with the recovery."""

    made: Deployment
    codes: list[str]
    letter: str
    key: Authenticator
    browser: CitizenBrowser | None = None

    @property
    def secret(self) -> str:
        assert self.browser is not None
        return cookie(self.browser, "recovery") or ""

    def begin(self, lost: str, user_id: str | None = USER) -> CitizenBrowser:
        self.browser, _ = start(self.made, lost, user_id)
        return self.browser

    def six_digits(self) -> str:
        self.made.clock.forward(seconds=30)
        return self.made.code_of(USER)

    def fields(self, name: str) -> dict[str, str]:
        """Right answers to the form of this name, for this browser at this moment."""
        services, made = self.made.wiring.services, self.made
        binding, whose = digest(self.secret), citizen_id(made)
        if name in ("passkey", "key"):
            ceremony = services.ceremonies.begin(RECOVER, binding, user_verification_required=True)
            return {"credential": self.key.get(services.webauthn.options(whose, ceremony))}
        if name == "new-key":
            ceremony = services.ceremonies.begin(ADD_KEY, binding, user_verification_required=True)
            options = services.webauthn.begin(whose, ceremony, user_id=USER, display_name="Freja Holm")
            return {"credential": Authenticator(origin=made.issuer).create(options), "name": "Ny nøgle"}
        if name == "new-totp":
            offer = services.enrolment.begin_totp(whose, binding, now=made.clock())
            return {"code": pyotp.TOTP(offer.seed.base32).at(made.clock()), "name": "Ny telefon"}
        if name == "totp":
            return {"code": self.six_digits()}
        bound = [f.factor_id for f in services.factors.of_citizen(whose) if f.kind == "totp"]
        return {
            "who": {"user_id": "bo.lund"},
            "more": {"lost": "both"},
            "password": {"password": PASSWORD},
            "recovery-code": {"recovery_code": self.codes[-1]},
            "letter": {"letter_code": self.letter},
            "new-password": {"new_password": NEW},
            "lost": {f"lost-{factor_id}": "yes" for factor_id in bound},
        }.get(name, {})

    def post(self, name: str) -> Page:
        assert self.browser is not None
        token = form_token(self.secret, "recover")
        return self.browser.post(f"/recover/{name}", {"csrf_token": token, **self.fields(name)})

    def kept(self) -> object:
        """All that a recovery could change."""
        wiring, whose = self.made.wiring, citizen_id(self.made)
        services = wiring.services
        factors = services.factor_overview.of_citizen(whose, self.made.clock())
        left = sorted((f.factor.factor_id, f.codes_left, f.factor.last_used_at) for f in factors)
        spent = wiring.letters.store.find(digest(self.letter.replace("-", "")))
        record = wiring.recovery_moves.store.find(digest(self.secret))
        return left, spent, record, services.citizens.find(whose), events(self.made)


def begun(me: Citizen) -> None:
    me.begin("password", None)


def named(me: Citizen) -> None:
    me.begin("password")


def one_proof(me: Citizen) -> None:
    show(me.begin("password"), "recovery-code", recovery_code=me.codes[0])


def told(me: Citizen) -> None:
    """The user ID was lost, and has been told."""
    assert "told-user-id" in show(me.begin("user-id", None), "letter", letter_code=me.letter).ids


def may_wait(me: Citizen) -> None:
    proof(me.made)
    assert "wait" in show(me.begin("password", None), "letter", letter_code=me.letter).ids


def cooling(me: Citizen) -> None:
    may_wait(me)
    assert "waiting" in me.post("wait").ids


def may_set_a_password(me: Citizen) -> None:
    one_proof(me)
    assert "new-password" in me.post("totp").ids


def may_add_a_factor(me: Citizen) -> None:
    show(me.begin("factor"), "recovery-code", recovery_code=me.codes[0])
    assert "factors" in me.post("password").ids


def done(me: Citizen) -> None:
    may_set_a_password(me)
    assert "done" in me.post("new-password").ids


def stopped(me: Citizen) -> None:
    may_set_a_password(me)
    assert "notice" in me.post("cancel").ids


def over(me: Citizen) -> None:
    may_set_a_password(me)
    me.made.clock.forward(timedelta(minutes=61))


MAY: dict[Callable[[Citizen], None], set[str]] = {
    begun: {"who", "cancel", "letter", "passkey"},
    named: {"who", "cancel", "letter", "passkey", "recovery-code"},
    one_proof: {"cancel", "letter", "key", "totp"},
    told: {"cancel", "more"},
    may_wait: {"cancel", "wait", "key", "totp", "recovery-code"},
    cooling: {"cancel"},
    may_set_a_password: {"cancel", "new-password"},
    may_add_a_factor: {"cancel", "lost", "new-totp", "new-key"},
    done: set(),
    stopped: set(),
    over: set(),
}


@pytest.fixture
def me(deployment: Deployment) -> Citizen:
    deployment.add_citizen("bo.lund", "8902701233", "Bo", "Lund")
    key = add_key(deployment)
    return Citizen(deployment, list(codes(deployment)), letter(deployment), key)


def test_every_state_of_a_recovery_is_in_the_matrix(me: Citizen) -> None:
    seen = set()
    for state in MAY:
        state(me)
        record = me.made.wiring.recovery_moves.store.find(digest(me.secret))
        assert record is not None
        seen.add(record.stands(me.made.clock()))
        me.codes, me.letter = list(codes(me.made)), letter(me.made)
        me.made.clock.forward(timedelta(minutes=11))  # what one address may begin is limited
    assert seen == set(Stage)
    assert set().union(*MAY.values()) == set(POSTS) - {"password"}, (
        "a password is shown on the way to may_add_a_factor"
    )


@pytest.mark.parametrize("state", MAY)
def test_a_form_of_another_step_changes_nothing(me: Citizen, state: Callable[[Citizen], None]) -> None:
    """S-295, S-296, S-298: completion is what the record says, never which form was sent."""
    state(me)
    for name in sorted(set(POSTS) - MAY[state]):
        before = me.kept()
        page = me.post(name)
        assert page.status in (200, 400) and me.kept() == before, name


@pytest.mark.parametrize(
    ("state", "name"), [(state, name) for state, may in MAY.items() for name in sorted(may)]
)
def test_a_form_in_its_place_does_what_it_says(
    me: Citizen, state: Callable[[Citizen], None], name: str
) -> None:
    """The same fields: so what is refused above is not refused for another fault."""
    state(me)
    before = me.kept()
    assert me.post(name).status == 200 and me.kept() != before
