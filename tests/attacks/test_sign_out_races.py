"""A sign-out in one tab while another one proves the second factor: the browser ends signed out, whoever is first."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from idp.ids import digest, new_id, new_secret
from idp.login.own_client import own_request
from idp.login.sign_out import sign_out_token
from idp.records import BrowserSession, LoginAttempt, OwnPage, PartialSignIn, ProvenFactor
from idp.web import form_token
from tests.support.deployment import Deployment
from tests.support.in_process import InProcessBrowser
from tests.support.interleaving import Choose, interleaved, lockstep
from tests.support.journey import USER
from tests.support.signed_in import session_of

STRIDE = 4
"""Of the head starts: enough that each command of either request is passed by the other within some of the rounds."""


@dataclass
class TwoTabs:
    """One browser with a session, six digits typed in one tab and the button under the pointer in the other."""

    deployment: Deployment
    user_id: str = USER
    session: BrowserSession = field(init=False)
    cookies: dict[str, str] = field(init=False)
    answers: list[dict[str, str]] = field(default_factory=list)
    """The cookies that each answer set, in the order in which the answers came."""

    def __post_init__(self) -> None:
        services, now = self.deployment.wiring.services, self.deployment.clock.forward(seconds=30)
        secrets = {kind: new_secret() for kind in ("session", "browser", "proof")}
        self.session = session_of(self.deployment)
        services.browser_sessions.put(secrets["session"], self.session)
        attempt = LoginAttempt(
            attempt_id=new_id(),
            browser_digest=digest(secrets["browser"]),
            request=own_request("/"),
            request_key=new_id(),
            started_at=now,
            finish_by=now + services.policy.login_attempt_lifetime,
            expires_at=now + services.policy.login_attempt_lifetime,
            own_page=OwnPage("/"),
        )
        services.login_attempts.put(attempt.attempt_id, attempt)
        citizen_id = self.deployment.citizens[self.user_id].citizen.citizen_id
        password = next(f for f in services.factors.of_citizen(citizen_id) if f.kind == "password")
        proven = (ProvenFactor(password.factor_id, "password", ("pwd",), now, password.created_at),)
        services.partial_sign_ins.put(
            secrets["proof"],
            PartialSignIn(attempt.attempt_id, citizen_id, proven, now, attempt.expires_at),
        )
        prefix = self.browser.prefix
        self.cookies = {f"{prefix}{kind}": secret for kind, secret in secrets.items()}
        self._button = {"csrf_token": sign_out_token(secrets["session"])}
        self._digits = {
            "csrf_token": form_token(secrets["browser"], attempt.attempt_id),
            "code": self.deployment.code_of(self.user_id),
        }
        self._address = f"/login/{attempt.attempt_id}/totp"

    @property
    def browser(self) -> InProcessBrowser:
        return InProcessBrowser(self.deployment.provider, self.deployment.issuer)

    def sign_out(self) -> None:
        self._send("/sign-out", self._button, {303})

    def prove(self) -> None:
        self._send(self._address, self._digits, {303, 403})

    def _send(self, path: str, fields: dict[str, str], expected: set[int]) -> None:
        tab = self.browser
        tab.cookies = dict(self.cookies)
        assert tab.post(path, fields).status in expected
        self.answers.append(tab.cookies)

    def check(self) -> None:
        """Neither answer's cookies open a session, and none is left behind."""
        services = self.deployment.wiring.services
        for cookies in self.answers:
            tab = self.browser
            tab.cookies = cookies
            assert 'id="sign-out"' not in tab.get("/").body
        citizen_id = self.deployment.citizens[self.user_id].citizen.citizen_id
        left = services.self_service.sessions_of(citizen_id)
        services.self_service.end_all_sessions(citizen_id)
        assert left == []


@pytest.mark.parametrize("user_id", [USER, "karl.berg"], ids=["the same citizen", "another citizen"])
def test_nobody_is_signed_in_after_a_sign_out_was_acknowledged(deployment: Deployment, user_id: str) -> None:
    """S-213: at the points where the two requests can stand together; also for the tab that was answered last."""
    deployment.add_citizen("karl.berg", "8802701235", "Karl", "Berg")
    stood: set[tuple[int, ...]] = set()
    with interleaved(deployment.wiring) as schedule:

        def run(choose: Choose) -> int:
            tabs = TwoTabs(deployment, user_id)
            works: list[Callable[[], Any]] = [tabs.sign_out, tabs.prove]
            passed = schedule.run(works, choose)
            tabs.check()
            return max(passed)

        run(lockstep(0, 0, stood))  # connections are made
        points = max(run(lockstep(0, 0, stood)), run(lockstep(1, 99, stood)))
        assert points >= 15
        for lead in (0, 1):
            for ahead in range(1, points + 1, STRIDE):
                run(lockstep(lead, ahead, stood))
    assert len(stood) > points
