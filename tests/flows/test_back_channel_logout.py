"""Back-channel logout (OpenID Connect Back-Channel Logout 1.0): services are told, again and again, and the citizen sees."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from idp.ids import new_secret
from idp.logout.sending import LogoutSending
from tests.flows.test_sign_out import told_of
from tests.support.deployment import Deployment
from tests.support.envelopes import header_of, opened
from tests.support.foreign_servers import Conversation, ForeignServer, running_server
from tests.support.logged import logged_as_in_service
from tests.support.relying_party import RelyingParty, claims_of
from tests.support.signed_in import session_of
from tests.support.signing_out import end_session, given_in, leaving_party, signed_in_at, told

EVENT = "http://schemas.openid.net/event/backchannel-logout"


@pytest.fixture
def server() -> Iterator[ForeignServer]:
    """A service's own address; it confirms unless a test says otherwise."""
    with running_server(Conversation.answer) as running:
        yield running


def party_at(
    deployment: Deployment, server: ForeignServer, name: str = "told", **metadata: object
) -> RelyingParty:
    return leaving_party(
        deployment,
        name,
        backchannel_logout_uri=f"http://localhost:{server.port}/slut?x=y",
        backchannel_logout_session_required=True,
        **metadata,
    )


def send(deployment: Deployment) -> int:
    return deployment.wiring.logout_sending.run_once()


def answering(status: str) -> object:
    return lambda conversation: conversation.answer(status=status)


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_a_service_gets_a_logout_token_that_any_library_can_check(
    deployment: Deployment, server: ForeignServer, algorithm: str
) -> None:
    """§2.4, §2.5: its own algorithm, `sub` and `sid` as in its ID tokens, two minutes, never a nonce."""
    service = party_at(
        deployment,
        server,
        profile="oidc",
        token_endpoint_auth_method="private_key_jwt",
        id_token_signed_response_alg=algorithm,
    )
    journey, tokens = signed_in_at(deployment, service)
    page = end_session(journey.browser, id_token_hint=tokens["id_token"])
    assert told_of(page) == ["told, Nordhavn Kommune: intet svar endnu; dens adgang er trukket tilbage"]
    assert page.headers["Refresh"] == "2;url=/signed-out?seen=1" and server.requests == []
    assert send(deployment) == 1
    (token,) = told(server)
    assert server.requests[0].startswith(b"POST /slut?x=y HTTP/1.1\r\n")
    keys = KeySet.import_key_set(requests.get(deployment.issuer + "/jwks", timeout=20).json())
    checked = jwt.decode(token, keys, algorithms=[algorithm])
    assert checked.header["typ"] == "logout+jwt" and checked.header["alg"] == algorithm
    identity, claims = claims_of(tokens["id_token"]), checked.claims
    for name in ("iss", "sub", "aud", "sid"):
        assert claims[name] == identity[name]
    assert claims["exp"] - claims["iat"] == 120 and claims["iat"] == int(deployment.clock().timestamp())
    assert claims["events"] == {EVENT: {}} and claims["jti"]
    assert set(claims) == {"iss", "sub", "aud", "sid", "iat", "exp", "jti", "events"}
    page = journey.browser.get("/signed-out")
    assert told_of(page) == ["told, Nordhavn Kommune: bekræftet"]
    assert "Refresh" not in page.headers and "waits" not in page.ids
    assert send(deployment) == 0 and len(server.requests) == 1, "once is enough"


def test_a_service_that_does_not_confirm_is_tried_for_a_day_each_time_with_a_fresh_token(
    deployment: Deployment, server: ForeignServer
) -> None:
    """S-210: what it was given is dead at once, and the outcome is told in the end."""
    service = party_at(deployment, server)
    journey, tokens = signed_in_at(deployment, service)
    end_session(journey.browser, id_token_hint=tokens["id_token"])
    server.behave = answering("400 Bad Request")  # type: ignore[assignment]
    assert send(deployment) == 0 and send(deployment) == 0
    assert len(server.requests) == 1, "not again at once"
    assert service.userinfo(tokens["access_token"]).status_code == 401
    for seconds in (10, 20, 40):
        deployment.clock.forward(seconds=seconds)
        assert send(deployment) == 0
    tries = told(server)
    assert len(tries) == 4 == len(set(tries))
    assert len({claims_of(token)["jti"] for token in tries}) == 4
    assert claims_of(tries[-1])["iat"] == int(deployment.clock().timestamp())
    (notice,) = deployment.wiring.logout_notices.waiting()
    assert (notice.count, notice.last_fault) == (1, "status 400")
    deployment.clock.forward(timedelta(hours=24))
    assert send(deployment) == 0
    assert deployment.wiring.logout_notices.waiting() == []
    deployment.clock.forward(timedelta(hours=2))
    send(deployment)
    assert len(server.requests) == 5, "given up"
    assert events_of(deployment)[-1] == "logout-unanswered"
    other, _ = signed_in_at(deployment, leaving_party(deployment, "other"))
    page = other.browser.get("/me/security/sessions")
    assert (
        "told, Nordhavn Kommune" in page.words
        and "svarede ikke; dens adgang er trukket tilbage" in page.words
    )


