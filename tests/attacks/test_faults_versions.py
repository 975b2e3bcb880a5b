"""Two versions of the provider at work on the same stores: each reads what the other wrote, or begins anew."""

import ast
import json
from dataclasses import MISSING, Field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis

from idp.records import (
    AuthorizationCode,
    AuthorizationRequest,
    BrowserSession,
    LoginAttempt,
    PartialSignIn,
    ProvenFactor,
    PushedRequest,
)
from idp.storage.in_redis import BrowserSessions, Records
from idp.storage.redis_client import connect
from tests.support.citizen_browser import CitizenBrowser
from tests.support.clock import FrozenClock
from tests.support.deployment import Deployment
from tests.support.journey import begin, cookie

_VERSIONS = Path(__file__).parents[2] / "migrations" / "versions"


def examples(clock: FrozenClock) -> dict[str, Any]:
    """One of every record that Redis keeps, by its kind."""
    now, end = clock(), clock() + timedelta(minutes=5)
    factor = ProvenFactor("f", "password", ("pwd",), now)
    request = AuthorizationRequest("c", "https://rp.example/cb", ("openid",), "p", ("name",))
    return {
        "pushed-request": PushedRequest(request, end),
        "login-attempt": LoginAttempt("a", "b", request, "k", now, end, end),
        "partial-sign-in": PartialSignIn("a", "c", (factor,), now, end),
        "code": AuthorizationCode(
            "c", "https://rp.example/cb", None, "ci", "s", end, ("openid",), ("name",), "p", None, "acr", ("pwd",), now, end
        ),
        "session": BrowserSession("s", "ci", (factor,), "acr", now, now, now, end, end),
    }  # fmt: skip


KINDS = ("pushed-request", "login-attempt", "partial-sign-in", "code", "session")


class Kept:
    """A store of one kind, and what lies in Redis."""

    def __init__(self, url: str, clock: FrozenClock, kind: str) -> None:
        self.client, self.kind = connect(url, clock), kind
        self.example = examples(clock)[kind]
        self.store: Any = (
            BrowserSessions(self.client, clock)
            if kind == "session"
            else Records(self.client, clock, kind, type(self.example))
        )
        self.store.put("secret", self.example)

    def rewrite(self, change: Any) -> None:
        """What another version of the provider would have written."""
        (key,) = list(self.client.scan_iter(f"adgang:{self.kind}:*"))
        members = json.loads(self.client.get(key) or b"")
        change(members)
        self.client.set(key, json.dumps(members), keepttl=True)


@pytest.fixture(params=KINDS)
def kept(request: pytest.FixtureRequest, valkey_url: str, clock: FrozenClock) -> Kept:
    return Kept(valkey_url, clock, request.param)


def has_default(one: "Field[Any]") -> bool:
    return one.default is not MISSING or one.default_factory is not MISSING


def test_what_a_later_version_added_is_passed_over(kept: Kept) -> None:
    """S-343."""
    kept.rewrite(lambda members: members.update(added_later={"a": [1]}, added_too=None))
    assert kept.store.find("secret") == kept.example


def test_what_an_earlier_version_did_not_know_has_its_default(kept: Kept) -> None:
    """S-343: every member with a default may be missing."""
    optional = [one.name for one in fields(kept.example) if has_default(one)]
    for name in optional:
        kept.rewrite(lambda members, name=name: members.pop(name, None))
        assert kept.store.find("secret") is not None, name


def test_what_cannot_be_understood_is_as_if_it_were_not_there(kept: Kept) -> None:
    """S-343: a sign-in again, and never an error."""
    (key,) = list(kept.client.scan_iter(f"adgang:{kept.kind}:*"))
    whole = kept.client.get(key)
    required = [one.name for one in fields(kept.example) if not has_default(one)]
    assert required
    for name in required:
        kept.rewrite(lambda members, name=name: members.pop(name))
        assert kept.store.find("secret") is None, name
        kept.client.set(key, whole or b"", keepttl=True)
    for raw in (b"", b"\x82\xa1", b"[]", b"null", b"{", b"\xff"):
        kept.client.set(key, raw, keepttl=True)
        assert kept.store.find("secret") is None
    kept.store.forget("secret")


def test_a_session_that_cannot_be_understood_is_a_sign_in_again(deployment: Deployment) -> None:
    """S-343, S-402: through the pages."""
    journey = begin(deployment)
    journey.sign_in()
    with redis.Redis.from_url(deployment.settings.redis_url) as client:
        for key in client.scan_iter("adgang:session:*"):
            client.set(key, b'{"written": "by another version"}', keepttl=True)
    deployment.clock.forward(seconds=30)
    assert cookie(journey.browser, "session")
    assert "sign-out" not in journey.browser.get("/").ids
    assert "user-id" in begin(deployment, journey.browser).page.ids
    again = begin(deployment, CitizenBrowser(deployment.issuer))
    assert "released" in again.sign_in().ids


FORBIDDEN = {"drop_table", "drop_column", "rename_table", "drop_constraint", "alter_column"}
"""While a migration runs, nodes of the version before it are still at work."""


def test_a_migration_only_adds() -> None:
    """S-343, S-402: no table, column or name goes away, and a new column may be left out by an older version."""
    revisions = sorted(_VERSIONS.glob("*.py"))
    assert len(revisions) > 1
    for path in revisions[1:]:
        tree = ast.parse(path.read_text())
        (upgrading,) = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "upgrade"]
        for call in [node for node in ast.walk(upgrading) if isinstance(node, ast.Call)]:
            name = ast.unparse(call.func).rpartition(".")[2]
            assert name not in FORBIDDEN, (path.name, call.lineno, name)
            if name == "add_column":
                column = next(
                    node for node in ast.walk(call) if isinstance(node, ast.Call) and node is not call
                )
                words = {keyword.arg: ast.unparse(keyword.value) for keyword in column.keywords}
                assert words.get("nullable") != "False" or "server_default" in words, (path.name, call.lineno)
