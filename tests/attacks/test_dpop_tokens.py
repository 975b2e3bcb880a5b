"""DPoP over HTTP: proofs at PAR, at the token endpoint and at userinfo, and the tokens that are bound by them."""

import http.client
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import requests

from idp.app import create_app
from idp.storage import embedded_valkey
from tests.support.clock import FrozenClock
from tests.support.deployment import Deployment, running_deployment
from tests.support.dpop import DpopKey, ath, ed25519_key, rsa_key
from tests.support.in_process import InProcessBrowser
from tests.support.refreshing import refresh, refreshing_party, refused, tokens_of
from tests.support.relying_party import AuthorizationAsked, RelyingParty, claims_of
from tests.support.request_objects import request_object
from tests.support.signed_in import code_for

KINDS = ("confidential", "secret", "public")


def bound_party(deployment: Deployment, kind: str = "confidential", **metadata: Any) -> RelyingParty:
    """A client of this kind that makes proofs by a key of their own."""
    made = refreshing_party(deployment, kind, **metadata)
    return RelyingParty(deployment, made.client, made.scope, dpop=DpopKey())


def begun(party: RelyingParty, **extra: str) -> tuple[AuthorizationAsked, str]:
    asked = party.ask(**extra)
    return asked, code_for(party, asked)


def proof_refused(answer: requests.Response, status: int = 400) -> None:
    assert (answer.status_code, answer.json()["error"]) == (status, "invalid_dpop_proof"), answer.text


@pytest.mark.parametrize("kind", KINDS)
def test_a_proof_binds_the_token_and_the_token_says_so(deployment: Deployment, kind: str) -> None:
    """RFC 9449 §5, §6."""
    party = bound_party(deployment, kind)
    tokens = tokens_of(party)
    assert tokens["token_type"] == "DPoP"
    assert party.dpop is not None
    assert claims_of(tokens["access_token"])["cnf"] == {"jkt": party.dpop.jkt}
    assert party.userinfo(tokens["access_token"]).json()["name"] == "Freja Holm"


@pytest.mark.parametrize(
    "key", [ed25519_key(), rsa_key(2048), rsa_key(3072)], ids=["Ed25519", "2048", "3072"]
)
def test_a_key_of_each_kind_works_over_http(deployment: Deployment, key: DpopKey) -> None:
    """S-122."""
    party = bound_party(deployment)
    party.dpop = key
    assert party.userinfo(tokens_of(party)["access_token"]).status_code == 200


# --- where a bound token does not work -------------------------------------------------------------------------


def test_a_bound_token_opens_nothing_without_a_proof_by_its_key(deployment: Deployment) -> None:
    """S-123, S-124: and the challenge says what was wrong."""
    party = bound_party(deployment)
    token = tokens_of(party)["access_token"]
    url = deployment.issuer + "/userinfo"
    assert party.dpop is not None

    def proof(key: DpopKey = party.dpop, **changes: Any) -> str:
        return key.proof("GET", url, deployment.clock(), **changes)

    wrong: list[tuple[dict[str, str], str]] = [
        ({"Authorization": f"Bearer {token}"}, "invalid_token"),
        ({"Authorization": f"Bearer {token}", "DPoP": proof(access_token=token)}, "invalid_token"),
        ({"Authorization": f"DPoP {token}"}, "invalid_dpop_proof"),
        ({"Authorization": f"DPoP {token}", "DPoP": proof(DpopKey(), access_token=token)}, "invalid_token"),
        ({"Authorization": f"DPoP {token}", "DPoP": proof()}, "invalid_dpop_proof"),
        ({"Authorization": f"DPoP {token}", "DPoP": proof(ath=ath("x"))}, "invalid_dpop_proof"),
        ({"Authorization": f"DPoP {token}", "DPoP": proof(ath=ath(token) + "=")}, "invalid_dpop_proof"),
        ({"Authorization": f"DPoP {token}", "DPoP": ""}, "invalid_dpop_proof"),
        ({"Authorization": f"DPoP {token}", "DPoP": "x.y.z"}, "invalid_dpop_proof"),
        ({"Authorization": f"DPoP {token}x", "DPoP": proof(access_token=token + "x")}, "invalid_token"),
    ]
    for headers, error in wrong:
        answer = requests.get(url, headers=headers, timeout=20)
        assert (answer.status_code, answer.json()["error"]) == (401, error), headers
        scheme = headers["Authorization"].partition(" ")[0]
        challenge = answer.headers["WWW-Authenticate"]
        assert challenge.startswith(scheme) and f'error="{error}"' in challenge
        assert 'DPoP realm="adgang", algs="ES256 PS256 EdDSA Ed25519"' in challenge
    assert party.userinfo(token).status_code == 200