def test_a_service_that_is_back_is_told_then(deployment: Deployment, server: ForeignServer) -> None:
    """§2.8: 204 is a yes too."""
    service = party_at(deployment, server)
    journey, tokens = signed_in_at(deployment, service)
    end_session(journey.browser, id_token_hint=tokens["id_token"])
    server.behave = lambda conversation: None  # hangs up
    assert send(deployment) == 0
    server.behave = answering("204 No Content")  # type: ignore[assignment]
    deployment.clock.forward(timedelta(hours=3))
    assert send(deployment) == 1
    assert events_of(deployment)[-1] == "logout-confirmed"


def test_a_logout_token_is_encrypted_where_id_tokens_are(
    deployment: Deployment, server: ForeignServer
) -> None:
    """§2.4: with the same keys as ID tokens."""
    own = ECKey.generate_key("P-256")
    key = {**own.as_dict(private=False), "kid": "hemmelig", "use": "enc"}
    signing = ECKey.generate_key("P-256")
    keys = [{**signing.as_dict(private=False), "kid": signing.thumbprint(), "use": "sig"}, key]
    encrypted = {"id_token_encrypted_response_alg": "ECDH-ES", "id_token_encrypted_response_enc": "A256GCM"}
    service = party_at(deployment, server, jwks={"keys": keys}, **encrypted)
    session = session_of(deployment)
    given_in(deployment, session, service.client.client_id)
    deployment.wiring.services.self_service.sessions.put(new_secret(), session)
    deployment.wiring.services.self_service.end_all_sessions(session.citizen_id)
    assert send(deployment) == 1
    (token,) = told(server)
    header = header_of(token)
    assert (header["alg"], header["enc"], header["kid"]) == ("ECDH-ES", "A256GCM", "hemmelig")
    assert claims_of(opened(token, own))["aud"] == service.client.client_id


def test_no_logout_token_is_logged(deployment: Deployment, server: ForeignServer) -> None:
    """Also where the call fails; who was called is told."""
    service = party_at(deployment, server)
    journey, tokens = signed_in_at(deployment, service)
    end_session(journey.browser, id_token_hint=tokens["id_token"])
    server.behave = lambda conversation: None
    with logged_as_in_service("DEBUG") as log:
        assert send(deployment) == 0
    written = log.getvalue()
    (token,) = told(server)
    assert "outbound call failed" in written
    assert all(part not in written for part in token.split(".")[1:])
    assert claims_of(token)["sid"] not in written and tokens["id_token"] not in written


def test_whoever_ends_a_session_its_services_are_told(deployment: Deployment, server: ForeignServer) -> None:
    """S-212: an operator, for all devices; the citizen from another browser, a block, a changed password."""
    services, wiring = deployment.wiring.services, deployment.wiring
    service, citizen = party_at(deployment, server), deployment.citizens["freja.holm"].citizen
    ends = [
        lambda: wiring.citizens.end_sessions(citizen, actor="operator:test", reason="a test"),
        lambda: services.self_service.end_all_sessions(citizen.citizen_id),
        lambda: services.self_service.change_password(
            citizen.citizen_id, "et helt andet kodeord", personal=(), kept_session_id="none"
        ),
        lambda: wiring.citizens.block(citizen, actor="operator:test", reason="a test"),
    ]
    for number, end in enumerate(ends, start=1):
        journey, tokens = signed_in_at(deployment, service)
        deployment.clock.forward(seconds=31 * 60)  # left idle: the service has a session of its own
        end()
        assert send(deployment) == 1
        assert claims_of(told(server)[-1])["sid"] == claims_of(tokens["id_token"])["sid"]
        assert len(server.requests) == number
        deployment.clock.forward(seconds=30)
        del journey
        if number == 3:
            wiring.enrolment.set_password(citizen.citizen_id, "korrekt hest batteri", now=deployment.clock())


