"""The example of a resource server (demo/resource_server.py), behind plain WSGI and Flask, with tokens of the provider's own."""

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import Client

from demo.api import PATH, housing_support
from demo.resource_server import TOKEN, ProofsSeen, Refused, ResourceServer, Token, protect
from idp.protocol.acr import first_met, level_of
from idp.records import ProvenFactor
from mfa.factors import USER_VERIFIED
from tests.support.deployment import Deployment
from tests.support.dpop import DpopKey, rsa_key
from tests.support.machines import API, READ, WRITE, api, grant, machine, token
from tests.support.relying_party import RelyingParty
from tests.support.signed_in import session_of

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
        kit.proof(iat=str(int(kit.now()))),
        kit.proof(iat=True),
        kit.proof(iat=[int(kit.now())]),
        kit.proof(jti=7),
        kit.proof(htu=7),
        kit.proof(header={"typ": "JWT"}),
        kit.proof(header={"alg": "none"}),
        kit.proof(header={"jwk": None}),
        kit.proof(header={"jwk": "x"}),
        kit.proof(header={"alg": None}),
        kit.proof() + "," + kit.proof(),
    ):
        assert 'error="invalid_dpop_proof"' in kit.refused(lambda proof=proof: kit.check(proof)), proof


NO_TIMES = (float("inf"), float("-inf"), float("nan"), 10**400, -(10**400), 1e300, -1)


@pytest.mark.parametrize("number", NO_TIMES, ids=lambda number: str(number)[:5])
def test_a_time_that_is_no_time_is_a_proof_that_is_not_valid(kit: Kit, number: float) -> None:
    """S-116: JSON has no end of numbers, and Python's reads three that are none."""
    assert 'error="invalid_dpop_proof"' in kit.refused(lambda: kit.check(kit.proof(iat=number)))


def test_a_proof_from_the_future_is_remembered_as_long_as_it_is_good(kit: Kit) -> None:
    """S-117."""
    proof = kit.proof(iat=int(kit.now()) + 60)
    kit.check(proof)
    for _ in range(12):
        kit.deployment.clock.forward(seconds=10)
        assert 'error="invalid_dpop_proof"' in kit.refused(lambda: kit.check(proof))


def test_proofs_are_remembered_at_a_price_that_does_not_grow(kit: Kit) -> None:
    """The thousandth costs what the first did."""

    def cost(seen: ProofsSeen, first: int) -> float:
        began = time.thread_time()
        for number in range(first, first + 2_000):
            assert seen.first_time(str(number))
        return time.thread_time() - began

    seen = ProofsSeen(kit.now)
    early = min(cost(ProofsSeen(kit.now), 0) for _ in range(3))
    late = [cost(seen, first) for first in range(0, 20_000, 2_000)]
    assert min(late[-3:]) < 10 * early


def test_no_more_proofs_are_remembered_than_a_process_has_room_for(kit: Kit) -> None:
    """And none that may still be used is forgotten for another: who comes then is told to come again."""
    seen = ProofsSeen(kit.now, at_most=3)
    assert all(seen.first_time(name) for name in "abc")
    for name in "de":
        with pytest.raises(Refused) as told:
            seen.first_time(name)
        assert told.value.status == 503
    assert not any(seen.first_time(name) for name in "abc")
    kit.deployment.clock.forward(seconds=300)
    assert all(seen.first_time(name) for name in "dea")


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


LEVELS = ("urn:adgang:loa:substantial", "phr", "phrh", "urn:adgang:loa:high")


def _with_acr(found: Token, acr: object) -> Token:
    return replace(found, claims={**found.claims, "acr": acr})


def test_a_higher_level_will_do_and_a_lower_one_will_not(kit: Kit) -> None:
    """As the provider itself counts; a name that is nobody's level is met by itself alone."""
    found = kit.check(kit.proof())

    def let_in(shown: object, wanted: str) -> bool:
        try:
            kit.server.need(_with_acr(found, shown), scope=READ, acr=wanted)
        except Refused as refusal:
            assert f'acr_values="{wanted}"' in refusal.challenge
            return False
        return True

    for wanted, shown in product(LEVELS, LEVELS):
        assert let_in(shown, wanted) == (LEVELS.index(shown) >= LEVELS.index(wanted))
    assert let_in("urn:other", "urn:other")
    nothing = (None, ["phr"], 1)
    assert not any(let_in(shown, "urn:other") for shown in (*LEVELS, *nothing))
    assert not any(let_in(shown, "phr") for shown in ("urn:other", *nothing))


