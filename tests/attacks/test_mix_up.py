"""Mix-up (RFC 9700 §4.4.1): a service that also trusts a malicious server, and an answer of ours that reaches it."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from authlib.integrations.base_client import OAuthError
from flask import Flask
from joserfc.jwk import ECKey

from demo.relying_party import connect
from tests.support.citizen_browser import CitizenBrowser, Page
from tests.support.deployment import PASSWORD, Deployment

SITE = "http://localhost:7071"
USER = "freja.holm"


class _Malicious(BaseHTTPRequestHandler):
    """Speaks the protocol well enough to be believed, and keeps everything that it is sent."""

    protocol_version = "HTTP/1.1"
    received: list[tuple[str, dict[str, str]]]

    def do_GET(self) -> None:
        own = f"http://localhost:{self.server.server_address[1]}"
        names = ("authorization", "token", "pushed_authorization_request", "userinfo")
        endpoints = {f"{name}_endpoint": f"{own}/{name}" for name in names}
        self._answer(200, {"issuer": own, "jwks_uri": f"{own}/jwks", **endpoints})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.received.append((self.path, dict(parse_qsl(body))))
        self._answer(201, {"request_uri": "urn:ietf:params:oauth:request_uri:x", "expires_in": 60})

    def _answer(self, status: int, members: dict[str, Any]) -> None:
        body = json.dumps(members).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def malicious() -> Iterator[tuple[str, list[tuple[str, dict[str, str]]]]]:
    received: list[tuple[str, dict[str, str]]] = []
    handler = type("Malicious", (_Malicious,), {"received": received})
    server = ThreadingHTTPServer(("localhost", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://localhost:{server.server_address[1]}", received
    server.shutdown()
    thread.join()
    server.server_close()


def accepted(browser: CitizenBrowser, page: Page, code: str) -> Page:
    page = browser.sign_in(page, USER, PASSWORD, code)
    return browser.submit(page, "/consent", decision="accept")


def cancelled(browser: CitizenBrowser, page: Page, code: str) -> Page:
    return browser.submit(page, "/cancel")


@pytest.mark.parametrize("outcome", [accepted, cancelled])
def test_a_service_that_checks_iss_gives_no_code_of_ours_away(
    deployment: Deployment, malicious: tuple[str, list[tuple[str, dict[str, str]]]], outcome: Any
) -> None:
    """S-067: it began at the malicious server, the citizen was led to us, and our answer names us."""
    issuer, received = malicious
    organisation = deployment.add_organisation("Prøvegården", "99000009")
    client = deployment.add_client(
        "Forvekslet",
        organisation,
        profile="oidc",
        token_endpoint_auth_method="private_key_jwt",
        redirect_uris=[f"{SITE}/callback"],
    )
    key = {**ECKey.generate_key("P-256").as_dict(private=True), "kid": "k"}
    app = Flask(__name__)
    app.secret_key = "a test"
    service = connect(app, issuer=issuer, client_id=client.client_id, key=key, scope="openid profile")
    told: list[str] = []

    @app.get("/login")
    def login() -> Any:
        return service.push_and_redirect(f"{SITE}/callback")

    @app.get("/callback")
    def callback() -> str:
        with pytest.raises(OAuthError) as refused:
            service.finish()
        told.append(refused.value.error)
        return "refused"

    its_browser = app.test_client()
    assert its_browser.get("/login", base_url=SITE).headers["Location"].startswith(issuer)
    [(_, pushed)] = received
    taken = {name: value for name, value in pushed.items() if not name.startswith("client_assertion")}
    citizen = CitizenBrowser(deployment.issuer)
    page = citizen.get("/authorize?" + urlencode(taken))
    page = outcome(citizen, page, deployment.code_of(USER))
    assert page.answer is not None and page.answer["iss"] == deployment.issuer
    answer = urlsplit(page.url)
    its_browser.get(f"{answer.path}?{answer.query}", base_url=SITE)
    assert told == ["mix_up"]
    assert [path for path, _ in received] == ["/pushed_authorization_request"], "no code was brought to it"
