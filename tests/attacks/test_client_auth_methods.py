"""A client authenticates by the one method it is registered for, with what is fresh, its own and meant for us."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from tests.support.deployment import Deployment
from tests.support.dpop import DpopKey
from tests.support.relying_party import RelyingParty

_PROOFS = DpopKey()
"""Any client may send proofs, and those of `fapi2` must."""

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def _answer(
    deployment: Deployment, fields: dict[str, str] | None = None, **arguments: Any
) -> tuple[int, str]:
    """Status and error of a token request whose code nobody issued: `invalid_grant` means authenticated."""
    grant = {
        "grant_type": "authorization_code",
        "code": "A" * 43,
        "code_verifier": "v" * 43,
        "redirect_uri": "x",
    }
    url = deployment.issuer + "/token"
    headers = arguments.pop("headers", {}) | {"DPoP": _PROOFS.proof("POST", url, deployment.clock())}
    answer = requests.post(url, data=grant | (fields or {}), headers=headers, timeout=20, **arguments)
    if answer.status_code == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    return answer.status_code, answer.json()["error"]


AUTHENTICATED = (400, "invalid_grant")
REFUSED = (401, "invalid_client")
MALFORMED = (400, "invalid_request")


def _with(assertion: str, **more: str) -> dict[str, str]:
    return {"client_assertion_type": TYPE, "client_assertion": assertion, **more}


def _lenient(deployment: Deployment) -> RelyingParty:
    """An `oidc` client with a key."""
    organisation = deployment.wiring.registry.organisations()[0].organisation_id
    client = deployment.add_client(
        "Lempelig", organisation, profile="oidc", token_endpoint_auth_method="private_key_jwt"
    )
    return RelyingParty(deployment, client)


def test_an_assertion_is_accepted_once(deployment: Deployment) -> None:
    """S-094, S-099: in sequence, at another endpoint, at the edge of its life, and by many at once."""
    party = RelyingParty(deployment, deployment.clients["Byggesager"])
    assertion = party.assertion(exp=int(deployment.clock().timestamp()) + 300)
    assert _answer(deployment, _with(assertion)) == AUTHENTICATED
    assert _answer(deployment, _with(assertion)) == REFUSED
    other = requests.post(deployment.issuer + "/par", data=_with(assertion), timeout=20)
    assert other.status_code == 401
    for step in (100, 199, 1, 59, 2):
        deployment.clock.forward(seconds=step)
        assert _answer(deployment, _with(assertion)) == REFUSED
    fresh = party.assertion()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: _answer(deployment, _with(fresh)), range(8)))
    assert sorted(answers) == [AUTHENTICATED] + [REFUSED] * 7


def test_an_assertion_older_than_the_memory_of_jti_is_refused(deployment: Deployment) -> None:
    """S-094, S-328: after the store came back empty, the past is never fresh."""
    party = RelyingParty(deployment, deployment.clients["Byggesager"])
    assertion = party.assertion()
    assert _answer(deployment, _with(assertion)) == AUTHENTICATED
    deployment.clock.forward(seconds=2)
    deployment.wiring.redis.flushall()
    assert _answer(deployment, _with(assertion)) == REFUSED
    deployment.clock.forward(seconds=2)
    assert _answer(deployment, _with(party.assertion())) == AUTHENTICATED


def test_the_strict_profile_takes_the_issuer_alone_as_audience(deployment: Deployment) -> None:
    """S-095, S-096."""
    party, issuer = RelyingParty(deployment, deployment.clients["Byggesager"]), deployment.issuer
    for audience in (
        None,
        issuer + "/",
        issuer + "/token",
        [issuer],
        [issuer, "x"],
        issuer[:-1],
        issuer + "0",
        "",
        1,
        {},
    ):
        assert _answer(deployment, _with(party.assertion(aud=audience))) == REFUSED, audience
    assert _answer(deployment, _with(party.assertion(aud=issuer))) == AUTHENTICATED


def test_the_lenient_profile_takes_a_fixed_list(deployment: Deployment) -> None:
    """S-095."""
    party, issuer = _lenient(deployment), deployment.issuer
    for audience in (issuer, issuer + "/token", [issuer], [issuer + "/token"]):
        assert _answer(deployment, _with(party.assertion(aud=audience))) == AUTHENTICATED, audience
    for audience in (None, [], [issuer, issuer], [issuer, "x"], [[issuer]], issuer + "/par", issuer + "/"):
        assert _answer(deployment, _with(party.assertion(aud=audience))) == REFUSED, audience


def test_times_of_an_assertion_have_bounds(deployment: Deployment) -> None:
    """S-097."""
    party, now = (
        RelyingParty(deployment, deployment.clients["Byggesager"]),
        int(deployment.clock().timestamp()),
    )
    refused: list[dict[str, Any]] = [
        {"exp": None},
        {"exp": now},
        {"exp": now - 300},
        {"exp": now + 361},
        {"exp": 10**30},
        {"exp": str(now + 60)},
        {"exp": now + 60.5},
        {"iat": None},
        {"iat": now + 61},
        {"nbf": now + 61},
        {"iat": True},
    ]
    for changes in refused:
        assert _answer(deployment, _with(party.assertion(**changes))) == REFUSED, changes
    for accepted in (
        {"exp": now + 300},
        {"nbf": now + 8},
        {"iat": now + 10},
        {"iat": now + 60, "nbf": now + 60},
    ):
        assert _answer(deployment, _with(party.assertion(**accepted))) == AUTHENTICATED, accepted


def test_an_assertion_names_its_client_and_nobody_else(deployment: Deployment) -> None:
    """S-100."""
    party, other = (
        RelyingParty(deployment, deployment.clients[name]) for name in ("Byggesager", "Boligstøtte")
    )
    other_id = other.client.client_id
    for changes in ({"sub": other_id}, {"iss": other_id}, {"sub": None}, {"iss": None}, {"sub": 1}, {"sub": ["x"]},
                    {"iss": other_id, "sub": other_id}, {"jti": None}, {"jti": 1}, {"jti": ""}, {"jti": "x" * 257}, {"jti": "x" * 2_000}):  # fmt: skip
        assert _answer(deployment, _with(party.assertion(**changes))) == REFUSED, changes
    assert _answer(deployment, _with(party.assertion(), client_id=other_id)) == REFUSED
    assert _answer(deployment, _with(party.assertion(), client_id=party.client.client_id)) == AUTHENTICATED


def test_only_the_registered_keys_and_algorithms_count(deployment: Deployment) -> None:
    """S-153, S-154, S-156, S-157."""
    party = RelyingParty(deployment, deployment.clients["Byggesager"])
    claims = json.loads(_payload_of(party.assertion()))
    own = party.client.key
    assert own is not None
    kid, thief, rsa = own.thumbprint(), ECKey.generate_key("P-256"), RSAKey.generate_key(2048)
    forged = [
        jwt.encode({"alg": "ES256", "kid": kid}, claims, thief),
        jwt.encode({"alg": "ES256"}, claims, thief),
        jwt.encode({"alg": "ES256", "kid": thief.thumbprint()}, claims, own),
        jwt.encode({"alg": "ES256", "jwk": thief.as_dict(private=False)}, claims, thief),
        jwt.encode({"alg": "RS256", "kid": kid}, claims, rsa),
        jwt.encode({"alg": "PS256", "kid": kid}, claims, rsa, algorithms=["PS256"]),
        jwt.encode({"alg": "ES256", "typ": "at+jwt"}, claims, own),
        _odd({"alg": "none"}, claims, b""),
        _odd({"alg": "none"}, claims, b"x"),
    ]
    for assertion in forged:
        assert _answer(deployment, _with(assertion)) == REFUSED
    assert _answer(deployment, _with(jwt.encode({"alg": "ES256"}, claims, own))) == AUTHENTICATED


@pytest.mark.parametrize("path", ["/token", "/par", "/device_authorization"])
def test_what_a_stranger_sends_is_refused_before_anything_is_looked_up(
    deployment: Deployment, path: str
) -> None:
    """S-114: no credential at all, and never a 500."""
    payloads = [
        b'{"iss":' * 3_000,
        b"[" * 12_000,
        b'{"iss":"\\ud800","sub":"\\ud800"}',
        b'{"iss":"a\\u0000","sub":"a\\u0000"}',
        b'{"sub":"a","sub":"b","iss":"b"}',
        '{"iss":"a","sub":"a"}'.encode("utf-16"),
        b'\xef\xbb\xbf{"iss":"a","sub":"a"}',
        b'{"iss":"a","sub":"a","exp":1e999}',
        b'{"iss":{},"sub":{}}',
        b"\xff",
        b"",
    ]
    tokens = [f"{_b64(json.dumps({'alg': 'ES256'}).encode())}.{_b64(raw)}.AAAA" for raw in payloads]
    for token in [*tokens, "", "x", "...", "æ.ø.å", "a.b.c.d.e", "\U0001f600." * 2 + "x", "A" * 40_000]:
        answer = requests.post(deployment.issuer + path, data=_with(token), timeout=20)
        assert answer.status_code in (400, 401, 429), (token[:40], answer.status_code)
        assert answer.json()["error"] in ("invalid_client", "invalid_request", "temporarily_unavailable")


def test_the_method_must_be_the_registered_one(deployment: Deployment) -> None:
    """S-101, S-102: whatever else stands beside it."""
    keyed, secret = deployment.clients["Byggesager"], deployment.clients["Sundhedstider"]
    party = RelyingParty(deployment, keyed)
    right = (secret.client_id, str(secret.secret))
    assert _answer(deployment, auth=right) == AUTHENTICATED
    assert _answer(deployment, {"client_id": secret.client_id}, auth=right) == AUTHENTICATED
    assert (
        _answer(deployment, {"client_id": secret.client_id, "client_secret": str(secret.secret)}) == REFUSED
    )
    assert _answer(deployment, {"client_id": secret.client_id}) == REFUSED
    assert _answer(deployment, {"client_id": keyed.client_id}) == REFUSED
    assert _answer(deployment, {"client_id": keyed.client_id, "client_secret": "x"}) == REFUSED
    assert _answer(deployment, auth=(keyed.client_id, "x")) == REFUSED
    assert _answer(deployment, {"client_id": keyed.client_id}, auth=right) == REFUSED
    assert _answer(deployment, _with("x"), auth=right) == MALFORMED
    assert _answer(deployment, _with(party.assertion()), auth=right) == MALFORMED
    assert _answer(deployment, {"client_secret": "x"}, auth=right) == MALFORMED
    assert _answer(deployment, _with(party.assertion(), client_secret="x")) == MALFORMED
    assert _answer(deployment, {"client_assertion": party.assertion()}) == REFUSED
    assert _answer(deployment, {"client_assertion_type": TYPE}) == REFUSED


def test_no_header_about_a_certificate_authenticates_anybody(deployment: Deployment) -> None:
    """S-108: where mutual TLS is not offered (test_mtls_header has where it is), no proxy says so either."""
    certificate = ":" + base64.b64encode(b"-----any certificate-----").decode() + ":"
    headers = {
        "Client-Cert": certificate,
        "Client-Cert-Chain": certificate,
        "X-SSL-Client-Cert": certificate,
        "X-SSL-Client-Verify": "SUCCESS",
        "X-Client-Verify": "SUCCESS",
        "X-Forwarded-Client-Cert": "Subject=anybody",
        "Forwarded": "for=127.0.0.1;proto=https",
    }
    for client in (deployment.clients["Byggesager"], deployment.clients["Sundhedstider"]):
        assert _answer(deployment, {"client_id": client.client_id}, headers=headers) == REFUSED


def test_a_client_may_be_registered_for_the_secret_in_the_body(deployment: Deployment) -> None:
    organisation = deployment.wiring.registry.organisations()[0].organisation_id
    client = deployment.add_client(
        "Formular", organisation, profile="oidc", token_endpoint_auth_method="client_secret_post"
    )
    secret = str(client.secret)
    assert _answer(deployment, {"client_id": client.client_id, "client_secret": secret}) == AUTHENTICATED
    assert _answer(deployment, {"client_id": client.client_id, "client_secret": secret[:-1]}) == REFUSED
    assert _answer(deployment, auth=(client.client_id, secret)) == REFUSED


def test_a_public_client_says_who_it_is_and_nothing_more(deployment: Deployment) -> None:
    organisation = deployment.wiring.registry.organisations()[0].organisation_id
    client = deployment.add_client("Browser", organisation, profile="oidc", token_endpoint_auth_method="none")
    assert _answer(deployment, {"client_id": client.client_id}) == AUTHENTICATED
    assert _answer(deployment, {"client_id": client.client_id, "client_secret": "x"}) == REFUSED


def right_pair(deployment: Deployment) -> str:
    """What stands behind `Basic` where a client says who it is."""
    client = deployment.clients["Sundhedstider"]
    return base64.b64encode(f"{client.client_id}:{client.secret}".encode()).decode()


def malformed_credentials(pair: str) -> tuple[str, ...]:
    """`pair` is right."""
    return (
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic\t" + pair,
        "Basic " + pair[:-3],
        "Basic " + base64.b64encode(b"nocolon").decode(),
        "Basic " + base64.b64encode(b":").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
        "Basic " + base64.b64encode(b"%FF:%FF").decode(),
        "Basic " + base64.b64encode(b"a\0:b").decode(),
        "Bearer " + pair,
        "DPoP x",
        pair,
    )


@pytest.mark.parametrize("path", ["/par", "/revoke", "/introspect", "/device_authorization"])
def test_it_is_so_at_every_endpoint_where_clients_authenticate(deployment: Deployment, path: str) -> None:
    """S-103"""
    for header in malformed_credentials(right_pair(deployment)):
        sent = {"data": {"token": "x"}, "headers": {"Authorization": header}, "timeout": 20}
        answer = requests.post(deployment.issuer + path, **sent)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["error"]) == REFUSED, header


def test_a_malformed_authorization_header_is_a_clean_refusal(deployment: Deployment) -> None:
    """S-103."""
    pair = right_pair(deployment)
    for header in malformed_credentials(pair):
        assert _answer(deployment, headers={"Authorization": header}) == REFUSED, header
    assert _answer(deployment, headers={"Authorization": "basic " + pair}) == AUTHENTICATED
    assert _answer(deployment, headers={"Authorization": "Basic " + "A" * 9_000}) == MALFORMED


def test_failures_are_throttled_but_never_lock_the_honest_client_out(deployment: Deployment) -> None:
    """S-111."""
    client = deployment.clients["Sundhedstider"]
    answers = [_answer(deployment, auth=(client.client_id, "wrong")) for _ in range(33)]
    assert answers == [REFUSED] * 30 + [(429, "temporarily_unavailable")] * 3
    assert _answer(deployment, auth=(client.client_id, str(client.secret))) == AUTHENTICATED


def test_an_assertion_without_iat_is_taken_by_the_lenient_profile_once_memory_is_old_enough(
    deployment: Deployment,
) -> None:
    """S-328: without a time of issue it counts as made at the earliest moment it can have been."""
    party = _lenient(deployment)
    assert _answer(deployment, _with(party.assertion(iat=None))) == REFUSED
    deployment.clock.forward(seconds=3_700)
    assert _answer(deployment, _with(party.assertion(iat=None))) == AUTHENTICATED


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _odd(header: dict[str, Any], claims: dict[str, Any], signature: bytes) -> str:
    return f"{_b64(json.dumps(header).encode())}.{_b64(json.dumps(claims).encode())}.{_b64(signature)}"


def _payload_of(token: str) -> bytes:
    body = token.split(".")[1]
    return base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
