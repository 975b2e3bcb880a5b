"""The signing keys as clients and services meet them: evidence by fetches, and a key that is compromised."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import requests

from idp.app import Provider, create_app
from idp.errors import InvalidRequest
from idp.protocol.id_token_hint import HintVerifier
from keys.changes import commit, look
from keys.endings import compromise
from keys.evidence import Standing
from keys.sealed_keys import sealed_anew
from keys.services import Order
from keys.states import KeyState
from keys.succession import evidence_for
from tests.support import machines
from tests.support.deployment import Deployment
from tests.support.relying_party import RelyingParty
from tests.support.signed_in import code_for, session_of

BOUND = timedelta(seconds=5)
ORDER = Order("operator:karen", "a laptop was lost")


@pytest.fixture
def other(deployment: Deployment) -> Iterator[Provider]:
    """Another process on the same stores."""
    made = create_app(deployment.settings, deployment.clock)
    yield made
    made.wiring.disconnect()


def standing(deployment: Deployment, client_id: str) -> Standing | None:
    services = deployment.wiring.keys_services
    found = evidence_for(services, look(services), "ES256")
    return next((each.standing for each in found if each.client.client_id == client_id), None)


def turn(deployment: Deployment) -> None:
    """What every worker does every few seconds."""
    deployment.wiring.key_schedule.run_once()


def party_with(deployment: Deployment, **metadata: object) -> RelyingParty:
    organisation = deployment.wiring.registry.organisations()[0].organisation_id
    client = deployment.add_client("Nøgleordning", organisation, **metadata)
    party = RelyingParty(deployment, client)
    party.ask()  # it is in use
    turn(deployment)
    return party


def test_a_client_that_fetches_through_its_own_address_is_seen(deployment: Deployment) -> None:
    party = party_with(deployment, jwks_uri_handle="new")
    found = deployment.wiring.registry.find_client(party.client.client_id)
    assert found is not None
    handle = found.client.jwks_uri_handle
    assert standing(deployment, party.client.client_id) is Standing.OVERDUE
    deployment.clock.forward(BOUND)
    for wrong in ("/jwks", "/jwks/" + "0" * 32):
        assert requests.get(deployment.issuer + wrong, timeout=20).status_code == 200
    requests.head(f"{deployment.issuer}/jwks/{handle}", timeout=20)
    turn(deployment)
    assert standing(deployment, party.client.client_id) is Standing.OVERDUE
    answer = requests.get(f"{deployment.issuer}/jwks/{handle}", timeout=20)
    assert answer.content == requests.get(deployment.issuer + "/jwks", timeout=20).content
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    turn(deployment)
    assert standing(deployment, party.client.client_id) is Standing.SEEN


def test_a_conditional_fetch_is_a_fetch(deployment: Deployment) -> None:
    party = party_with(deployment, jwks_uri_handle="new")
    found = deployment.wiring.registry.find_client(party.client.client_id)
    assert found is not None
    address = f"{deployment.issuer}/jwks/{found.client.jwks_uri_handle}"
    tag = requests.get(deployment.issuer + "/jwks", timeout=20).headers["ETag"]
    deployment.clock.forward(BOUND)
    assert requests.get(address, headers={"If-None-Match": tag}, timeout=20).status_code == 304
    turn(deployment)
    assert standing(deployment, party.client.client_id) is Standing.SEEN


def test_a_client_is_seen_by_its_address_and_unknown_without_one(deployment: Deployment) -> None:
    by_address = party_with(deployment, jwks_fetch_addresses=["127.0.0.0/8", "::1"])
    nobody = party_with(deployment)
    assert standing(deployment, by_address.client.client_id) is Standing.OVERDUE
    assert standing(deployment, nobody.client.client_id) is Standing.UNKNOWN
    deployment.clock.forward(BOUND)
    requests.get(deployment.issuer + "/jwks", timeout=20)
    turn(deployment)
    assert standing(deployment, by_address.client.client_id) is Standing.SEEN
    assert standing(deployment, nobody.client.client_id) is Standing.UNKNOWN


def test_a_client_that_nobody_used_for_thirty_days_holds_nothing_back(deployment: Deployment) -> None:
    party = party_with(deployment, jwks_uri_handle="new")
    assert standing(deployment, party.client.client_id) is Standing.OVERDUE
    deployment.clock.forward(timedelta(days=30, seconds=1))
    assert standing(deployment, party.client.client_id) is None


def test_a_new_key_waits_for_the_slowest_registered_cache(deployment: Deployment) -> None:
    before = deployment.wiring.keys_services.policy.lead
    party_with(deployment, jwks_cache_seconds=172_800)
    assert deployment.wiring.keys_services.policy.lead - before == timedelta(seconds=86_400)


def test_a_path_below_a_client_s_own_address_is_no_endpoint(deployment: Deployment) -> None:
    """S-346."""
    for path in ("/jwks/", "/jwks/a/b", "/token/a"):
        assert requests.get(deployment.issuer + path, timeout=20).status_code == 404, path


def _userinfo(provider: Provider, deployment: Deployment, tokens: dict[str, str]) -> bool:
    """Through this process's own machine entry."""
    party = RelyingParty(deployment, deployment.clients["Byggesager"])
    headers, answered = party.presented(tokens["access_token"]), list[str]()
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/userinfo",
        "HTTP_AUTHORIZATION": headers["Authorization"],
        "HTTP_DPOP": headers["DPoP"],
        "REMOTE_ADDR": "127.0.0.1",
    }
    list(provider(environ, lambda status, headers: answered.append(status)))
    return answered[0].startswith("200")


