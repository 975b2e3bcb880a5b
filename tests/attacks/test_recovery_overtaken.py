"""What a citizen does to be safe ends every recovery that was begun before: nobody goes on with proofs that are taken back."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from idp.portal.recovery.views import POSTS
from tests.flows.test_recovery import NEW, USER, codes, events, letter, proof, show, start
from tests.support.citizen_browser import CitizenBrowser, Page
from tests.support.deployment import PASSWORD, Deployment
from tests.support.own_pages import OwnPages


def remove_app(me: OwnPages) -> None:
    first = me.factor_ids("totp")[0]
    me.open(f"/factors/{first}/remove")
    assert "done" in me.send(f"/factors/{first}/remove").ids


def renew_codes(me: OwnPages) -> None:
    assert "recovery-codes" in me.post(me.open("/factors/new-codes"), "/new-codes").ids


def change_password(me: OwnPages) -> None:
    me.open("/password")
    assert "done" in me.send("/password", current_password=PASSWORD, new_password="syv stille søer").ids


def end_all(me: OwnPages) -> None:
    assert me.send("/sessions/end-all").status == 200


def dispute(me: OwnPages) -> None:
    assert me.send(f"/activity/{me.entries()[-1][0]}/dispute").status == 200


def block(me: OwnPages) -> None:
    assert me.send("/block").status == 200


ACTS = (remove_app, renew_codes, change_password, end_all, dispute, block)
Begun = tuple[CitizenBrowser, Page]


def proving(made: Deployment, printed: str) -> Begun:
    """One proof was shown, by somebody who goes on for the other."""
    browser, _ = start(made, "password")
    return browser, show(browser, "recovery-code", recovery_code=printed)


def allowed(made: Deployment, printed: str) -> Begun:
    """The form for a new password is open."""
    browser, _ = proving(made, printed)
    made.clock.forward(seconds=30)
    page = show(browser, "totp", code=made.code_of(USER))
    assert "new-password" in page.ids
    return browser, page


def cooling(made: Deployment, _printed: str) -> Begun:
    proof(made)
    browser, _ = start(made, "password", None)
    page = browser.submit(show(browser, "letter", letter_code=letter(made)), "/wait")
    assert "waiting" in page.ids
    return browser, page


def kept(me: OwnPages) -> object:
    """What a recovery could change."""
    services = me.deployment.wiring.services
    citizen = services.citizens.find(me.citizen_id)
    factors = sorted(factor.factor_id for factor in services.factors.of_citizen(me.citizen_id))
    return factors, citizen.status if citizen else None, services.safeties.find(me.citizen_id)


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("stage", [proving, allowed, cooling])
def test_nobody_goes_on_after_the_citizen_took_care(
    deployment: Deployment, stage: Callable[[Deployment, str], Begun], act: Callable[[OwnPages], None]
) -> None:
    """S-260, S-298, S-302: whatever the thief had shown, and however long the thief waits."""
    printed = codes(deployment)[0]
    me = OwnPages(deployment)
    me.add_app()
    thief, page = stage(deployment, printed)
    act(me)
    before = kept(me)
    token = next(form.fields["csrf_token"] for form in page.forms if "/recover/" in form.action)
    deployment.clock.forward(timedelta(hours=25) if stage is cooling else timedelta(seconds=1))
    assert "notice" in thief.get("/recover/step").ids
    typed = {"new_password": NEW, "code": "123456", "name": "Tyv", "recovery_code": printed}
    for step in POSTS:
        assert "notice" in thief.post(f"/recover/{step}", {"csrf_token": token, **typed}).ids, step
    assert kept(me) == before and "recovery-done" not in events(deployment)
    assert events(deployment).count("recovery-stopped") == (1 if stage is cooling else 0)


def test_a_citizen_who_blocked_the_access_comes_back_by_a_recovery_begun_afterwards(
    deployment: Deployment,
) -> None:
    """Only what was begun before ends."""
    printed = codes(deployment)[0]
    me = OwnPages(deployment)
    me.open()
    block(me)
    browser, _ = allowed(deployment, printed)
    assert "done" in browser.submit(browser.get("/recover/step"), "/new-password", new_password=NEW).ids
    citizen = deployment.wiring.services.citizens.find(me.citizen_id)
    assert citizen is not None and citizen.status == "active"


def test_a_letter_that_was_not_needed_opens_nothing_after_the_recovery(deployment: Deployment) -> None:
    """S-298, S-309: whoever finds it in the post afterwards has nothing."""
    in_the_post, printed = letter(deployment), codes(deployment)[0]
    browser, page = allowed(deployment, printed)
    assert "done" in browser.submit(page, "/new-password", new_password=NEW).ids
    thief, _ = start(deployment, "password", None)
    page = show(thief, "letter", letter_code=in_the_post)
    assert "error-summary" in page.ids


def test_a_proof_by_a_factor_that_was_disabled_meanwhile_is_none(deployment: Deployment) -> None:
    """S-298, S-301: what was shown must hold until the end, whatever has ended it."""
    me, services = OwnPages(deployment), deployment.wiring.services
    printed = codes(deployment)[0]
    thief, page = allowed(deployment, printed)
    (shown,) = me.factor_ids("totp")
    deployment.wiring.database.transact(lambda tx: services.factors.disable(tx, shown, deployment.clock()))
    before = kept(me)
    assert "notice" in thief.submit(page, "/new-password", new_password=NEW).ids
    assert kept(me) == before


def test_a_stranger_who_typed_a_user_id_does_not_learn_what_its_citizen_does(deployment: Deployment) -> None:
    """S-238: where nothing was shown nothing is stopped, as for a user ID that nobody has."""
    me = OwnPages(deployment)
    me.open()
    stranger, _ = start(deployment, "password")
    before = stranger.get("/recover/step").words
    end_all(me)
    assert stranger.get("/recover/step").words == before
