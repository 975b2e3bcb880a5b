"""Clients that publish their keys at a `jwks_uri`: rotation, floods of invented kids, and servers that are ill."""

import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import ECKey

from clients_registry.documents import shown
from clients_registry.errors import UnknownKey
from idp.wiring import Wiring
from tests.support.deployment import Deployment
from tests.support.foreign_servers import Conversation
from tests.support.journey import party
from tests.support.key_server import KeyServer, running_key_server
from tests.support.relying_party import RelyingParty
from tests.support.request_objects import request_object

OLD, NEW = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
NORDHAVN = "99000001"


@pytest.fixture
def keys() -> Iterator[KeyServer]:
    with running_key_server(OLD) as server:
        yield server


@pytest.fixture
def service(deployment: Deployment, keys: KeyServer) -> RelyingParty:
    return registered(deployment, keys, "Byggetilladelser")


def registered(deployment: Deployment, keys: KeyServer, name: str, **metadata: Any) -> RelyingParty:
    """A client with a `jwks_uri` in the place of keys by value."""
    made = deployment.add_client(name, NORDHAVN, jwks=None, jwks_uri=keys.uri, **metadata)
    return RelyingParty(deployment, replace(made, key=OLD))


def pushed(service: RelyingParty, key: ECKey = OLD, kid: str | None = None) -> requests.Response:
    """A pushed request whose assertion is signed by `key`."""
    assertion = RelyingParty(service.deployment, replace(service.client, key=key)).assertion()
    if kid is not None:
        claims = jwt.decode(assertion, key, algorithms=["ES256"]).claims
        assertion = jwt.encode({"alg": "ES256", "kid": kid}, claims, key)
    fields = {
        **service.parameters("v" * 43, "s", "n"),
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion,
    }
    return requests.post(service.deployment.issuer + "/par", data=fields, timeout=20)


def eventually(condition: Any) -> bool:
    """What happens beside a request has happened soon after it."""
    ends = time.monotonic() + 10
    while not condition() and time.monotonic() < ends:
        threading.Event().wait(0.01)
    return bool(condition())


# --- the life of a key -----------------------------------------------------------------------------------------


def test_a_client_is_known_by_the_keys_that_it_publishes(service: RelyingParty, keys: KeyServer) -> None:
    """RFC 7591 §2: fetched at the first need, and not again for each request."""
    assert [pushed(service).status_code for _ in range(5)] == [201] * 5
    assert keys.fetches == 1
    assert pushed(service, NEW, kid=OLD.thumbprint()).status_code == 401


def test_a_new_key_works_after_one_fetch_and_the_old_one_is_refused(
    service: RelyingParty, keys: KeyServer, deployment: Deployment
) -> None:
    """S-106: rotation at the client's own time; both are good while both are published."""
    assert pushed(service).status_code == 201
    deployment.clock.forward(seconds=61)
    keys.publish(OLD, NEW)
    assert [pushed(service, key).status_code for key in (NEW, OLD)] == [201, 201]
    assert keys.fetches == 2
    deployment.clock.forward(seconds=301)
    keys.publish(NEW)
    assert pushed(service, NEW).status_code == 201
    assert eventually(lambda: keys.fetches == 3 and pushed(service, OLD).status_code == 401)
    assert pushed(service, NEW).status_code == 201


def test_a_key_that_was_removed_while_nobody_asked_is_not_taken_once_more(
    service: RelyingParty, keys: KeyServer, deployment: Deployment
) -> None:
    """S-106: what was known before a long silence is not taken on trust."""
    assert pushed(service).status_code == 201
    keys.publish(NEW)
    deployment.clock.forward(seconds=601)
    assert pushed(service, OLD).status_code == 401
    assert pushed(service, NEW).status_code == 201
    assert keys.fetches == 2


def test_request_objects_are_verified_by_published_keys_too(deployment: Deployment, keys: KeyServer) -> None:
    """S-106; RFC 9101: wherever a key of the client counts."""
    service = registered(
        deployment, keys, "Signerede", require_signed_request_object=True, request_object_signing_alg="ES256"
    )
    parameters = service.parameters("v" * 43, "s", "n")
    signed = request_object(service, parameters)
    assert service.post("/par", {"request": signed}).status_code == 201
    foreign = request_object(service, parameters, key=NEW, header={"kid": OLD.thumbprint()})
    assert service.post("/par", {"request": foreign}).json()["error"] == "invalid_request_object"


