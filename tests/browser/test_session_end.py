"""Before a session ends, its pages say so and let the citizen go on (WCAG 2.2, 2.2.1). By the browser's own clock."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.support.deployment import PASSWORD, Deployment

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

USER = "freja.holm"


def signed_in(page: Any, deployment: Deployment) -> None:
    page.clock.install()
    page.goto(f"{deployment.issuer}/me/security")
    page.fill("#user-id", USER)
    page.fill("#password", PASSWORD)
    page.click("#continue")
    page.fill("#code", deployment.code_of(USER))
    page.click("#continue")
    page.wait_for_selector("#side")


@pytest.mark.parametrize("path", ["/", "/me/security/contact"])
def test_two_minutes_before_the_end_a_citizen_is_told_and_goes_on(
    deployment: Deployment, visitor: Any, path: str
) -> None:
    page = visitor()
    signed_in(page, deployment)
    page.goto(deployment.issuer + path)
    idle = deployment.settings.session_idle_seconds
    page.clock.run_for((idle - 150) * 1000)
    assert page.is_hidden("#session-ending")
    page.clock.run_for(40_000)
    page.wait_for_selector("#session-ending", state="visible")
    assert Axe().run(page).violations_count == 0
    with page.expect_response(lambda answer: answer.request.method == "HEAD") as asked:
        page.click("#stay")
    assert asked.value.status == 200
    page.wait_for_selector("#session-ending", state="hidden")
    assert page.url == deployment.issuer + path, "nothing that was typed is lost"
    page.clock.run_for((idle - 60) * 1000)
    page.wait_for_selector("#session-ending", state="visible")
    page.clock.run_for(70_000)
    page.wait_for_selector("#session-ended", state="visible")
    assert page.is_hidden("#session-ending") and page.complaints == []


def test_a_session_that_is_over_leads_to_a_sign_in(deployment: Deployment, visitor: Any) -> None:
    """Ended meanwhile, somewhere else: going on is signing in."""
    page = visitor()
    signed_in(page, deployment)
    page.clock.run_for((deployment.settings.session_idle_seconds - 60) * 1000)
    page.wait_for_selector("#session-ending", state="visible")
    citizen = deployment.citizens[USER].citizen
    deployment.wiring.citizens.end_sessions(citizen, actor="operator:test", reason="a test")
    page.click("#stay")
    page.wait_for_selector("#user-id")


def test_nobody_is_warned_who_is_not_signed_in(deployment: Deployment, visitor: Any) -> None:
    page = visitor()
    page.goto(deployment.issuer)
    assert page.query_selector("#session-ending") is None
