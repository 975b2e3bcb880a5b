"""What strangers ask for is kept for minutes: so much of it from one address, and no more. Others there are served on."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
import requests

from tests.support import machines
from tests.support.clock import FrozenClock
from tests.support.deployment import Deployment, running_deployment
from tests.support.dpop import DpopKey
from tests.support.exchanging import authorities
from tests.support.journey import party
from tests.support.refreshing import refreshing_party, tokens_of
from tests.support.relying_party import RelyingParty

LIMIT = 10
SETTINGS = {
    "ADGANG_TRUSTED_PROXIES": "127.0.0.0/8,::1/128",
    "ADGANG_SIGN_INS_BEGUN_PER_ADDRESS": str(LIMIT),
    "ADGANG_OPAQUE_TOKENS_PER_CLIENT": str(LIMIT),
}
BUSY, CALM = "198.51.100.7", "203.0.113.7"


@pytest.fixture
def strict(tmp_path: Path, sqlite_url: str, valkey_url: str, clock: FrozenClock) -> Iterator[Deployment]:
    """A provider that keeps little for one address."""
    with running_deployment(tmp_path, sqlite_url, valkey_url, clock, **SETTINGS) as running:
        yield running


def kept(deployment: Deployment, kind: str) -> int:
    with redis.Redis.from_url(deployment.settings.redis_url) as client:
        return sum(1 for _ in client.scan_iter(f"adgang:{kind}:*"))


def asked_from(service: RelyingParty, address: str, method: str) -> int:
    """A plain authorization request of somebody's."""
    fields = service.parameters("v" * 43, secrets.token_urlsafe(8), secrets.token_urlsafe(8))
    arguments = {"params": fields} if method == "GET" else {"data": fields}
    return requests.request(
        method,
        service.deployment.issuer + "/authorize",
        headers={"X-Forwarded-For": address},
        allow_redirects=False,
        timeout=20,
        **arguments,  # type: ignore[arg-type]
    ).status_code


@pytest.mark.parametrize(("method", "kind"), [("GET", "login-attempt"), ("POST", "pushed-request")])
def test_one_address_begins_so_many_sign_ins_and_no_more(strict: Deployment, method: str, kind: str) -> None:
    """S-019: nothing is kept beyond the limit; the neighbour network asks on."""
    service = party(strict, "Sundhedstider")
    before = kept(strict, kind)
    answers = [asked_from(service, BUSY, method) for _ in range(LIMIT + 3)]
    assert answers == [303] * LIMIT + [429] * 3
    assert kept(strict, kind) - before == LIMIT
    assert asked_from(service, CALM, method) == 303


def test_a_network_of_addresses_begins_no_more_than_ten_of_them(strict: Deployment) -> None:
    """S-250: one customer of a hosting company has a /24 easily."""
    service = party(strict, "Sundhedstider")
    most = LIMIT * strict.wiring.policy.networks_to_addresses
    answers = [asked_from(service, f"198.51.100.{n}", "GET") for n in range(1, most + 3)]
    assert answers == [303] * most + [429] * 2
    assert asked_from(service, "198.51.101.1", "GET") == 303


def pushed_from(service: RelyingParty, address: str) -> int:
    arguments = service.authentication()
    fields = service.parameters("v" * 43, secrets.token_urlsafe(8), secrets.token_urlsafe(8))
    return requests.post(
        service.deployment.issuer + "/par",
        data={**arguments.pop("data", {}), **fields},
        headers={"X-Forwarded-For": address, **service.proof("POST", "/par")},
        timeout=20,
        **arguments,
    ).status_code


def test_whoever_names_a_public_client_pushes_so_many_requests_and_no_more(strict: Deployment) -> None:
    """S-019: its name is anybody's. A client that authenticates at the same address is not held up."""
    public, honest = refreshing_party(strict, "public"), party(strict, "Byggesager")
    answers = [pushed_from(public, BUSY) for _ in range(LIMIT + 3)]
    assert answers == [201] * LIMIT + [429] * 3
    assert kept(strict, "pushed-request") == LIMIT
    assert pushed_from(public, CALM) == 201
    assert [pushed_from(honest, BUSY) for _ in range(LIMIT + 3)] == [201] * (LIMIT + 3)


