"""Client assertions that nobody honest makes, at every endpoint where clients authenticate: refused, and never a 500."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from werkzeug.test import Client

from idp.app import create_app
from tests.support.deployment import Deployment
from tests.support.relying_party import RelyingParty

ENDPOINTS = ("/token", "/par", "/revoke", "/introspect", "/device_authorization")
TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forged(payload: bytes, header: bytes = b'{"alg":"ES256","typ":"JWT"}') -> str:
    """With a signature of the right length by nobody."""
    return f"{b64(header)}.{b64(payload)}.{b64(b'x' * 64)}"


def claims(client_id: str, issuer: str) -> dict[str, Any]:
    named = {"iss": client_id, "sub": client_id, "aud": issuer, "jti": "x" * 22}
    return named | {"iat": 1_795_000_000, "exp": 1_795_000_060}


def hostile(client_id: str, issuer: str) -> dict[str, str]:
    whole = json.dumps(claims(client_id, issuer)).encode()
    return {
        "nested lists": forged(b'{"sub":' + b"[" * 20_000 + b"]" * 20_000 + b"}"),
        "nested objects": forged(b'{"a":' * 7_000 + b"1" + b"}" * 7_000),
        "a nested header": forged(whole, b'{"alg":' + b"[" * 4_000 + b"]" * 4_000 + b"}"),
        "a lone surrogate": forged(whole.replace(client_id.encode(), b"\\ud800")),
        "a NUL": forged(whole.replace(client_id.encode(), b"\\u0000")),
        "a raw NUL": forged(whole.replace(client_id.encode(), b"\0")),
        "a sub twice": forged(whole[:-1] + b', "sub": "' + client_id.encode() + b'"}'),
        "UTF-16": forged(whole.decode().encode("utf-16")),
        "a byte order mark": forged(b"\xef\xbb\xbf" + whole),
        "no UTF-8": forged(whole.replace(b"x" * 22, b"\xff\xfe")),
        "no JSON": forged(b"{"),
        "a list": forged(b"[]"),
        "a number of many digits": forged(b'{"exp":' + b"9" * 5_000 + b"}"),
        "an infinite time": forged(whole.replace(b"1795000060", b"Infinity")),
        "no signature": f"{b64(b'{}')}.{b64(whole)}.",
        "alg none": f"{b64(json.dumps({'alg': 'none'}).encode())}.{b64(whole)}.",
        "signs that are no base64": "eyJ\ud7ff." + b64(whole) + ".é",
        "dots": "." * 3_000,
    }


def form(assertion: str, **fields: str) -> dict[str, str]:
    return {"client_assertion_type": TYPE, "client_assertion": assertion, "token": "x", **fields}


def post(deployment: Deployment, path: str, assertion: str, **fields: str) -> requests.Response:
    return requests.post(deployment.issuer + path, data=form(assertion, **fields), timeout=20)


@pytest.mark.parametrize("path", ENDPOINTS)
def test_whatever_stands_in_an_assertion_it_is_refused_as_one(deployment: Deployment, path: str) -> None:
    """S-114: no other error, nothing of it in the answer, and no name that is none is ever looked up."""
    client_id = deployment.clients["Byggesager"].client_id
    for name, assertion in hostile(client_id, deployment.issuer).items():
        answer = post(deployment, path, assertion)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), (name, answer.text)
        assert client_id not in answer.text


@pytest.mark.parametrize("path", ENDPOINTS)
def test_an_assertion_that_names_another_audience_is_nobodys(deployment: Deployment, path: str) -> None:
    """S-096: what a malicious server asked for under the address of our token endpoint opens nothing here."""
    party = RelyingParty(deployment, deployment.clients["Byggesager"])
    for audience in (deployment.issuer + "/token", deployment.issuer + path, "https://evil.example"):
        answer = post(deployment, path, party.assertion(aud=audience))
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), audience
    if path != "/introspect":  # of resources alone: whatever a client brings is refused there
        assert post(deployment, path, party.assertion()).status_code in (200, 400)


def test_of_fifty_who_send_an_assertion_at_once_to_anywhere_one_is_believed(deployment: Deployment) -> None:
    """S-094: whichever endpoint it is."""
    assertion = RelyingParty(deployment, deployment.clients["Byggesager"]).assertion()
    with ThreadPoolExecutor(10) as together:
        answers = list(
            together.map(lambda n: post(deployment, ENDPOINTS[n % 3], assertion).status_code, range(50))
        )
    assert set(answers) <= {200, 400, 401, 429}
    assert len([status for status in answers if status in (200, 400)]) == 1, answers


def test_an_assertion_that_was_used_is_not_believed_by_a_node_that_has_just_started(
    deployment: Deployment,
) -> None:
    """S-094: nothing of it is in the memory of a process, and whichever endpoint it is."""
    party = RelyingParty(deployment, deployment.clients["Byggesager"])
    assertion = party.assertion()
    assert post(deployment, "/revoke", assertion).status_code == 200
    restarted = create_app(deployment.settings, deployment.clock)
    try:
        node = Client(restarted)
        for path in ENDPOINTS:
            answer = node.post(path, base_url=deployment.issuer, data=form(assertion))
            assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client"), path
        fresh = node.post("/revoke", base_url=deployment.issuer, data=form(party.assertion()))
        assert fresh.status_code == 200
    finally:
        restarted.wiring.close()