@pytest.mark.parametrize("scheme", ["DPoP", "dpop", "DPOP", "dPoP"])
def test_the_scheme_has_no_case(deployment: Deployment, scheme: str) -> None:
    """Conformance: `Authorization: dpop` in any letter case."""
    party = bound_party(deployment)
    token = tokens_of(party)["access_token"]
    headers = party.presented(token) | {"Authorization": f"{scheme} {token}"}
    assert requests.get(deployment.issuer + "/userinfo", headers=headers, timeout=20).status_code == 200


def test_a_bearer_token_is_no_dpop_token(deployment: Deployment) -> None:
    """S-123, the other way: a proof makes nothing of a token that is bound to no key."""
    party = RelyingParty(deployment, deployment.clients["Sundhedstider"])
    token = tokens_of(party)["access_token"]
    party.dpop = DpopKey()
    answer = party.userinfo(token)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    party.dpop = None
    assert party.userinfo(token).status_code == 200


def test_a_bound_token_is_not_taken_from_a_body(deployment: Deployment) -> None:
    party = bound_party(deployment, "secret")
    token = tokens_of(party)["access_token"]
    url = deployment.issuer + "/userinfo"
    for headers in ({}, party.proof("POST", "/userinfo", token)):
        answer = requests.post(url, data={"access_token": token}, headers=headers, timeout=20)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    headers = party.presented(token, "POST")
    assert requests.post(url, headers=headers, timeout=20).status_code == 200


# --- replay ----------------------------------------------------------------------------------------------------


def test_of_many_who_send_a_proof_one_is_served_at_every_node(
    deployment: Deployment, clock: FrozenClock
) -> None:
    """S-115: at two nodes and at once; then again, one by one."""
    party = bound_party(deployment)
    token = tokens_of(party)["access_token"]
    other = create_app(deployment.settings, clock)
    try:
        headers = party.presented(token)

        def send(number: int) -> int:
            node = InProcessBrowser((deployment.provider, other)[number % 2], deployment.issuer)
            return node.send("GET", "/userinfo", {}, headers["Authorization"], headers["DPoP"]).status

        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(send, range(50)))
        assert sorted(answers) == [200] + [401] * 49
        assert [send(number) for number in range(4)] == [401] * 4
    finally:
        other.wiring.close()


def test_a_proof_is_taken_once_at_every_endpoint(deployment: Deployment) -> None:
    """S-115: PAR, token; and one that was made for another endpoint is none."""
    party = bound_party(deployment)
    fields = party.parameters("v" * 43, "s", "n")
    for path, error in (("/par", None), ("/token", "invalid_grant")):
        headers = party.proof("POST", path)
        url = deployment.issuer + path
        data = fields if path == "/par" else {"grant_type": "authorization_code", "code": "x" * 43}
        first = requests.post(url, data=data | party.authentication()["data"], headers=headers, timeout=20)
        assert first.json().get("error") == error, first.text
        again = requests.post(url, data=data | party.authentication()["data"], headers=headers, timeout=20)
        proof_refused(again)


@pytest.mark.parametrize("path", ["/par", "/token"])
def test_what_is_not_exactly_one_good_proof_is_told_so(deployment: Deployment, path: str) -> None:
    """S-120, S-116, S-118: two headers, one that is joined, empty, or of 64 KB; a wrong time or address."""
    party = bound_party(deployment)
    assert party.dpop is not None
    url, now = deployment.issuer + path, deployment.clock()
    iat = int(now.timestamp())
    good, other = (party.dpop.proof("POST", url, now) for _ in range(2))
    wrong = [
        [good, other],
        [f"{good}, {other}"],
        [""],
        ["x" * 8_193],
        ["x" * 64_000],
        [party.dpop.proof("POST", url, now, iat=iat - 61)],
        [party.dpop.proof("POST", url, now, iat=iat + 61)],
        [party.dpop.proof("GET", url, now)],
        [party.dpop.proof("POST", deployment.issuer + "/userinfo", now)],
        [party.assertion()],
    ]
    for proofs in wrong:
        status, body = posted(party, path, proofs)
        assert (status, json.loads(body)["error"]) == (400, "invalid_dpop_proof"), proofs


