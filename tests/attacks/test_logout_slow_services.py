"""Services that hang, fail or are somewhere they should not be: the citizen is signed out, and the others are told."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest

from idp.logout.notice import Outcome
from idp.logout.sending import LogoutSending
from idp.outbound.fetcher import Fetcher, FetchPolicy
from tests.flows.test_sign_out import told_of
from tests.support.deployment import CALLBACK, Deployment
from tests.support.foreign_servers import Conversation, ForeignServer, running_server
from tests.support.journey import begin
from tests.support.signing_out import given_in

GOOD, HANGING, FAILING, PRIVATE = 55, 30, 10, 5


@pytest.fixture
def servers() -> Iterator[dict[str, list[ForeignServer]]]:
    with ExitStack() as running:

        def start(count: int, behave: object) -> list[ForeignServer]:
            return [running.enter_context(running_server(behave)) for _ in range(count)]  # type: ignore[arg-type]

        yield {
            "good": start(4, Conversation.answer),
            "hanging": start(HANGING, lambda conversation: conversation.over.wait()),
            "failing": start(FAILING, lambda conversation: conversation.answer(status="500 Oh")),
        }


def register(deployment: Deployment, addresses: list[str]) -> list[str]:
    """A client for each address, in one transaction."""
    services = deployment.wiring.registry_services
    organisation = deployment.wiring.registry.organisations()[0].organisation_id
    purpose = {
        "id": "byggesag",
        "text": {"da": "se din sag", "en": "see your case", "nb": "se saken din"},
        "legal_ground": "law",
        "claims": [],
    }

    def work(tx: object) -> list[str]:
        return [
            services.registrations.register(
                tx,
                {
                    "client_name": f"Tjeneste {number}",
                    "organisation": organisation,
                    "profile": "oidc",
                    "token_endpoint_auth_method": "client_secret_basic",
                    "id_token_signed_response_alg": "ES256",
                    "redirect_uris": [CALLBACK.format(port=9)],
                    "purposes": [purpose],
                    "backchannel_logout_uri": address,
                },
                actor="operator:test",
            ).client.client_id
            for number, address in enumerate(addresses)
        ]

    made = services.transact(work)
    deployment.clock.forward(seconds=2)
    return made


def test_a_hundred_services_of_which_most_do_not_answer(
    deployment: Deployment, servers: dict[str, list[ForeignServer]]
) -> None:
    """S-210: the citizen waits for none of them, those that can are told at once, and nobody calls a private address."""

    def local(kind: str, count: int) -> list[str]:
        chosen = servers[kind]
        return [f"http://localhost:{chosen[n % len(chosen)].port}/logout" for n in range(count)]

    private = [f"https://intern{n}.nordhavn.example/logout" for n in range(PRIVATE)]
    kinds = {
        "hanging": register(deployment, local("hanging", HANGING)),
        "failing": register(deployment, local("failing", FAILING)),
        "private": register(deployment, private),
        "good": register(deployment, local("good", GOOD)),
    }
    journey = begin(deployment)
    journey.sign_in()
    (session,) = deployment.wiring.services.self_service.sessions_of(
        deployment.citizens["freja.holm"].citizen.citizen_id
    )
    given_in(deployment, session, *(client_id for made in kinds.values() for client_id in made))

    page = journey.browser.submit(journey.browser.get("/"), "/sign-out")
    assert len(told_of(page)) == 100
    assert sum(server.connections for some in servers.values() for server in some) == 0, (
        "nobody was waited for"
    )

    sending = impatient(deployment)
    began = time.monotonic()
    for _ in range(200):
        sending.turn()
        if outcomes(deployment, session.session_id, kinds["good"]) == {Outcome.CONFIRMED}:
            break
        time.sleep(0.05)
    assert outcomes(deployment, session.session_id, kinds["good"]) == {Outcome.CONFIRMED}
    assert time.monotonic() - began < HANGING * IMPATIENCE.total_seconds() / 2, (
        "they were not waited for in a row"
    )
    faults = faults_of(deployment, session.session_id)
    while "" in (faults[client_id] for client_id in faults.keys() - set(kinds["good"])):
        assert time.monotonic() - began < 60
        sending.turn()
        time.sleep(0.05)
        faults = faults_of(deployment, session.session_id)
    assert {faults[client_id] for client_id in kinds["private"]} == {"address"}
    assert {faults[client_id] for client_id in kinds["failing"]} == {"status 500"}
    assert {faults[client_id] for client_id in kinds["hanging"]} == {"timeout"}
    assert sum(server.connections for server in servers["good"]) == GOOD
    deployment.clock.forward(seconds=9)
    assert sending.turn() == [], "each waits before it is tried again"


IMPATIENCE = timedelta(seconds=1)


def impatient(deployment: Deployment) -> LogoutSending:
    """As the provider sends, but a call has a second, and `intern*` leads to a private address."""
    wiring = deployment.wiring
    policy = FetchPolicy(urls=wiring.registration_policy)

    def resolve(host: str, port: int) -> list[str]:
        return ["10.1.2.3"] if host.startswith("intern") else ["127.0.0.1"]

    fetcher = Fetcher(policy, wiring.clock, lambda *_: None, resolve=resolve, deadline=IMPATIENCE)
    return LogoutSending(
        transact=wiring.database.transact,
        queue=wiring.logout_notices,
        registry=wiring.registry,
        make_token=wiring.logout_token,
        fetcher=fetcher,
        ledger=wiring.ledger,
        clock=wiring.clock,
        every=timedelta(seconds=1),
        count=lambda *_: None,
    )


def outcomes(deployment: Deployment, session_id: str, client_ids: list[str]) -> set[Outcome]:
    notices = deployment.wiring.logout_notices.of_sessions([session_id])
    return {notice.outcome for notice in notices if notice.client_id in client_ids}


def faults_of(deployment: Deployment, session_id: str) -> dict[str, str]:
    notices = deployment.wiring.logout_notices.of_sessions([session_id])
    return {notice.client_id: notice.last_fault for notice in notices}
