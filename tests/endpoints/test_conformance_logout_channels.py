"""The back-channel and front-channel logout plans (conformance.md): openid-client asks, jose reads what services are told.

That a whole foreign program obeys is in test_mod_auth_openidc.py.
"""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.support.citizen_browser import Page
from tests.support.deployment import Deployment
from tests.support.foreign_servers import ForeignServer, running_server
from tests.support.openid_client import OpenidClient
from tests.support.openid_service import OpenidService
from tests.support.signing_out import told

EVENT = "http://schemas.openid.net/event/backchannel-logout"


@pytest.fixture
def server() -> Iterator[ForeignServer]:
    """Where the service is told; it answers 200."""
    with running_server(lambda conversation: conversation.answer()) as running:
        yield running


def leaving(deployment: Deployment, library: OpenidClient, **metadata: Any) -> OpenidService:
    return OpenidService(deployment, library, alg="RS256", secret="client_secret_basic", **metadata)


def sign_out(service: OpenidService, **parameters: str) -> Page:
    """By the address that the library makes."""
    return service.browser.get(service.library("end_session", parameters=parameters)["url"])


def test_a_service_gets_a_logout_token_that_another_library_verifies(
    live_deployment: Deployment, library: OpenidClient, server: ForeignServer
) -> None:
    """Back-Channel Logout §2.4 to §2.6: after its own sign-out, and after one at our own button; never the same token."""
    uri = f"http://localhost:{server.port}/slut"
    service = leaving(
        live_deployment, library, backchannel_logout_uri=uri, backchannel_logout_session_required=True
    )
    seen = set()
    for by_hint in (True, False):
        signed_in = service.sign_in()
        if by_hint:
            sign_out(service, id_token_hint=signed_in["tokens"]["id_token"])
        else:
            service.browser.submit(service.browser.get("/"), "/sign-out")
        assert live_deployment.wiring.logout_sending.run_once() == 1
        expected = {"issuer": live_deployment.issuer, "audience": service.client_id, "typ": "logout+jwt"}
        read = library("verify", token=told(server)[-1], algorithms=["RS256"], maxTokenAge="2m", **expected)
        claims = read["claims"]
        for name in ("sub", "sid"):
            assert claims[name] == signed_in["claims"][name]
        assert claims["events"] == {EVENT: {}} and "nonce" not in claims
        assert claims["exp"] - claims["iat"] <= 120
        seen.add(claims["jti"])
        live_deployment.clock.forward(seconds=30)  # for the next six digits
    assert len(seen) == 2
    assert server.requests[0].startswith(b"POST /slut HTTP/1.1\r\n")


def test_a_service_is_told_by_a_frame_that_knows_its_session(
    live_deployment: Deployment, library: OpenidClient
) -> None:
    """Front-Channel Logout §2, §3: `iss` and the `sid` of its ID token; then the citizen is led back with the state."""
    after = "https://service.example/signed-out"
    service = leaving(
        live_deployment,
        library,
        frontchannel_logout_uri="https://service.example/slut?a=b",
        frontchannel_logout_session_required=True,
        post_logout_redirect_uris=[after],
    )
    signed_in = service.sign_in()
    hint = signed_in["tokens"]["id_token"]
    page = sign_out(service, id_token_hint=hint, post_logout_redirect_uri=after, state="s")
    (frame,) = re.findall(r'<iframe class="told" src="([^"]+)"', page.html)
    assert dict(parse_qsl(urlsplit(unescape(frame)).query)) == {
        "a": "b",
        "iss": live_deployment.issuer,
        "sid": signed_in["claims"]["sid"],
    }
    assert "frame-src https://service.example" in page.headers["Content-Security-Policy"].split("; ")
    assert page.headers["Refresh"].endswith(f"url={after}?state=s")
    silent = service.browser.get(service.ask(parameters={"prompt": "none"})["url"])
    assert library.refused("finish", url=silent.url).error == "login_required"