def _hint(provider: Provider, deployment: Deployment, tokens: dict[str, str]) -> bool:
    services = provider.wiring.services
    client_id = deployment.clients["Byggesager"].client_id
    try:
        HintVerifier(services.policy, services.key_ring).verify(tokens["id_token"], client_id)
    except InvalidRequest:
        return False
    return True


WHERE_TOKENS_ARE_TAKEN: dict[str, Callable[[Provider, Deployment, dict[str, str]], bool]] = {
    "userinfo": _userinfo,
    "id_token_hint": _hint,
}
"""A row for every place; whatever takes a token of ours belongs here."""


@pytest.mark.parametrize("place", WHERE_TOKENS_ARE_TAKEN)
def test_tokens_of_a_compromised_key_are_refused_in_every_process_and_sessions_stay(
    deployment: Deployment, other: Provider, place: str
) -> None:
    """S-382."""
    takes = WHERE_TOKENS_ARE_TAKEN[place]
    party = RelyingParty(deployment, deployment.clients["Byggesager"])
    session = session_of(deployment)
    asked = party.ask()
    tokens = party.redeem(code_for(party, asked, session), asked.verifier).json()
    processes = [deployment.provider, other]
    assert all(takes(process, deployment, tokens) for process in processes)
    services = deployment.wiring.keys_services
    active = services.keys.load_all().active("ES256")
    assert active is not None
    compromise(services, active.kid, ORDER)
    deployment.clock.forward(BOUND)
    assert not any(takes(process, deployment, tokens) for process in processes)
    # The same session gives new tokens, signed by the successor, which are taken everywhere.
    asked = party.ask()
    fresh = party.redeem(code_for(party, asked, session), asked.verifier).json()
    assert all(takes(process, deployment, fresh) for process in processes)


def test_without_a_key_to_sign_with_a_client_is_told_to_come_again_and_the_operator_what_to_do(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is wrong with the request, and no retry loop of a client should think so."""
    machines.api(deployment)
    party = machines.machine(deployment)
    machines.grant(deployment, party, machines.READ)
    machines.token(party, resource=machines.API)
    services = deployment.wiring.keys_services
    sight = look(services)
    active = sight.keys.active("ES256")
    assert active is not None
    gone = sealed_anew(services.sealer, active, active.moved(KeyState.DEACTIVATED, sight.now))
    commit(services, sight, [gone], ORDER)
    deployment.clock.forward(BOUND)
    answer = machines.ask(party, resource=machines.API)
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    (told,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert vars(told)["reference"] == answer.json()["reference"]
    assert "adgang keys generate --algorithm ES256" in vars(told)["why"]


def test_the_jwks_costs_no_store_and_notes_are_bounded(deployment: Deployment) -> None:
    """A flood of addresses between two writings is cut off."""
    traffic = deployment.wiring.services.traffic
    for number in range(30_000):
        traffic.jwks_fetched(f"10.0.{number // 256}.{number % 256}", None, deployment.clock())
    assert len(traffic.take().fetches) == 20_000
    assert not traffic.take().fetches
