"""The example of a resource server (demo/resource_server.py), behind plain WSGI and Flask, with tokens of the provider's own."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import Client

from demo.api import PATH, housing_support
from demo.resource_server import TOKEN, Refused, ResourceServer, Token, protect
from tests.support.deployment import Deployment
from tests.support.dpop import DpopKey, rsa_key
from tests.support.machines import API, READ, WRITE, api, grant, machine, token
from tests.support.relying_party import RelyingParty

ROOT = "https://journal.example"
URL = f"{ROOT}{PATH}"


class Kit:
    """The API, and a service that has a token for it, bound to a key."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        api(deployment)
        self.party: RelyingParty = machine(deployment, "key")
        grant(deployment, self.party, READ, WRITE)
        self.token = str(token(self.party, resource=API, scope=READ)["access_token"])
        self.server = ResourceServer(issuer=deployment.issuer, audience=API, now=self.now)

    def now(self) -> float:
        return self.deployment.clock().timestamp()

    def proof(self, key: DpopKey | None = None, **changes: Any) -> str:
        key = key or self.party.dpop
        assert key is not None
        method, url = changes.pop("method", "GET"), changes.pop("url", URL)
        return key.proof(method, url, self.deployment.clock(), access_token=self.token, **changes)

    def check(self, proof: str | None, *, scheme: str = "DPoP", text: str | None = None) -> Token:
        return self.server.check(f"{scheme} {text or self.token}", proof, "GET", URL)

    def refused(self, call: Callable[[], object]) -> str:
        with pytest.raises(Refused) as told:
            call()
        return told.value.challenge


@pytest.fixture
def kit(deployment: Deployment) -> Kit:
    return Kit(deployment)


def test_a_good_token_with_a_good_proof_is_let_in_once(kit: Kit) -> None:
    """RFC 9068 §4, RFC 9449 §7.1."""
    proof = kit.proof()
    found = kit.check(proof)
    assert (found.client_id, found.scope) == (kit.party.client.client_id, {READ})
    assert not found.on_behalf
    assert 'error="invalid_dpop_proof"' in kit.refused(lambda: kit.check(proof))


def test_a_proof_that_is_wrong_anywhere_is_refused(kit: Kit) -> None:
    for proof in (
        None,
        "",
        "x.y.z",
        kit.proof(DpopKey()),
        kit.proof(rsa_key()),
        kit.proof(htm="POST"),
        kit.proof(url=f"{ROOT}/other"),
        kit.proof(ath="x" * 43),
        kit.proof(ath=None),
        kit.proof(jti=None),
        kit.proof(iat=int(kit.now()) - 61),
        kit.proof(iat=int(kit.now()) + 61),
        kit.proof(iat="now"),
        kit.proof(header={"typ": "JWT"}),
        kit.proof(header={"alg": "none"}),
        kit.proof(header={"jwk": None}),
        kit.proof(header={"jwk": "x"}),
        kit.proof(header={"alg": None}),
        kit.proof() + "," + kit.proof(),
    ):
        assert 'error="invalid_dpop_proof"' in kit.refused(lambda proof=proof: kit.check(proof)), proof


def test_a_bound_token_opens_nothing_as_bearer(kit: Kit) -> None:
    """S-123."""
    assert 'error="invalid_token"' in kit.refused(lambda: kit.check(None, scheme="Bearer"))
    assert "algs=" in kit.refused(lambda: kit.server.check(None, None, "GET", URL))


def test_a_token_that_is_wrong_anywhere_is_refused(kit: Kit) -> None:
    head, payload, signature = kit.token.split(".")
    elsewhere = ResourceServer(issuer=kit.deployment.issuer, audience="https://other.example", now=kit.now)
    assert 'error="invalid_token"' in kit.refused(
        lambda: elsewhere.check(f"DPoP {kit.token}", kit.proof(), "GET", URL)
    )
    for text in ("x", f"{head}.{payload}.", f"{head}.{payload[:-4]}AAAA.{signature}", "æ.ø.å", "a" * 9_000):
        assert 'error="invalid_token"' in kit.refused(lambda text=text: kit.check(kit.proof(), text=text))
    kit.deployment.clock.forward(seconds=400)
    assert 'error="invalid_token"' in kit.refused(lambda: kit.check(kit.proof()))


def test_what_an_operation_needs_is_told_as_a_challenge(kit: Kit) -> None:
    """RFC 6750 §3.1; RFC 9470 §3: the client can ask the citizen for what is missing."""
    found = kit.check(kit.proof())
    kit.server.need(found, scope=READ)
    assert 'error="insufficient_scope"' in kit.refused(lambda: kit.server.need(found, scope=WRITE))
    told = kit.refused(lambda: kit.server.need(found, scope=READ, acr="phr", max_age=60))
    assert 'error="insufficient_user_authentication"' in told
    assert 'acr_values="phr"' in told and 'max_age="60"' in told


def test_keys_are_fetched_once_and_kept_while_the_provider_is_away(kit: Kit) -> None:
    kit.check(kit.proof())
    asked: list[str] = []
    usual, keys = kit.server._keys._get, kit.server._keys

    def counted(url: str) -> Any:
        asked.append(url)
        return usual(url)

    keys._get = counted  # type: ignore[method-assign]
    for _ in range(3):
        kit.check(kit.proof())
    assert asked == []
    forged = kit.token.replace(
        kit.token.split(".")[0], "eyJhbGciOiJFUzI1NiIsImtpZCI6IngiLCJ0eXAiOiJhdCtqd3QifQ"
    )
    kit.deployment.clock.forward(seconds=61)
    for _ in range(5):
        assert "invalid_token" in kit.refused(lambda: kit.check(kit.proof(), text=forged))
    assert len(asked) == 2, "the metadata and the keys, once for all those unknown names"


def test_any_wsgi_application_can_stand_behind_it(kit: Kit) -> None:
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ[TOKEN].client_id.encode()]

    client = Client(protect(application, kit.server, root=ROOT))
    let_in = client.get(PATH, headers={"Authorization": f"DPoP {kit.token}", "DPoP": kit.proof()})
    assert (let_in.status_code, let_in.text) == (200, kit.party.client.client_id)
    refused = client.get(PATH)
    assert refused.status_code == 401 and refused.headers["WWW-Authenticate"].startswith("DPoP ")


def test_a_flask_application_asks_for_a_scope(kit: Kit) -> None:
    for scope, status in ((READ, 200), (WRITE, 403)):
        app = Flask("api")
        app.register_blueprint(housing_support(kit.server, root=ROOT, scope=scope))
        headers = [("Authorization", f"DPoP {kit.token}"), ("DPoP", kit.proof())]
        assert app.test_client().get(PATH, headers=headers).status_code == status
        twice = [*headers, ("DPoP", kit.proof())]
        assert app.test_client().get(PATH, headers=twice).status_code == 401
