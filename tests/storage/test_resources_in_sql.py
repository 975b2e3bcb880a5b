"""APIs in the registry on real databases: what is written, what is told, and how soon every process knows it."""

from collections.abc import Iterator
from typing import Any

import pytest

from clients_registry import events
from clients_registry.client_secrets import verify_secret
from clients_registry.documents import resource_shown
from clients_registry.errors import (
    AlreadyDisabled,
    InvalidClientMetadata,
    InvalidResourceMetadata,
    ResourceExists,
    UnknownResource,
    WrongSecret,
)
from clients_registry.resource_registrations import RegisteredNow
from tests.storage.registry_world import (
    ACTOR,
    NORDHAVN_CVR,
    RegistryWorld,
    ec_key,
    oidc_registration,
    public,
    registration,
    rsa_jwk,
    rsa_primes,
)
from tests.support.clock import FrozenClock

BUILDING = "https://api.nordhavn.example/building"


@pytest.fixture
def world(sql_url: str, clock: FrozenClock) -> Iterator[RegistryWorld]:
    world = RegistryWorld(sql_url, clock)
    world.add_organisation()
    yield world
    world.close()


def disable(world: RegistryWorld, reference: str) -> None:
    world.database.transact(lambda tx: world.resource_registrations.disable(tx, reference, actor=ACTOR))


def test_an_api_comes_back_as_it_was_registered(world: RegistryWorld) -> None:
    made = world.add_resource(
        token_algorithm="PS256",
        token_form="opaque",
        token_seconds=120,
        introspection_auth_method="private_key_jwt",
        introspection_signed_response_alg="PS256",
        jwks={"keys": [public(ec_key(), kid="api-1")]},
    )
    for found in (
        world.node().find_resource(BUILDING),
        world.node().find_resource_by_id(made.resource.resource_id),
    ):
        assert found is not None
        assert found.resource == made.resource
        assert found.organisation.cvr_number == NORDHAVN_CVR
        assert found.keys.find("ES256", "api-1").thumbprint() == ec_key().thumbprint()
        assert not found.disabled
    assert made.secret is None
    assert [entry.resource for entry in world.node().resources()] == [made.resource]


def change(world: RegistryWorld, **given: Any) -> RegisteredNow:
    write = world.resource_registrations.change
    return world.database.transact(lambda tx: write(tx, BUILDING, given, actor=ACTOR))


def test_an_api_is_changed_in_everything_but_what_tokens_and_grants_name(world: RegistryWorld) -> None:
    made = world.add_resource()
    shown = resource_shown(made.resource, made.organisation)
    assert change(world, **shown).resource == made.resource  # what was shown may be given back
    keyed = {"introspection_auth_method": "private_key_jwt", "jwks": {"keys": [public(ec_key(), kid="1")]}}
    now = change(world, **(shown | keyed | {"token_form": "opaque"}))
    assert now.secret is None and now.resource.secret_digest is None
    found = world.node().find_resource(BUILDING)
    assert found is not None
    assert (found.resource, found.resource.token_form) == (now.resource, "opaque")
    assert found.resource.scopes == made.resource.scopes
    assert found.keys.find("ES256", "1")
    again = change(world, name="Byg")
    assert again.secret is not None and again.secret != made.secret
    assert again.resource.token_form == "jwt"  # what is left out gets its default
    with pytest.raises(InvalidResourceMetadata) as refused:
        change(
            world, name="", identifier="https://api.nordhavn.example/x", scopes=[], organisation="22334455"
        )
    assert {fault.field for fault in refused.value.faults} == {"name", "identifier", "scopes", "organisation"}


def test_what_is_left_out_gets_the_careful_default(world: RegistryWorld) -> None:
    made = world.add_resource().resource
    assert (made.token_algorithm, made.token_form, made.token_seconds) == ("ES256", "jwt", None)
    assert made.introspection_auth_method == "client_secret_basic"
    assert made.introspection_signed_response_alg is None
    scope = made.scope_named("nordhavn:building.read")
    assert scope is not None and scope.used_by == ("machines",)


def test_the_secret_is_kept_as_a_digest_and_renewed(world: RegistryWorld) -> None:
    made = world.add_resource()
    assert made.secret is not None and len(made.secret) == 43
    assert verify_secret(made.resource, made.secret) is made.resource
    renew = world.resource_registrations.renew_secret
    renewed = world.database.transact(lambda tx: renew(tx, BUILDING, actor=ACTOR))
    found = world.node().find_resource(BUILDING)
    assert found is not None and renewed.secret is not None
    verify_secret(found.resource, renewed.secret)
    with pytest.raises(WrongSecret):
        verify_secret(found.resource, made.secret)
    assert found.resource.scopes == made.resource.scopes
    for secret in (made.secret, renewed.secret):
        assert secret not in repr(world.journal()) + repr(made) + repr(renewed)