def posted(party: RelyingParty, path: str, proofs: list[str]) -> tuple[int, bytes]:
    """With a DPoP header for each, which no client library sends."""
    fields = party.parameters("v" * 43, "s", "n") | {"grant_type": "refresh_token"}
    body = urlencode({**fields, **party.authentication()["data"]}).encode()
    connection = http.client.HTTPConnection(urlsplit(party.deployment.issuer).netloc, timeout=20)
    connection.putrequest("POST", path)
    connection.putheader("Content-Type", "application/x-www-form-urlencoded")
    connection.putheader("Content-Length", str(len(body)))
    for proof in proofs:
        connection.putheader("DPoP", proof)
    connection.endheaders(body)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


# --- a code that is bound to a key -----------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["proof", "parameter", "both"])
def test_a_code_that_was_asked_for_with_a_key_is_redeemed_with_that_key_alone(
    deployment: Deployment, way: str
) -> None:
    """RFC 9449 §10: by a proof at PAR, by `dpop_jkt`, or both; a wrong key spends nothing."""
    party = bound_party(deployment, "secret")
    key = party.dpop
    assert key is not None
    if way == "parameter":
        party.dpop = None
    asked = party.ask(push=True, **({} if way == "proof" else {"dpop_jkt": key.jkt}))
    code = code_for(party, asked)
    for wrong in (DpopKey(), None):
        party.dpop = wrong
        refused(party.redeem(code, asked.verifier), "invalid_grant")
    party.dpop = key
    tokens = party.redeem(code, asked.verifier)
    assert tokens.status_code == 200, tokens.text
    assert claims_of(tokens.json()["access_token"])["cnf"] == {"jkt": key.jkt}


def test_a_key_that_is_not_the_proof_s_is_refused_at_par(deployment: Deployment) -> None:
    """S-126: also inside a request object."""
    party = bound_party(deployment)
    parameters = party.parameters("v" * 43, "s", "n", dpop_jkt=DpopKey().jkt)
    refused(party.post("/par", parameters), "invalid_request")
    refused(party.post("/par", {"request": request_object(party, parameters)}), "invalid_request")
    refused(party.post("/par", parameters | {"dpop_jkt": "x"}), "invalid_request")


@pytest.mark.parametrize("kind", ["secret", "public"])
def test_a_key_may_be_named_in_a_plain_request(deployment: Deployment, kind: str) -> None:
    """RFC 9449 §10: `dpop_jkt` at the authorization endpoint."""
    party = bound_party(deployment, kind)
    assert party.dpop is not None
    asked, code = begun(party, dpop_jkt=party.dpop.jkt)
    key, party.dpop = party.dpop, None
    refused(party.redeem(code, asked.verifier), "invalid_grant")
    party.dpop = key
    assert party.redeem(code, asked.verifier).json()["token_type"] == "DPoP"


# --- refresh ---------------------------------------------------------------------------------------------------


def test_a_public_client_s_refresh_token_is_its_key_s_and_is_kept(deployment: Deployment) -> None:
    """S-130, S-084: another key or none is refused and ends nothing; it is not rotated."""
    party = bound_party(deployment, "public")
    key, secret = party.dpop, tokens_of(party)["refresh_token"]
    for wrong in (DpopKey(), None, DpopKey()):
        party.dpop = wrong
        refused(refresh(party, secret), "invalid_grant")
    party.dpop = key
    for _ in range(2):
        answer = refresh(party, secret)
        assert answer.status_code == 200, answer.text
        assert answer.json()["refresh_token"] == secret and answer.json()["token_type"] == "DPoP"
    assert party.userinfo(answer.json()["access_token"]).status_code == 200