# --- floods ----------------------------------------------------------------------------------------------------


def test_invented_kids_cause_one_fetch_in_a_minute(
    service: RelyingParty, keys: KeyServer, deployment: Deployment
) -> None:
    """S-105: anybody can send them; the client's server is not ours to flood."""
    assert pushed(service).status_code == 201
    deployment.clock.forward(seconds=61)
    published = deployment.wiring.registry.find_client(service.client.client_id)
    assert published is not None

    def invent() -> None:
        for _ in range(125):
            with pytest.raises(Exception, match="no registered key"):
                published.keys.find("ES256", secrets.token_hex(8))

    callers = [threading.Thread(target=invent) for _ in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert keys.fetches == 2
    assert pushed(service, NEW).status_code == 401
    assert pushed(service).status_code == 201
    assert keys.fetches == 2
    deployment.clock.forward(seconds=61)
    assert pushed(service, NEW).status_code == 401
    assert keys.fetches == 3


def test_many_at_once_wait_for_the_same_fetch(service: RelyingParty, keys: KeyServer) -> None:
    """S-105: single flight; none of them is refused since another asked first."""
    body = keys.server.behave
    opened = threading.Event()

    def slowly(conversation: Conversation) -> None:
        opened.wait(5)
        body(conversation)

    keys.server.behave = slowly
    told: list[int] = []
    callers = [threading.Thread(target=lambda: told.append(pushed(service).status_code)) for _ in range(2)]
    for caller in callers:
        caller.start()
    assert eventually(lambda: keys.fetches == 1)
    opened.set()
    for caller in callers:
        caller.join()
    assert told == [201, 201]
    assert keys.fetches == 1


def test_all_processes_together_fetch_once_in_a_minute(
    service: RelyingParty, keys: KeyServer, deployment: Deployment
) -> None:
    """S-105, S-106: what one has fetched the others take over, a new key too; invented ones cause no more."""
    assert pushed(service).status_code == 201
    other = Wiring(deployment.settings, deployment.clock)
    try:
        elsewhere = other.registry.find_client(service.client.client_id)
        assert elsewhere is not None
        assert elsewhere.keys.find("ES256", OLD.thumbprint())
        assert keys.fetches == 1
        deployment.clock.forward(seconds=61)
        keys.publish(NEW)
        assert elsewhere.keys.find("ES256", NEW.thumbprint())
        assert pushed(service, NEW).status_code == 201
        assert pushed(service, OLD).status_code == 401
        for seconds in (0, 2, 2):
            deployment.clock.forward(seconds=seconds)
            for published in (elsewhere, deployment.wiring.registry.find_client(service.client.client_id)):
                assert published is not None
                with pytest.raises(UnknownKey):
                    published.keys.find("ES256", secrets.token_hex(8))
        assert keys.fetches == 2
    finally:
        other.close()


def test_after_a_restart_the_keys_are_known_without_a_fetch(
    service: RelyingParty, keys: KeyServer, deployment: Deployment
) -> None:
    """S-181: also while the client's server is ill."""
    assert pushed(service).status_code == 201
    keys.fail()
    deployment.clock.forward(seconds=3600)
    started = Wiring(deployment.settings, deployment.clock)
    try:
        found = started.registry.find_client(service.client.client_id)
        assert found is not None and found.keys.find("ES256", OLD.thumbprint())
    finally:
        started.close()


# --- servers that are ill --------------------------------------------------------------------------------------


def test_an_address_that_hangs_delays_nobody_whose_key_is_known(
    service: RelyingParty, keys: KeyServer, deployment: Deployment
) -> None:
    """S-181: neither this client, nor any other; old keys are fetched again beside the request."""
    assert pushed(service).status_code == 201
    deployment.clock.forward(seconds=301)
    keys.hang()
    begun = time.monotonic()
    assert pushed(service).status_code == 201
    other = party(deployment)
    assert other.post("/par", other.parameters("v" * 43, "s", "n")).status_code == 201
    assert time.monotonic() - begun < 1.9
    assert eventually(lambda: keys.fetches == 2)


def test_a_request_waits_two_seconds_for_an_unknown_key_and_no_longer(
    service: RelyingParty, keys: KeyServer
) -> None:
    """S-181: and it is refused with what the developer must mend."""
    keys.hang()
    begun = time.monotonic()
    refused = pushed(service)
    assert time.monotonic() - begun < 4
    assert refused.status_code == 401
    assert refused.json()["error"] == "invalid_client"
    assert "jwks_uri" in refused.json()["error_description"]


def test_known_keys_outlive_a_failure_for_a_day(
    service: RelyingParty, keys: KeyServer, deployment: Deployment
) -> None:
    """S-181: a service's web server may be down for a night; longer, and nobody knows any more whose key it is."""
    assert pushed(service).status_code == 201
    keys.fail()
    deployment.clock.forward(seconds=23 * 3600)
    assert pushed(service).status_code == 201
    assert pushed(service, NEW).status_code == 401
    deployment.clock.forward(seconds=3601)
    assert pushed(service).status_code == 401
    keys.publish(OLD)
    deployment.clock.forward(seconds=61)
    assert pushed(service).status_code == 201


@pytest.mark.parametrize(
    "published",
    [
        pytest.param("nonsense", id="no list"),
        pytest.param([OLD.as_dict(private=False) | {"kid": str(n)} for n in range(21)], id="too many"),
        pytest.param([OLD.as_dict(private=True) | {"kid": OLD.thumbprint()}], id="a private key"),
        pytest.param([{"kty": "oct", "k": "c2VjcmV0", "kid": OLD.thumbprint()}], id="a shared secret"),
        pytest.param([OLD.as_dict(private=False) | {"kid": OLD.thumbprint(), "use": "enc"}], id="for encryption"),
        pytest.param([OLD.as_dict(private=False) | {"kid": OLD.thumbprint()}] * 2, id="one kid twice"),
        pytest.param([], id="empty"),
    ],
)  # fmt: skip
def test_what_our_key_policy_refuses_verifies_nothing(
    service: RelyingParty, keys: KeyServer, published: Any
) -> None:
    """S-169, S-181: keys that are fetched are held against the same policy as keys by value."""
    keys.publish_raw(published)
    assert pushed(service).status_code == 401


def test_a_sound_key_among_others_is_taken(service: RelyingParty, keys: KeyServer) -> None:
    """A set that serves other servers too: what is not for us is passed over."""
    others = [{"kty": "OKP", "crv": "X25519", "x": "A" * 43}, {"kty": "new"}, "text", None]
    keys.publish_raw([*others, OLD.as_dict(private=False) | {"kid": OLD.thumbprint()}])
    assert pushed(service).status_code == 201


def test_an_address_that_was_changed_is_asked_at_once(
    service: RelyingParty, keys: KeyServer, deployment: Deployment
) -> None:
    """S-106: the keys at the old address are the client's no more."""
    assert pushed(service).status_code == 201
    services = deployment.wiring.registry_services
    found = services.registry.find_client(service.client.client_id)
    assert found is not None
    with running_key_server(NEW) as moved:
        document = shown(found.client, found.organisation) | {"jwks_uri": moved.uri}
        services.transact(
            lambda tx: services.registrations.change(
                tx, service.client.client_id, document, actor="operator:test"
            )
        )
        deployment.clock.forward(seconds=2)
        assert pushed(service, OLD).status_code == 401
        assert pushed(service, NEW).status_code == 201
        assert (keys.fetches, moved.fetches) == (1, 1)


def test_an_address_inside_is_never_registered(deployment: Deployment) -> None:
    """S-178: nor our own, whose keys would make our tokens the client's assertions."""
    for uri in (f"{deployment.issuer}/jwks", "https://10.0.0.1/jwks", "https://metadata.internal/jwks"):
        with pytest.raises(Exception, match="jwks_uri"):
            deployment.add_client("Inde", NORDHAVN, jwks=None, jwks_uri=uri)
