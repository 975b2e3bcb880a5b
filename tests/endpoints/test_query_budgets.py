"""What one request costs the stores (house.md, hot paths). Look-ups that a process remembers are warm, as they are."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

from tests.support import machines
from tests.support.deployment import Deployment
from tests.support.devices import Device, approved_by, device_party, start
from tests.support.exchanging import authorities
from tests.support.in_process import InProcessBrowser
from tests.support.journey import begin
from tests.support.refreshing import refresh, refreshing_party, tokens_of
from tests.support.relying_party import RelyingParty
from tests.support.resource_server import resource_server, token_for
from tests.support.signed_in import code_for, session_of


@contextmanager
def _counted(deployment: Deployment) -> Iterator[Counter[str]]:
    """SQL reads, SQL transactions and Redis round trips within the block; SQL as SQLite itself is asked."""
    costs: Counter[str] = Counter()
    database, client = deployment.wiring.database, deployment.wiring.redis

    def watch(engine: Engine, told: Callable[[str], None]) -> Callable[[], None]:
        def begin(connection: sqlite3.Connection, *_: Any) -> None:
            connection.set_trace_callback(told)

        def end(connection: sqlite3.Connection, *_: Any) -> None:
            connection.set_trace_callback(None)

        event.listen(engine, "checkout", begin)
        event.listen(engine, "checkin", end)

        def stop() -> None:
            event.remove(engine, "checkout", begin)
            event.remove(engine, "checkin", end)

        return stop

    def read(_: str) -> None:
        costs["reads"] += 1

    def written(statement: str) -> None:
        costs["transactions"] += statement.startswith("BEGIN")
        costs["statements"] += not statement.startswith(("BEGIN", "COMMIT"))

    sent = client.execute_command

    def send(*arguments: Any, **options: Any) -> Any:
        costs["round trips"] += 1
        return sent(*arguments, **options)

    stops = [watch(database.reading, read), watch(database.writing, written)]
    client.execute_command = send  # type: ignore[method-assign]
    try:
        yield costs
    finally:
        for stop in stops:
            stop()
        del client.execute_command


def test_a_pushed_request_costs_three_round_trips(deployment: Deployment) -> None:
    """What was used once: the assertion, the proof; and the request."""
    party = RelyingParty(deployment, deployment.clients["Byggesager"])
    party.ask()
    with _counted(deployment) as costs:
        party.ask()
    assert dict(costs) == {"round trips": 3}


@pytest.mark.parametrize("path", ["/jwks", "/.well-known/openid-configuration"])
def test_what_is_published_costs_the_stores_nothing(deployment: Deployment, path: str) -> None:
    browser = InProcessBrowser(deployment.provider, deployment.issuer)
    assert browser.get(path).status == 200
    with _counted(deployment) as costs:
        assert browser.get(path).status == 200
    assert not costs


@pytest.mark.parametrize("name", ["Byggesager", "Sundhedstider"])
def test_a_token_costs_one_read_one_transaction_and_at_most_three_round_trips(
    deployment: Deployment, name: str
) -> None:
    party = RelyingParty(deployment, deployment.clients[name])
    asked = party.ask()
    assert party.redeem(code_for(party, asked), asked.verifier).status_code == 200
    asked = party.ask()
    code = code_for(party, asked)
    with _counted(deployment) as costs:
        assert party.redeem(code, asked.verifier).status_code == 200
    assert costs["reads"] <= 1
    assert costs["transactions"] == 1
    assert costs["statements"] == 3  # spent, grant, ledger
    assert 0 < costs["round trips"] <= 3


@pytest.mark.parametrize(("kind", "statements"), [("confidential", 2), ("secret", 2), ("public", 3)])
def test_a_refresh_costs_one_read_one_transaction_and_at_most_three_round_trips(
    deployment: Deployment, kind: str, statements: int
) -> None:
    party = refreshing_party(deployment, kind)
    secret = refresh(party, tokens_of(party)["refresh_token"]).json()["refresh_token"]
    with _counted(deployment) as costs:
        assert refresh(party, secret).status_code == 200
    assert (costs["reads"], costs["transactions"]) == (1, 1)
    assert costs["statements"] == statements  # used or spent, perhaps a successor, ledger
    assert costs["round trips"] <= 3


@pytest.mark.parametrize("kind", ["public", "confidential"])
def test_a_devices_poll_asks_no_table_until_the_citizen_has_decided(
    deployment: Deployment, kind: str
) -> None:
    """Thousands of devices may wait: each poll is what stands at its code, and the pace."""
    device, proofs = start(device_party(deployment, kind)), 0 if kind == "public" else 2
    assert device.outcome() == "authorization_pending"
    five_seconds_later(deployment, device)
    with _counted(deployment) as costs:
        assert device.outcome(0) == "authorization_pending"
    assert (costs["reads"], costs["transactions"]) == (0, 0)
    assert costs["round trips"] <= 2 + proofs  # what stands at the code; the pace
    approved_by(device, session_of(deployment))
    five_seconds_later(deployment, device)
    with _counted(deployment) as costs:
        assert device.outcome(0) == "tokens"
    assert (costs["reads"], costs["transactions"], costs["statements"]) == (1, 1, 3)  # spent, grant, ledger
    assert costs["round trips"] <= 3 + proofs  # and what stood at the code is forgotten


def five_seconds_later(deployment: Deployment, device: Device) -> None:
    """With what every process reads anew after a second read already: the registry's version, and the keys."""
    deployment.clock.forward(seconds=5)
    deployment.wiring.services.registry.find_client(device.service.client.client_id)
    deployment.wiring.services.key_ring.public_jwks()