def test_two_services_of_one_session_cannot_compare_what_they_are_told(
    deployment: Deployment, server: ForeignServer
) -> None:
    """Each its own `sid`; and a service of another session is told nothing."""
    first, second = party_at(deployment, server, "first"), party_at(deployment, server, "second")
    bystander = party_at(deployment, server, "third")
    journey, tokens = signed_in_at(deployment, first)
    signed_in_at(deployment, second, journey.browser)
    signed_in_at(deployment, bystander)
    page = end_session(journey.browser, id_token_hint=tokens["id_token"])
    assert len(told_of(page)) == 2 == send(deployment)
    claims = [claims_of(token) for token in told(server)]
    assert {c["aud"] for c in claims} == {first.client.client_id, second.client.client_id}
    assert len({c["sid"] for c in claims}) == len({c["jti"] for c in claims}) == 2


def test_a_service_that_many_leave_at_once_is_told_without_a_pause(
    deployment: Deployment, server: ForeignServer
) -> None:
    """A turn begins a client's part of the calls; the next one does not wait for its time while there are more."""
    service, session = party_at(deployment, server), session_of(deployment)
    wiring = deployment.wiring
    for number in range(20):
        own = replace(session, session_id=f"session-{number}")
        given_in(deployment, own, service.client.client_id)
        wiring.database.transact(
            lambda tx, own=own: wiring.ended_sessions.end(  # type: ignore[misc]
                tx, own.session_id, at=deployment.clock(), expires_at=own.expires_at
            )
        )
    sending = sending_every(deployment, timedelta(hours=1))
    sending.start()
    ends = time.monotonic() + 30
    while wiring.logout_notices.waiting() and time.monotonic() < ends:
        time.sleep(0.05)
    sending.stop()
    assert len(server.requests) == 20 and wiring.logout_notices.waiting() == []


def test_a_notice_that_cannot_be_begun_holds_up_no_other(
    deployment: Deployment, server: ForeignServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A row of the registry that was altered by hand: told in the log, not tried again at once, and alone."""
    broken, service = party_at(deployment, server, "broken"), party_at(deployment, server)
    journey, _ = signed_in_at(deployment, broken)
    signed_in_at(deployment, service, journey.browser)
    journey.browser.submit(journey.browser.get("/"), "/sign-out")
    with deployment.wiring.database.writing.begin() as tx:
        clients = "UPDATE clients SET metadata = ? WHERE client_id = ?"
        assert tx.exec_driver_sql(clients, ("{", broken.client.client_id)).rowcount == 1
    deployment.wiring.disconnect()
    assert send(deployment) == 1 and len(server.requests) == 1
    assert send(deployment) == 0
    failed = [record for record in caplog.records if record.levelname == "ERROR"]
    assert [vars(record)["client_id"] for record in failed] == [broken.client.client_id]


def sending_every(deployment: Deployment, every: timedelta) -> LogoutSending:
    """As the provider sends, at another pace."""
    wiring = deployment.wiring
    return LogoutSending(
        transact=wiring.database.transact,
        queue=wiring.logout_notices,
        registry=wiring.registry,
        make_token=wiring.logout_token,
        fetcher=wiring.fetcher,
        ledger=wiring.ledger,
        clock=wiring.clock,
        every=every,
        count=lambda *_: None,
    )


def test_a_disabled_service_and_one_without_an_address_are_not_called(
    deployment: Deployment, server: ForeignServer
) -> None:
    closed, mute = party_at(deployment, server, "closed"), leaving_party(deployment, "mute")
    journey, tokens = signed_in_at(deployment, closed)
    signed_in_at(deployment, mute, journey.browser)
    registrations = deployment.wiring.registry_services
    registrations.transact(
        lambda tx: registrations.registrations.disable(
            tx, closed.client.client_id, actor="operator:test", reason="a test"
        )
    )
    deployment.clock.forward(seconds=2)
    journey.browser.submit(journey.browser.get("/"), "/sign-out")
    assert send(deployment) == 0 and server.connections == 0
    assert deployment.wiring.logout_notices.waiting() == []
    lines = told_of(journey.browser.get("/signed-out"))
    assert len(lines) == 2 and all("kan ikke få besked, så log ud der også" in line for line in lines)
    del tokens


def events_of(deployment: Deployment) -> list[str]:
    citizen_id = deployment.citizens["freja.holm"].citizen.citizen_id
    return [entry.event for entry in deployment.wiring.ledger.of_citizen(citizen_id, limit=1000)]
