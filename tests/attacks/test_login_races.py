"""Something changes between two steps of a sign-in: what was proven before the change proves nothing after it."""

from collections.abc import Callable

import pytest

from mfa import totp
from mfa.errors import FactorRejected, Rejection
from mfa.verification import PasswordAnswer, TotpAnswer
from tests.support.deployment import PASSWORD, Deployment
from tests.support.journey import USER, begin, cookie, party

Change = Callable[[Deployment], None]


def citizen_id(deployment: Deployment) -> str:
    return deployment.citizens[USER].citizen.citizen_id


def password_changed(deployment: Deployment) -> None:
    deployment.wiring.enrolment.set_password(
        citizen_id(deployment), "et helt andet kodeord", now=deployment.clock()
    )


def password_disabled(deployment: Deployment) -> None:
    with deployment.wiring.database.writing.begin() as tx:
        tx.exec_driver_sql("UPDATE mfa_factors SET disabled_at = created_at WHERE kind = 'password'")


def device_replaced(deployment: Deployment) -> None:
    """The authenticator app is exchanged: a second device is added, the first is removed."""
    enrolment, now, citizen = deployment.wiring.enrolment, deployment.clock(), citizen_id(deployment)
    old = [f for f in deployment.wiring.verification._factors.of_citizen(citizen) if f.kind == "totp"]
    offer = enrolment.begin_totp(citizen, "binding", now=now)
    code = totp.pyotp.TOTP(offer.seed.base32).at(now)
    enrolment.confirm_totp(citizen, "binding", code, name="Ny telefon", now=now)
    enrolment.remove(citizen, old[0].factor_id, now=now)


def citizen_blocked(deployment: Deployment) -> None:
    deployment.wiring.citizens.block(
        deployment.citizens[USER].citizen, actor="operator:test", reason="a test"
    )


CHANGES: list[tuple[Change, int, str]] = [
    (password_changed, 200, "user-id"),
    (password_disabled, 200, "user-id"),
    (device_replaced, 400, "error-summary"),
    (citizen_blocked, 403, "notice"),
]


@pytest.mark.parametrize(("change", "status", "shows"), CHANGES)
def test_what_was_proven_before_a_change_signs_nobody_in_after_it(
    deployment: Deployment, change: Change, status: int, shows: str
) -> None:
    """S-301: between the password and the six digits; no session, and the service gets nothing."""
    journey = begin(deployment)
    journey.password()
    change(deployment)
    page = journey.code()
    assert (page.status, page.answer) == (status, None) and shows in page.ids
    assert cookie(journey.browser, "session") is None
    assert deployment.wiring.services.browser_sessions.of_citizen(citizen_id(deployment)) == []
    events = [row.event for row in deployment.wiring.services.ledger.of_citizen(citizen_id(deployment))]
    assert "signed-in" not in events


def test_a_changed_password_begins_the_sign_in_anew_and_then_leads_on(deployment: Deployment) -> None:
    """S-301: the citizen is not stuck."""
    journey = begin(deployment)
    journey.password()
    password_changed(deployment)
    assert "user-id" in journey.code().ids
    deployment.clock.forward(seconds=30)
    assert "code" in journey.password(password="et helt andet kodeord").ids
    assert "released" in journey.code().ids


def test_a_factor_that_changes_while_the_last_step_commits_is_seen(deployment: Deployment) -> None:
    """S-301: the change commits between the check of the digits and the session's row."""
    journey = begin(deployment, service=party(deployment, "Sundhedstider"))
    journey.password()
    with deployment.wiring.database.writing.begin() as tx:
        tx.exec_driver_sql(
            "CREATE TRIGGER meanwhile AFTER UPDATE OF last_step ON mfa_totp BEGIN "
            "UPDATE mfa_factors SET disabled_at = created_at WHERE kind = 'password'; END"
        )
    assert "user-id" in journey.code().ids
    assert cookie(journey.browser, "session") is None


@pytest.mark.parametrize("kind", ["password", "totp"])
def test_a_disabled_factor_is_not_looked_at(deployment: Deployment, kind: str) -> None:
    """S-239, S-301: the right answer is not checked, and says so to whoever shows the page."""
    with deployment.wiring.database.writing.begin() as tx:
        tx.exec_driver_sql(f"UPDATE mfa_factors SET disabled_at = created_at WHERE kind = '{kind}'")
    answer = PasswordAnswer(PASSWORD) if kind == "password" else TotpAnswer(deployment.code_of(USER))
    with pytest.raises(FactorRejected) as rejected:
        deployment.wiring.verification.verify(
            citizen_id(deployment), answer, known_browser=False, now=deployment.clock()
        )
    assert rejected.value.reason is Rejection.DISABLED