@pytest.mark.parametrize("kind", ["confidential", "secret"])
def test_a_confidential_client_may_change_its_key_but_never_loosen(deployment: Deployment, kind: str) -> None:
    """S-084: bound to the client and its authentication (RFC 9449 §5); without a proof there is no bearer token."""
    party = bound_party(deployment, kind)
    secret = tokens_of(party)["refresh_token"]
    party.dpop = DpopKey()
    answer = refresh(party, secret)
    assert answer.json()["refresh_token"] == secret
    assert claims_of(answer.json()["access_token"])["cnf"] == {"jkt": party.dpop.jkt}
    party.dpop = None
    assert refresh(party, secret).status_code == 400


# --- who must ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "registered"),
    [
        ("secret", {"dpop_bound_access_tokens": True}),
        ("public", {"dpop_bound_access_tokens": True}),
        ("confidential", {}),
    ],
)
def test_a_client_that_needs_bound_tokens_gets_none_without_a_proof(
    deployment: Deployment, kind: str, registered: dict[str, bool]
) -> None:
    """S-129: for a code and for a refresh token; who registered it, and every client of `fapi2`."""
    party = bound_party(deployment, kind, **registered)
    key = party.dpop
    asked, code = begun(party)
    party.dpop = None
    refused(party.redeem(code, asked.verifier), "invalid_request")
    party.dpop = key
    tokens = party.redeem(code, asked.verifier).json()
    assert tokens["token_type"] == "DPoP"
    party.dpop = None
    refused(refresh(party, tokens["refresh_token"]), "invalid_request")


# --- the nonce -------------------------------------------------------------------------------------------------


def test_every_good_answer_to_a_proof_offers_a_nonce(deployment: Deployment) -> None:
    """RFC 9449 §8.2: and it works at every endpoint; a wrong one is answered with a good one, no other error with any."""
    party = bound_party(deployment)
    asked, code = begun(party)
    answer = party.redeem(code, asked.verifier)
    nonce, token = answer.headers["DPoP-Nonce"], answer.json()["access_token"]
    url = deployment.issuer + "/userinfo"
    for sent, status in ((nonce, 200), ("x", 401), (None, 200)):
        headers = {
            "Authorization": f"DPoP {token}",
            **party.proof("GET", "/userinfo", token, nonce=sent),
        }
        answer = requests.get(url, headers=headers, timeout=20)
        assert (answer.status_code, answer.headers["DPoP-Nonce"]) == (status, nonce)
        if status == 401:
            assert answer.json()["error"] == "use_dpop_nonce"
            assert 'DPoP realm="adgang", algs=' in answer.headers["WWW-Authenticate"]
    assert "DPoP-Nonce" not in requests.get(url, timeout=20).headers
    refused_code = party.redeem(code, asked.verifier)
    assert refused_code.status_code == 400 and "DPoP-Nonce" not in refused_code.headers


def test_where_a_nonce_is_demanded_every_endpoint_says_so_and_takes_it(
    tmp_path: Path, sqlite_url: str, valkey_url: str, clock: FrozenClock
) -> None:
    """S-127, S-128: use_dpop_nonce at PAR and token (400) and at userinfo (401); every node takes what one gave."""
    settings = {"ADGANG_DPOP_NONCE_REQUIRED": "true"}
    with running_deployment(tmp_path, sqlite_url, valkey_url, clock, **settings) as deployment:
        party = bound_party(deployment)
        parameters = party.parameters("v" * 43, "s", "n")
        first = party.post("/par", parameters)
        refused(first, "use_dpop_nonce")
        nonce = first.headers["DPoP-Nonce"]
        party = Nonced(deployment, party.client, party.scope, dpop=party.dpop, nonce=nonce)
        asked, code = begun(party)
        party.nonce = "of-another-server"
        answer = party.redeem(code, asked.verifier)
        refused(answer, "use_dpop_nonce")
        party.nonce = answer.headers["DPoP-Nonce"]
        token = party.redeem(code, asked.verifier).json()["access_token"]
        other = create_app(deployment.settings, clock)
        try:
            headers = party.presented(token)
            node = InProcessBrowser(other, deployment.issuer)
            assert node.send("GET", "/userinfo", {}, headers["Authorization"], headers["DPoP"]).status == 200
        finally:
            other.wiring.close()
        party.nonce = None
        answer = party.userinfo(token)
        assert (answer.status_code, answer.json()["error"]) == (401, "use_dpop_nonce")
        party.nonce = answer.headers["DPoP-Nonce"]
        assert party.userinfo(token).status_code == 200


