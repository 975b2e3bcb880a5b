"""Front-channel logout in real Chromium: a hidden frame reaches the service, and nobody else may stand in one."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from idp.ids import new_secret
from tests.support.deployment import Deployment
from tests.support.foreign_servers import Conversation, running_server
from tests.support.signed_in import session_of
from tests.support.signing_out import given_in, leaving_party

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scripts", [True, False])
def test_a_hidden_frame_tells_the_service(deployment: Deployment, chromium: Any, scripts: bool) -> None:
    """Front-Channel Logout §2, also without scripts."""

    def page_of_the_service(conversation: Conversation) -> None:
        conversation.answer(b"<p>ude", content_type="text/html")

    with running_server(page_of_the_service) as server:
        site = f"http://localhost:{server.port}"
        service = leaving_party(
            deployment,
            "framed",
            redirect_uris=[f"{site}/callback"],
            frontchannel_logout_uri=f"{site}/ud",
            frontchannel_logout_session_required=True,
        )
        services, session, secret = deployment.wiring.services, session_of(deployment), new_secret()
        services.browser_sessions.put(secret, session)
        given_in(deployment, session, service.client.client_id)
        context = chromium.new_context(java_script_enabled=scripts)
        name = f"adgang-{urlsplit(deployment.issuer).port}-session"
        context.add_cookies([{"name": name, "value": secret, "url": deployment.issuer}])
        page, complaints = context.new_page(), []
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.goto(deployment.issuer)
        page.click("#sign-out")
        page.wait_for_selector("#outcomes li[data-told=in-browser]")
        page.wait_for_load_state("networkidle")
        context.close()
        first_line = server.requests[0].partition(b"\r\n")[0].decode()
    told = dict(parse_qsl(urlsplit(first_line.split(" ")[1]).query))
    sid = services.subjects.sid_for(service.client.client_id, session.session_id)
    assert first_line.startswith("GET /ud?") and told == {"iss": deployment.issuer, "sid": sid}
    assert b"\r\nreferer:" not in server.requests[0].lower()
    assert complaints == []
