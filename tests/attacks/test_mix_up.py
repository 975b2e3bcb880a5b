"""A relying party that knows two providers, one of them malicious: no code of ours reaches the other (RFC 9700 §4.4.1)."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from flask.testing import FlaskClient
from joserfc.jwk import ECKey

from demo.parties import ORGANISATIONS
from demo.service import Configuration, create_app
from tests.support.citizen_browser import CitizenBrowser
from tests.support.clock import MovingClock
from tests.support.deployment import PASSWORD, Deployment, TestClient, running_deployment

USER = "freja.holm"
SITE = "http://localhost:9"
SERVICE = ORGANISATIONS[0].service


class Malicious(ThreadingHTTPServer):
    """A provider that sends browsers on to an honest one, and waits for the code."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.issuer = f"http://localhost:{self.server_address[1]}"
        self.pushed: dict[str, str] = {}
        self.at_token: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    server: Malicious

    def do_GET(self) -> None:
        issuer = self.server.issuer
        names = ("authorization", "token", "pushed_authorization_request", "userinfo")
        self._answer(
            200,
            {"issuer": issuer, "jwks_uri": f"{issuer}/jwks"}
            | {f"{n}_endpoint": f"{issuer}/{n}" for n in names},
        )

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path == "/token":
            self.server.at_token.append(body)
        self.server.pushed = dict(parse_qsl(body))
        self._answer(201, {"request_uri": "urn:x", "expires_in": 60})

    def _answer(self, status: int, members: dict[str, Any]) -> None:
        body = json.dumps(members).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def malicious() -> Iterator[Malicious]:
    with Malicious() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def honest(tmp_path: Path, sqlite_url: str, valkey_url: str) -> Iterator[Deployment]:
    """By the real clock, which the relying party's library goes by."""
    with running_deployment(tmp_path, sqlite_url, valkey_url, MovingClock()) as running:
        yield running


def relying_party(issuer: str, client_id: str, key: ECKey) -> FlaskClient:
    """A service of the demo, as a client of this issuer."""
    private = {**key.as_dict(private=True), "kid": key.thumbprint()}
    return create_app(
        Configuration(SERVICE.slug, SITE, issuer, client_id, private, "127.0.0.1", 9)
    ).test_client()


def honest_client(deployment: Deployment) -> TestClient:
    return deployment.add_client(
        "Byggesag to",
        deployment.add_organisation("Prøvegården", "99000009"),
        profile="oidc",
        redirect_uris=[f"{SITE}/callback"],
        token_endpoint_auth_method="private_key_jwt",
        scope=SERVICE.scope,
        purposes=[
            {
                "id": SERVICE.purpose_id,
                "text": SERVICE.purpose,
                "legal_ground": SERVICE.legal_ground,
                "claims": list(SERVICE.claims),
            }
        ],
    )


def refused_as_mix_up(page: Any) -> bool:
    return page.status_code == 200 and 'data-code="mix_up"' in page.text


def test_a_code_of_ours_is_not_sent_to_the_provider_that_was_asked(
    honest: Deployment, malicious: Malicious
) -> None:
    """S-067: the citizen chose the malicious one, which sent the browser on to us."""
    client = honest_client(honest)
    assert client.key is not None
    party = relying_party(malicious.issuer, "known-there", client.key)
    assert party.get("/log-ind").headers["Location"].startswith(malicious.issuer)
    forwarded = {
        name: value for name, value in malicious.pushed.items() if not name.startswith("client_assertion")
    } | {"client_id": client.client_id}
    browser = CitizenBrowser(honest.issuer)
    page = browser.get(f"{honest.issuer}/authorize?{urlencode(forwarded)}")
    page = browser.sign_in(page, USER, PASSWORD, honest.code_of(USER))
    page = browser.submit(page, "/consent", decision="accept")
    assert page.answer is not None and "code" in page.answer, page.words
    assert page.answer["iss"] == honest.issuer
    arrived = party.get("/callback", query_string=page.answer)
    assert refused_as_mix_up(arrived), arrived.text
    assert malicious.at_token == []


@pytest.mark.parametrize("issuer", ["malicious", "none"])
def test_an_answer_of_the_other_provider_is_not_taken_for_ours(
    honest: Deployment, malicious: Malicious, issuer: str
) -> None:
    """S-067: the citizen chose us, and the answer comes from the malicious one."""
    client = honest_client(honest)
    assert client.key is not None
    party = relying_party(honest.issuer, client.client_id, client.key)
    away = party.get("/log-ind")
    assert away.status_code == 302, away.text
    begun = away.headers["Location"]
    browser = CitizenBrowser(honest.issuer)
    page = browser.submit(browser.get(begun), "/cancel")  # only to learn the state
    assert page.answer is not None
    answer = {"code": "made-elsewhere", "state": page.answer["state"]}
    if issuer == "malicious":
        answer["iss"] = malicious.issuer
    assert refused_as_mix_up(party.get("/callback", query_string=answer))
    assert urlsplit(begun).netloc == urlsplit(honest.issuer).netloc