def test_the_kit_orders_levels_as_the_provider_does(kit: Kit) -> None:
    """What a session of the provider meets, it meets with every level below, too."""
    now, policy = kit.deployment.clock(), replace(kit.deployment.wiring.services.policy, high_offered=True)
    password = ProvenFactor("p", "password", ("pwd",), now)
    others = [
        ProvenFactor("t", "totp", ("otp",), now),
        ProvenFactor("k", "webauthn", ("swk", "user"), now),
        ProvenFactor("k", "webauthn", ("hwk",), now),
        ProvenFactor("k", "webauthn", ("hwk", USER_VERIFIED), now),
    ]
    tops = []
    for factor, proofed in product(others, (False, True)):
        session = session_of(kit.deployment)
        factors = (password, factor)
        session = replace(session, factors=factors, acr=level_of(factors, policy, proofed=proofed))
        met = [first_met((level,), session, policy) is not None for level in LEVELS]
        assert met == sorted(met, reverse=True), factors
        tops.append(sum(met))
    assert set(tops) == {1, 2, 3, 4}


@pytest.mark.parametrize("number", (None, True, "1", *NO_TIMES), ids=lambda number: str(number)[:5])
def test_a_sign_in_at_no_time_is_too_long_ago(kit: Kit, number: object) -> None:
    found = kit.check(kit.proof())
    token = replace(found, claims={**found.claims, "auth_time": number})
    assert 'max_age="60"' in kit.refused(lambda: kit.server.need(token, scope=READ, max_age=60))
    fresh = replace(found, claims={**found.claims, "auth_time": int(kit.now())})
    kit.server.need(fresh, scope=READ, max_age=60)


ODD, ODD_AS_ASKED = "/st%C3%B8tte/a%2fb/%7Eme", f"{ROOT}/st%C3%B8tte/a%2fb/%7Eme"


def _asked_at(kit: Kit, path: str, htu: str, **environ: str) -> int:
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b""]

    client = Client(protect(application, kit.server, root=ROOT))
    headers = {"Authorization": f"DPoP {kit.token}", "DPoP": kit.proof(htu=htu)}
    return client.get(path, headers=headers, environ_overrides=environ).status_code


@pytest.mark.parametrize(
    "htu",
    [
        ODD_AS_ASKED,
        f"{ROOT}/st%c3%b8tte/a%2Fb/~me",
        f"HTTPS://Journal.Example:443{ODD}",
        f"{ODD_AS_ASKED}?x=1",
        f"{ODD_AS_ASKED}#x",
    ],
)
def test_an_address_is_compared_as_it_was_sent(kit: Kit, htu: str) -> None:
    """S-118: in the normal form of RFC 3986 §6.2.2, which leaves what is reserved as it stands."""
    assert _asked_at(kit, f"{ODD}?y=2", htu) == 200


@pytest.mark.parametrize(
    "htu",
    [
        f"{ROOT}/st%C3%B8tte/a/b/~me",
        f"{ROOT}/støtte/a%2Fb/~me",
        f"{ROOT}/st%C3%B8tte/a%252Fb/~me",
        f"{ROOT}/st%C3%B8tte/a%2Fb/~me/",
        f"{ROOT}/st%C3%B8tte/a%2Fb/~ME",
        f"{ROOT}/st%C3%B8tte/a%2Fb/%7",
        f"http://journal.example{ODD}",
        f"{ROOT}:8443{ODD}",
        f"{ROOT}.evil.test{ODD}",
        f"https://x@journal.example{ODD}",
        f"https://journal.example:x{ODD}",
        f"https://[journal.example{ODD}",
        f" {ODD_AS_ASKED}",
        f"https:{ODD}",
        ODD,
        "",
    ],
)
def test_a_proof_for_another_address_opens_nothing(kit: Kit, htu: str) -> None:
    """S-118."""
    assert _asked_at(kit, ODD, htu) == 401


def test_a_server_that_tells_no_raw_address_has_it_spelt_anew(kit: Kit) -> None:
    """PEP 3333 promises no more than the decoded path."""
    plain = {"REQUEST_URI": "", "RAW_URI": ""}
    assert _asked_at(kit, "/st%C3%B8tte/~me", f"{ROOT}/st%c3%b8tte/%7eme", **plain) == 200
    assert _asked_at(kit, "/st%C3%B8tte/~me", f"{ROOT}/st%c3%b8tte/me", **plain) == 401


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