def test_an_exchange_costs_one_read_and_one_transaction(deployment: Deployment) -> None:
    among = authorities(deployment)
    held = among.held()
    assert among.exchange(held).status_code == 200
    with _counted(deployment) as costs:
        assert among.exchange(held).status_code == 200
    assert (costs["reads"], costs["transactions"], costs["statements"]) == (1, 1, 1)  # the grant; ledger
    assert costs["round trips"] <= 2  # the assertion's jti and the proof's


@pytest.mark.parametrize(
    ("name", "cost"),
    [("Sundhedstider", {"reads": 1}), ("Byggesager", {"reads": 1, "round trips": 1})],  # the proof's `jti`
)
def test_userinfo_costs_one_read(deployment: Deployment, name: str, cost: dict[str, int]) -> None:
    party = RelyingParty(deployment, deployment.clients[name])
    asked = party.ask()
    access = party.redeem(code_for(party, asked), asked.verifier).json()["access_token"]
    assert party.userinfo(access).status_code == 200
    with _counted(deployment) as costs:
        assert party.userinfo(access).status_code == 200
    assert dict(costs) == cost


@pytest.mark.parametrize(("name", "statements"), [("access_token", 3), ("refresh_token", 2)])
def test_a_revocation_costs_one_read_and_one_transaction(
    deployment: Deployment, name: str, statements: int
) -> None:
    party = refreshing_party(deployment)
    token = tokens_of(party)[name]
    assert (
        "none" not in deployment.wiring.services.revoked_tokens
    )  # read at most once a second, for every request
    with _counted(deployment) as costs:
        assert party.post("/revoke", {"token": token}).status_code == 200
    assert (costs["reads"], costs["transactions"]) == (1, 1)
    assert costs["statements"] == statements  # the grant, or its number and the token; ledger
    assert costs["round trips"] <= 1  # the assertion's jti


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
def test_what_was_revoked_already_is_not_written_again(deployment: Deployment, name: str) -> None:
    """However often a client asks: nobody holds the line of those who write."""
    party = refreshing_party(deployment)
    tokens = tokens_of(party)
    assert party.post("/revoke", {"token": tokens[name]}).status_code == 200
    with _counted(deployment) as costs:
        assert party.post("/revoke", {"token": tokens[name]}).status_code == 200
    assert (costs["transactions"], costs["statements"]) == (0, 0)


def test_an_introspection_costs_one_read(deployment: Deployment) -> None:
    """Of a citizen's token; a machine's costs none, and one that nobody issued costs a count."""
    party = RelyingParty(deployment, deployment.clients["Byggesager"])
    api = resource_server(deployment)
    token, machine = token_for(party, api), token_for(party, api, grant_id=None)
    assert api.told(token)["active"]
    assert not api.told("B" * 43)["active"]  # the counter's script is known to Redis from here on
    for presented, cost in ((token, {"reads": 1}), (machine, {}), ("A" * 43, {"round trips": 1})):
        with _counted(deployment) as costs:
            assert api.ask(presented).status_code == 200
        assert dict(costs) == cost


def test_an_introspection_of_an_exchanged_token_costs_one_read(deployment: Deployment) -> None:
    """However many tokens it came from: those that were revoked are remembered."""
    among = authorities(deployment)
    exchanged = among.exchanged()
    assert among.asked.told(exchanged)["active"]
    with _counted(deployment) as costs:
        assert among.asked.told(exchanged)["active"]
    assert dict(costs) == {"reads": 1}


@pytest.mark.parametrize(
    ("kind", "form", "trips"), [("secret", "jwt", 0), ("key", "jwt", 2), ("secret", "opaque", 2)]
)
def test_a_machines_token_costs_no_sql(deployment: Deployment, kind: str, form: str, trips: int) -> None:
    """The assertion's jti and the proof's, or the opaque token's claims and how many there were, in Redis."""
    machines.api(deployment, token_form=form)
    party = machines.machine(deployment, kind)
    machines.grant(deployment, party, machines.READ)
    machines.token(party, resource=machines.API)
    with _counted(deployment) as costs:
        machines.token(party, resource=machines.API, scope=machines.READ)
    assert dict(costs) == ({"round trips": trips} if trips else {})


def test_a_push_costs_no_sql(deployment: Deployment) -> None:
    party = RelyingParty(deployment, deployment.clients["Byggesager"])
    party.ask()
    with _counted(deployment) as costs:
        party.ask()
    assert costs["reads"] == costs["transactions"] == 0
    assert costs["round trips"] <= 3


def test_a_page_of_a_sign_in_opens_what_the_browser_brought_in_one_round_trip(deployment: Deployment) -> None:
    journey = begin(deployment)
    journey.password()
    with _counted(deployment) as costs:
        assert "code" in journey.browser.get(journey.address).ids
    assert costs["round trips"] == 1
    assert costs["transactions"] == 0
    assert costs["reads"] <= 3  # the registry's version, the factors, what caps them


def test_what_a_whole_sign_in_costs(deployment: Deployment) -> None:
    """Two factors, and what the service gets; with the redirects and pages between."""
    journey = begin(deployment)
    with _counted(deployment) as costs:
        journey.password()
        journey.code()
        page = journey.answer()
    assert page.answer is not None
    assert costs["transactions"] <= 6
    assert costs["round trips"] <= 11