def test_a_client_asks_for_so_many_opaque_tokens_in_its_own_name(strict: Deployment) -> None:
    """Each is kept until it ends. Signed ones, which are not, have no such limit; neither has another client less."""
    machines.api(strict, token_form="opaque")
    eager, other = machines.machine(strict), machines.machine(strict, "key")
    for service in (eager, other):
        machines.grant(strict, service, machines.READ)
    answers = [machines.ask(eager, resource=machines.API).status_code for _ in range(LIMIT + 3)]
    assert answers == [200] * LIMIT + [429] * 3
    assert kept(strict, "opaque-token") == LIMIT
    assert machines.ask(other, resource=machines.API).status_code == 200
    signed = "https://api.midtsund.example/signed"
    machines.api(strict, signed, "midtsund:signed.read")
    machines.grant(strict, eager, "midtsund:signed.read")
    assert machines.ask(eager, resource=signed).status_code == 200


def test_a_client_exchanges_for_so_many_opaque_tokens(strict: Deployment) -> None:
    """Refused before it is recorded: the citizen's ledger tells of no token that nobody got."""
    among = authorities(strict, token_form="opaque")
    held = among.held()
    answers = [among.exchange(held).status_code for _ in range(LIMIT + 2)]
    assert answers == [200] * LIMIT + [429] * 2
    with strict.wiring.database.reading.connect() as connection:
        told = "SELECT count(*) FROM ledger WHERE event = 'token-exchanged'"
        assert connection.exec_driver_sql(told).scalar_one() == LIMIT


@pytest.mark.parametrize("path", ["/token", "/par"])
def test_bad_proofs_are_counted_by_address_and_a_good_one_is_never_refused(
    deployment: Deployment, path: str
) -> None:
    """S-111: they are looked at before anybody has authenticated."""
    service = refreshing_party(deployment, "public")
    service.dpop = DpopKey()
    limit = deployment.wiring.policy.client_failures_per_window
    proof = service.proof("GET", path)  # for another method
    answers = [
        requests.post(deployment.issuer + path, data={"client_id": "x"}, headers=proof, timeout=20)
        for _ in range(limit + 3)
    ]
    assert [answer.status_code for answer in answers] == [400] * limit + [429] * 3
    assert {answer.json()["error"] for answer in answers[:limit]} == {"invalid_dpop_proof"}
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert answers[0].json()["error_description"] in answers[-1].json()["error_description"]
    assert tokens_of(service)["token_type"] == "DPoP"


@pytest.mark.parametrize(("path", "kind"), [("/end-session", "sign-out-request"), ("/sign-out", "sign-out")])
def test_whoever_is_not_signed_in_signs_out_so_often_and_no_more(
    strict: Deployment, path: str, kind: str
) -> None:
    """S-019: each is kept for minutes, and asks for no session."""
    answers = [signed_out_from(strict, path, BUSY) for _ in range(LIMIT + 3)]
    assert answers == [303] * LIMIT + [429] * 3
    assert kept(strict, kind) == LIMIT
    assert signed_out_from(strict, path, CALM) == 303


def signed_out_from(deployment: Deployment, path: str, address: str) -> int:
    headers = {"X-Forwarded-For": address, "Origin": deployment.issuer, "Sec-Fetch-Site": "same-origin"}
    method, form = ("GET", None) if path == "/end-session" else ("POST", {"csrf_token": "x"})
    return requests.request(
        method, deployment.issuer + path, data=form, headers=headers, allow_redirects=False, timeout=20
    ).status_code


def test_one_address_begins_so_many_visits_of_its_own_pages_and_no_more(strict: Deployment) -> None:
    """S-019: a visit without a session is a sign-in."""
    answers = [
        requests.get(
            strict.issuer + "/me/security",
            headers={"X-Forwarded-For": BUSY},
            allow_redirects=False,
            timeout=20,
        ).status_code
        for _ in range(LIMIT + 3)
    ]
    assert answers == [303] * LIMIT + [429] * 3
    assert kept(strict, "login-attempt") == LIMIT