def test_whoever_is_told_a_nonce_may_come_again_with_all_that_it_sent(deployment: Deployment) -> None:
    """RFC 9449 §8: neither the assertion nor the code is spent by a proof that lacked the nonce."""
    party = bound_party(deployment)
    asked, code = begun(party)
    fields = {"grant_type": "authorization_code", "code": code, "code_verifier": asked.verifier}
    data = fields | {"redirect_uri": party.client.redirect_uri} | party.authentication()["data"]
    url = deployment.issuer + "/token"
    told = requests.post(url, data=data, headers=party.proof("POST", "/token", nonce="x"), timeout=20)
    refused(told, "use_dpop_nonce")
    headers = party.proof("POST", "/token", nonce=told.headers["DPoP-Nonce"])
    assert requests.post(url, data=data, headers=headers, timeout=20).status_code == 200


@dataclass
class Nonced(RelyingParty):
    """Puts a nonce into its proofs."""

    nonce: str | None = None

    def proof(
        self, method: str, path: str, access_token: str | None = None, **changes: Any
    ) -> dict[str, str]:
        return super().proof(method, path, access_token, nonce=self.nonce, **changes)


# --- faults, and browsers ------------------------------------------------------------------------------------------


def test_without_the_memory_of_proofs_none_is_taken(
    tmp_path: Path, sqlite_url: str, clock: FrozenClock
) -> None:
    """S-132: 503, and the replay check is never skipped."""
    store = embedded_valkey.start(tmp_path / "own-valkey")
    try:
        with running_deployment(tmp_path, sqlite_url, store.url, clock) as deployment:
            party = bound_party(deployment, "public")
            token = tokens_of(party)["access_token"]
            store.stop()
            for answer in (party.userinfo(token), refresh(party, "x" * 43)):
                assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
                assert int(answer.headers["Retry-After"]) > 0
    finally:
        store.stop()


def test_a_proof_from_before_the_store_forgot_is_refused(deployment: Deployment) -> None:
    """S-132, S-328: it may have been used, and nobody remembers."""
    party = bound_party(deployment)
    token = tokens_of(party)["access_token"]
    headers = party.presented(token)
    deployment.wiring.redis.flushall()
    deployment.clock.forward(seconds=1)
    deployment.wiring.redis.ping()
    answer = requests.get(deployment.issuer + "/userinfo", headers=headers, timeout=20)
    proof_refused(answer, 401)
    deployment.clock.forward(seconds=1)
    assert party.userinfo(token).status_code == 200


def test_a_single_page_application_may_send_proofs_and_read_nonces(deployment: Deployment) -> None:
    """RFC 9449 §5, §8: CORS lets a registered origin send `DPoP` and see `DPoP-Nonce`, in errors too."""
    party = bound_party(deployment, "public", redirect_uris=["https://app.nordhavn.example/cb"])
    origin = {"Origin": "https://app.nordhavn.example"}
    for path in ("/token", "/userinfo"):
        asked = origin | {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "dpop"}
        answer = requests.options(deployment.issuer + path, headers=asked, timeout=20)
        assert "DPoP" in answer.headers["Access-Control-Allow-Headers"].split(", ")
    token = tokens_of(party)["access_token"]
    for nonce, status in ((None, 200), ("x", 401)):
        headers = party.proof("GET", "/userinfo", token, nonce=nonce) | {"Authorization": f"DPoP {token}"}
        answer = requests.get(deployment.issuer + "/userinfo", headers=headers | origin, timeout=20)
        assert answer.status_code == status
        assert answer.headers["Access-Control-Allow-Origin"] == origin["Origin"]
        assert "DPoP-Nonce" in answer.headers["Access-Control-Expose-Headers"].split(", ")
        assert answer.headers["DPoP-Nonce"]
