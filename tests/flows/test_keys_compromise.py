"""A compromise between real processes: two `adgang serve`, the real command line, and a citizen at a browser."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pyotp
import pytest
from joserfc import jws

from bench.nodes import Node
from bench.rotation import RotationRun
from bench.wire import parameters, redemption
from bench.world import PASSWORD
from idp.ids import new_secret
from tests.support.citizen_browser import CitizenBrowser

_BOUND = 5.0
"""Seconds (keys.md, rule 6)."""


@pytest.fixture
def run(tmp_path: Path, sql_url: str, request: pytest.FixtureRequest) -> Iterator[RotationRun]:
    """SQLite with the embedded Valkey, PostgreSQL with the system's Redis."""
    redis = "system_redis_url" if sql_url.startswith("postgresql") else "valkey_url"
    made = RotationRun(tmp_path, sql_url, str(request.getfixturevalue(redis)), max_age=5)
    made.world.add_citizens(2)
    yield made
    made.close()


class Citizen:
    """At a browser, with the service that they visit."""

    def __init__(self, run: RotationRun, number: int) -> None:
        self.world = run.world
        self.access = run.world.citizens[number]
        self.browser = CitizenBrowser(run.world.settings.issuer)

    def authorize(self, verifier: str, **more: str) -> str:
        asked = parameters(self.world.with_secret, verifier)
        return "/authorize?" + urlencode({**asked, **more})

    def sign_in(self, node: Node) -> dict[str, str]:
        """Everything typed; the tokens."""
        verifier = new_secret()
        code = pyotp.TOTP(self.access.totp_secret).at(self.world.wiring.clock())
        page = self.browser.get(self.authorize(verifier))
        page = self.browser.sign_in(page, self.access.citizen.user_id, PASSWORD, code)
        while page.answer is None:
            page = self.browser.submit(page, "/consent", decision="accept")
        return self.redeem(node, page.answer["code"], verifier)

    def come_again(self, node: Node) -> dict[str, str]:
        """With the session alone: nothing is typed, nothing shown."""
        verifier = new_secret()
        page = self.browser.get(self.authorize(verifier, prompt="none"))
        assert page.answer is not None and "code" in page.answer, page.answer
        return self.redeem(node, page.answer["code"], verifier)

    def redeem(self, node: Node, code: str, verifier: str) -> dict[str, str]:
        client = self.world.with_secret
        fields = redemption(client, code, verifier)
        status, _, body = node.ask(self.world.authenticated(client, "/token", fields))
        assert status == 200, body
        found: dict[str, str] = json.loads(body)
        return found


def taken_at_userinfo(citizen: Citizen, node: Node, tokens: dict[str, str]) -> bool:
    request = citizen.world.get("/userinfo", Authorization=f"Bearer {tokens['access_token']}")
    status, _, body = node.ask(request)
    assert status == 200 or (status == 401 and json.loads(body)["error"] == "invalid_token")
    return status == 200


def taken_as_hint(citizen: Citizen, node: Node, tokens: dict[str, str]) -> bool:
    """At the node's authorization endpoint, in the browser's session."""
    path = citizen.authorize(new_secret(), prompt="none", id_token_hint=tokens["id_token"])
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in citizen.browser.session.cookies)
    status, headers, _ = node.ask(citizen.world.get(path, Cookie=cookies))
    target = headers.get("location", "")
    assert status in (302, 303), status
    assert "code=" in target or "error=invalid_request" in target, target
    return "code=" in target


WHERE_TOKENS_ARE_TAKEN: dict[str, Callable[[Citizen, Node, dict[str, str]], bool]] = {
    "userinfo": taken_at_userinfo,
    "id_token_hint": taken_as_hint,
}
"""A row for every place; whatever takes a token of ours belongs here."""


def kids(tokens: dict[str, str]) -> set[str]:
    return {
        str(jws.extract_compact(tokens[name].encode()).headers()["kid"])
        for name in ("access_token", "id_token")
    }


def test_a_compromise_ends_tokens_in_every_process_within_the_bound_and_no_session(run: RotationRun) -> None:
    """S-382."""
    first, second = Citizen(run, 0), Citizen(run, 1)
    before = first.sign_in(run.nodes[0])
    matrix = [(node, place) for node in run.nodes for place in WHERE_TOKENS_ARE_TAKEN.values()]
    assert all(takes(first, node, before) for node, takes in matrix)
    (bad,) = kids(before)
    words = ["--yes", "--as", "karen", "--reason", "a laptop was lost", "--json"]
    told = run.adgang("keys", "compromise", bad, *words)
    ended = time.monotonic()
    assert told.returncode == 0, told.stderr
    waits = list(matrix)
    while waits and time.monotonic() - ended < _BOUND:
        waits = [(node, takes) for node, takes in waits if takes(first, node, before)]
    took = time.monotonic() - ended
    assert not waits, "still taken after the bound"
    print(f"refused everywhere after {took:.2f} s")
    for node in run.nodes:
        assert bad not in {key["kid"] for key in json.loads(node.get("/jwks")[2])["keys"]}
        assert not taken_at_userinfo(first, node, before), "and it stays so"
    heir = json.loads(told.stdout)["active"]["kid"]
    for node in run.nodes:
        again = first.come_again(node)
        assert kids(again) == {heir}, "the session stays, and the successor signs"
        assert all(
            takes(first, other, again) for other in run.nodes for takes in WHERE_TOKENS_ARE_TAKEN.values()
        )
    assert kids(second.sign_in(run.nodes[1])) == {heir}, "a new sign-in works"
