"""The way back under our own content security policy, to a service whose callback leads on to another host.

Chromium holds `form-action` against every redirect that follows a POST (protocol.md, browser facts); to it,
`localhost` and `127.0.0.1` are two sites.
"""

import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import pytest
from werkzeug import Request, Response
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.support.deployment import PASSWORD, Deployment, TestClient
from tests.support.relying_party import RelyingParty

pytestmark = pytest.mark.browser

USER = "freja.holm"


class Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """The answers tell what matters."""


class Service:
    """`/callback` on localhost takes the answer and leads on to `/home` on 127.0.0.1."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, dict[str, str]]] = []
        self.server = make_server("127.0.0.1", 0, self.application, threaded=True, request_handler=Quiet)
        self.port = self.server.server_port
        self.home = f"http://127.0.0.1:{self.port}/home"

    def application(self, environ: Any, start_response: Any) -> Any:
        return self.respond(Request(environ))(environ, start_response)

    def respond(self, request: Request) -> Response:
        if request.path == "/callback":
            given = request.form.to_dict() or dict(parse_qsl(request.query_string.decode()))
            self.answers.append((request.method, given))
            return Response(status=303, headers={"Location": self.home})
        return Response("<!doctype html><h1 id=home>Hjem</h1>", mimetype="text/html")


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    thread = threading.Thread(
        target=service.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    )
    thread.start()
    yield service
    service.server.shutdown()
    thread.join()
    service.server.server_close()


@pytest.fixture
def party(deployment: Deployment, service: Service) -> RelyingParty:
    client: TestClient = deployment.add_client(
        "Videre",
        deployment.add_organisation("Prøvegården", "99000009"),
        profile="oidc",
        redirect_uris=[f"http://localhost:{service.port}/callback"],
        token_endpoint_auth_method="client_secret_basic",
        response_modes=["query", "form_post"],
    )
    return RelyingParty(deployment, client)


def sign_in(page: Any, deployment: Deployment, url: str) -> None:
    page.goto(url)
    page.fill("#user-id", USER)
    page.fill("#password", PASSWORD)
    page.click("#continue")
    page.fill("#code", deployment.code_of(USER))
    page.click("#continue")
    page.wait_for_selector("#accept")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
@pytest.mark.parametrize(("mode", "method"), [("query", "GET"), ("form_post", "POST")])
def test_a_callback_that_leads_on_to_another_host_is_reached(
    deployment: Deployment,
    service: Service,
    party: RelyingParty,
    visitor: Any,
    mode: str,
    method: str,
    scripts: bool,
) -> None:
    page = visitor(java_script_enabled=scripts)
    asked = party.ask(response_mode=mode)
    sign_in(page, deployment, asked.url)
    page.click("#accept")
    if mode == "form_post" and not scripts:
        page.click("#continue")  # the form that a script would have sent
    page.wait_for_selector("#home")
    assert page.url == service.home and page.complaints == []
    [(used, answer)] = service.answers
    assert used == method and answer["state"] == asked.state and answer["iss"] == deployment.issuer
    assert party.redeem(answer["code"], asked.verifier).status_code == 200

    # A second time nothing is asked, so that no form of ours comes before.
    page.goto(party.ask(response_mode=mode).url)
    if mode == "form_post" and not scripts:
        page.click("#continue")
    page.wait_for_selector("#home")
    assert page.url == service.home and page.complaints == [] and len(service.answers) == 2


@pytest.mark.parametrize(("mode", "method"), [("query", "GET"), ("form_post", "POST")])
def test_a_cancelled_sign_in_takes_the_same_way(
    deployment: Deployment, service: Service, party: RelyingParty, visitor: Any, mode: str, method: str
) -> None:
    page = visitor()
    asked = party.ask(response_mode=mode)
    page.goto(asked.url)
    page.click("#cancel")
    page.wait_for_selector("#home")
    [(used, answer)] = service.answers
    assert used == method and answer["error"] == "access_denied" and answer["state"] == asked.state
    assert page.complaints == []


def test_no_page_of_a_sign_in_lets_its_form_go_anywhere_else(
    deployment: Deployment, party: RelyingParty, visitor: Any
) -> None:
    """The policy is not wide open: a form of ours that was pointed elsewhere is held back."""
    page = visitor()
    page.goto(party.ask().url)
    page.evaluate("document.querySelector('#password').form.action = 'http://127.0.0.1:9/stolen'")
    page.fill("#user-id", USER)
    page.fill("#password", PASSWORD)
    with page.expect_console_message(lambda said: "form-action" in said.text):
        page.click("#continue", no_wait_after=True)
    assert page.url.startswith(deployment.issuer)