def test_a_resource_is_no_client(world: RegistryWorld) -> None:
    """S-112, S-140: its id finds no client, and no client's id finds it."""
    made, client = world.add_resource().resource, world.register(oidc_registration()).client
    node = world.node()
    assert node.find_client(made.resource_id) is None
    assert node.find_client(BUILDING) is None
    assert node.find_resource_by_id(client.client_id) is None


def test_an_identifier_and_a_scope_belong_to_one_api(world: RegistryWorld) -> None:
    world.add_resource()
    with pytest.raises(ResourceExists):
        world.add_resource(scopes=[])
    with pytest.raises(InvalidResourceMetadata) as refused:
        world.add_resource(identifier="https://api.nordhavn.example/other")
    assert [fault.field for fault in refused.value.faults] == ["scopes[0]"]
    assert len(world.node().resources()) == 1


def test_a_disabled_api_is_disabled_in_every_process_within_a_second(
    world: RegistryWorld, clock: FrozenClock
) -> None:
    """S-035."""
    resource_id = world.add_resource().resource.resource_id
    nodes = [world.node() for _ in range(2)]
    assert [node.find_resource(BUILDING).disabled for node in nodes] == [False] * 2  # type: ignore[union-attr]
    assert [node.find_resource_by_id(resource_id).disabled for node in nodes] == [False] * 2  # type: ignore[union-attr]
    disable(world, BUILDING)
    clock.forward(seconds=1)
    assert [node.find_resource(BUILDING).disabled for node in nodes] == [True] * 2  # type: ignore[union-attr]
    assert [node.find_resource_by_id(resource_id).disabled for node in nodes] == [True] * 2  # type: ignore[union-attr]
    with pytest.raises(AlreadyDisabled):
        disable(world, resource_id)
    with pytest.raises(UnknownResource):
        disable(world, "https://api.nordhavn.example/none")


def test_a_disabled_organisation_disables_its_apis_within_a_second(
    world: RegistryWorld, clock: FrozenClock
) -> None:
    """S-035."""
    world.add_resource()
    node = world.node()
    before = node.find_resource(BUILDING)
    world.database.transact(
        lambda tx: world.registrations.disable_organisation(tx, NORDHAVN_CVR, actor=ACTOR)
    )
    clock.forward(seconds=1)
    after = node.find_resource(BUILDING)
    assert before is not None and after is not None
    assert (before.disabled, after.disabled) == (False, True)


def test_an_unknown_api_is_found_a_second_after_it_was_registered(
    world: RegistryWorld, clock: FrozenClock
) -> None:
    node = world.node()
    assert node.find_resource(BUILDING) is None
    world.add_resource()
    clock.forward(seconds=1)
    assert node.find_resource(BUILDING) is not None
    assert node.find_resource(BUILDING + "/") is None  # RFC 8707 §2: compared letter by letter


def test_every_write_stands_in_the_journal(world: RegistryWorld) -> None:
    made = world.add_resource().resource
    world.database.transact(
        lambda tx: world.resource_registrations.renew_secret(tx, BUILDING, actor=ACTOR, reason="leaked")
    )
    change(world, name="Byg")
    disable(world, BUILDING)
    about = {"organisation_id": made.organisation_id, "resource_id": made.resource_id}
    assert {event for event, _ in world.journal()[1:]} == set(events.OF_RESOURCES)
    assert world.journal()[1:] == [
        ("resource-added", about | {"identifier": BUILDING, "scopes": ["nordhavn:building.read"]}),
        ("resource-secret-renewed", about | {"reason": "leaked"}),
        ("resource-changed", about | {"changed": ["name"]}),
        ("resource-disabled", about),
    ]


def test_a_prime_is_shared_neither_with_a_client_nor_with_another_api(world: RegistryWorld) -> None:
    """S-169."""
    p, q, r, s = rsa_primes()
    world.register(registration(jwks={"keys": [rsa_jwk(p * q)]}))
    with pytest.raises(InvalidResourceMetadata, match="shares a prime"):
        world.add_resource(introspection_auth_method="private_key_jwt", jwks={"keys": [rsa_jwk(p * r)]})
    world.add_resource(introspection_auth_method="private_key_jwt", jwks={"keys": [rsa_jwk(r * s)]})
    with pytest.raises(InvalidClientMetadata, match="shares a prime"):
        world.register(registration(jwks={"keys": [rsa_jwk(q * s)]}))


def test_an_organisation_that_is_not_there_is_told_with_the_member(world: RegistryWorld) -> None:
    with pytest.raises(InvalidResourceMetadata) as refused:
        world.add_resource(organisation="99999999")
    assert [fault.field for fault in refused.value.faults] == ["organisation"]
    assert world.node().resources() == []
