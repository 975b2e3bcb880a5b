"""The registry on real databases: what is written, what is told, and what many callers at once get."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from clients_registry import events
from clients_registry.client_secrets import verify_secret
from clients_registry.documents import shown
from clients_registry.errors import (
    AlreadyDisabled,
    InvalidClientMetadata,
    InvalidOrganisation,
    OrganisationExists,
    UnknownClient,
    WrongSecret,
)
from tests.storage.registry_world import (
    ACTOR,
    NORDHAVN_CVR,
    RegistryWorld,
    ec_key,
    oidc_registration,
    registration,
    rsa_jwk,
    rsa_primes,
)
from tests.support.clock import FrozenClock

T = TypeVar("T")
CALLERS = 8


@pytest.fixture
def world(sql_url: str, clock: FrozenClock) -> Iterator[RegistryWorld]:
    world = RegistryWorld(sql_url, clock)
    yield world
    world.close()


@pytest.fixture
def nordhavn(world: RegistryWorld) -> RegistryWorld:
    world.add_organisation()
    return world


def at_once(act: Callable[[int], T]) -> list[T | Exception]:
    """What each of many callers got, all starting together."""
    start = threading.Barrier(CALLERS)

    def caller(number: int) -> T | Exception:
        start.wait()
        try:
            return act(number)
        except Exception as refused:  # noqa: BLE001  whatever it is, it is what this caller got
            return refused

    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(caller, range(CALLERS)))


# --- what is kept ----------------------------------------------------------------------------------------------


def test_a_client_comes_back_as_it_was_registered(nordhavn: RegistryWorld) -> None:
    full = registration(
        **{
            "client_name#en": "Building cases",
            "contacts": ["drift@nordhavn.example"],
            "default_max_age": 3600,
            "default_acr_values": ["urn:adgang:loa:substantial"],
            "post_logout_redirect_uris": ["https://byg.nordhavn.example/"],
            "jwks_fetch_addresses": ["192.0.2.0/24"],
            "client_uri": "https://byg.nordhavn.example/",
        }
    )
    registered = nordhavn.register(full)
    found = nordhavn.node().find_client(registered.client.client_id)
    assert found is not None
    assert found.client == registered.client
    assert found.organisation.cvr_number == NORDHAVN_CVR
    assert found.client.purpose(None).text["nb"] == "Vi behandler byggesøknaden din."
    assert found.client.name_in("en") == "Building cases"
    assert found.client.created_at.utcoffset() == timedelta(0)
    assert found.keys.find("ES256", "byg-1").thumbprint() == ec_key().thumbprint()
    assert not found.disabled


def test_an_organisation_comes_back_as_it_was_added(world: RegistryWorld) -> None:
    added = world.add_organisation(contacts=["post@nordhavn.example"], logo="nordhavn.svg")
    assert world.node().organisations() == [added]
    assert world.node().find_organisation(NORDHAVN_CVR) == added
    assert world.node().find_organisation(added.organisation_id) == added
    assert world.node().find_organisation("nobody") is None


def test_clients_are_listed_by_organisation_and_name_in_both_databases(world: RegistryWorld) -> None:
    """S-338: the order does not depend on a database's collation."""
    world.add_organisation(cvr_number="22334455", kind="state", name="Statens Boligstøtte")
    world.add_organisation()
    for name, cvr in (("ældrepleje", NORDHAVN_CVR), ("Zoner", NORDHAVN_CVR), ("Bolig", "22334455")):
        world.register(registration(client_name=name, organisation=cvr))
    assert [entry.client.client_name for entry in world.node().clients()] == ["Zoner", "ældrepleje", "Bolig"]


def test_clients_in_force_are_read_some_at_a_time_each_once(nordhavn: RegistryWorld) -> None:
    nordhavn.add_organisation(cvr_number="22334455", kind="state", name="Statens Boligstøtte")
    kept = {nordhavn.register(registration(client_name=f"Service {n}")).client.client_id for n in range(5)}
    disabled = nordhavn.register().client.client_id
    nordhavn.register(registration(organisation="22334455"))

    def disable(tx: Any) -> None:
        nordhavn.registrations.disable(tx, disabled, actor=ACTOR)
        nordhavn.registrations.disable_organisation(tx, "22334455", actor=ACTOR)

    nordhavn.database.transact(disable)
    store = nordhavn.store
    for at_a_time in (1, 2, 5, 500):
        assert sorted(each.client_id for each in store.clients_in_force(at_a_time)) == sorted(kept)


def test_every_fault_of_an_organisation_is_told_at_once(world: RegistryWorld) -> None:
    with pytest.raises(InvalidOrganisation) as refused:
        world.add_organisation(
            cvr_number="1122334", kind="club", name="Nord\u202ehavn", contacts=["nobody"], logo="../x"
        )
    told = [fault.field for fault in refused.value.faults]
    assert told == ["cvr_number", "kind", "name", "contacts[0]", "logo"]


# --- changing --------------------------------------------------------------------------------------------------


def test_what_show_prints_can_be_given_back(nordhavn: RegistryWorld) -> None:
    registered = nordhavn.register()
    document = shown(registered.client, registered.organisation)
    assert nordhavn.change(registered.client.client_id, document).changed == ()
    document["client_name"] = "Byggesager og skure"
    assert nordhavn.change(registered.client.client_id, document).changed == ("client_name",)


def test_a_client_that_moves_keeps_its_sector(nordhavn: RegistryWorld) -> None:
    state = nordhavn.add_organisation(cvr_number="22334455", kind="state", name="Statens Boligstøtte")
    before = nordhavn.register().client
    moved = nordhavn.change(before.client_id, registration(organisation="22334455"))
    assert moved.changed == ("organisation",)
    assert (moved.client.organisation_id, moved.client.sector) == (state.organisation_id, before.sector)


def test_members_that_the_provider_sets_cannot_be_altered_by_a_change(nordhavn: RegistryWorld) -> None:
    """S-187: mass assignment is refused by name."""
    registered = nordhavn.register()
    document = shown(registered.client, registered.organisation)
    for name, value in {
        "client_id": "another",
        "sector": "another",
        "created_at": "2020-01-01T00:00:00Z",
        "client_secret": "chosen by me",
        "disabled_at": None,
    }.items():
        with pytest.raises(InvalidClientMetadata) as refused:
            nordhavn.change(registered.client.client_id, document | {name: value})
        assert [fault.field for fault in refused.value.faults] == [name]


def test_a_change_that_omits_a_restriction_does_not_lift_it(nordhavn: RegistryWorld) -> None:
    """S-186: omission never widens."""
    restricted = oidc_registration(
        token_endpoint_auth_method="private_key_jwt",
        token_endpoint_auth_signing_alg="ES256",
        jwks=registration()["jwks"],
        default_max_age=600,
        require_auth_time=True,
        default_acr_values=["urn:adgang:loa:high"],
        jwks_cache_seconds=3600,
    )
    before = nordhavn.register(restricted).client
    bare = oidc_registration(jwks=registration()["jwks"], client_name="Byggesager 2")
    assert nordhavn.change(before.client_id, bare).changed == ("client_name",)
    lifted = nordhavn.change(before.client_id, bare | {"default_max_age": None})
    assert lifted.changed == ("default_max_age",)
    assert lifted.client.default_max_age is None


def test_a_change_that_omits_an_exception_loses_it(nordhavn: RegistryWorld) -> None:
    """S-186: the policy's default applies."""
    before = nordhavn.register(
        oidc_registration(require_pkce=False, subject_type="public", response_modes=["query", "form_post"])
    ).client
    after = nordhavn.change(before.client_id, oidc_registration()).client
    assert (after.require_pkce, after.subject_type, after.response_modes) == (True, "pairwise", ("query",))
    with pytest.raises(InvalidClientMetadata, match=r'token_endpoint_auth_method.*needs "profile": "oidc"'):
        nordhavn.change(before.client_id, oidc_registration(profile=None))


def test_a_secret_is_made_when_a_client_begins_to_need_one_and_forgotten_when_it_stops(
    nordhavn: RegistryWorld,
) -> None:
    client_id = nordhavn.register().client.client_id
    with_secret = nordhavn.change(
        client_id, oidc_registration(token_endpoint_auth_method="client_secret_basic")
    )
    assert with_secret.secret is not None
    verify_secret(with_secret.client, with_secret.secret)
    other_way = nordhavn.change(client_id, oidc_registration(token_endpoint_auth_method="client_secret_post"))
    assert (other_way.secret, other_way.client.secret_digest) == (None, with_secret.client.secret_digest)
    assert (
        nordhavn.change(
            client_id, registration(token_endpoint_auth_method="private_key_jwt")
        ).client.secret_digest
        is None
    )


def test_a_renewed_secret_replaces_the_old_one(nordhavn: RegistryWorld) -> None:
    registered = nordhavn.register(oidc_registration())
    assert registered.secret is not None
    renewed = nordhavn.database.transact(
        lambda tx: nordhavn.registrations.renew_secret(tx, registered.client.client_id, actor=ACTOR)
    )
    found = nordhavn.node().find_client(registered.client.client_id)
    assert found is not None and renewed.secret is not None
    verify_secret(found.client, renewed.secret)
    with pytest.raises(WrongSecret):
        verify_secret(found.client, registered.secret)


def test_a_client_without_a_secret_has_none_to_renew(nordhavn: RegistryWorld) -> None:
    client_id = nordhavn.register().client.client_id
    with pytest.raises(InvalidClientMetadata, match="uses no secret"):
        nordhavn.database.transact(lambda tx: nordhavn.registrations.renew_secret(tx, client_id, actor=ACTOR))


def test_a_disabled_client_cannot_be_changed_renewed_or_disabled_again(nordhavn: RegistryWorld) -> None:
    client_id = nordhavn.register(oidc_registration()).client.client_id
    write, transact = nordhavn.registrations, nordhavn.database.transact
    transact(lambda tx: write.disable(tx, client_id, actor=ACTOR))
    for again in (
        lambda tx: write.disable(tx, client_id, actor=ACTOR),
        lambda tx: write.renew_secret(tx, client_id, actor=ACTOR),
        lambda tx: write.change(tx, client_id, oidc_registration(), actor=ACTOR),
    ):
        with pytest.raises(AlreadyDisabled):
            transact(again)


def test_what_is_not_there_cannot_be_changed(nordhavn: RegistryWorld) -> None:
    with pytest.raises(UnknownClient):
        nordhavn.change("0" * 32, registration())


def test_a_client_is_registered_only_with_a_live_organisation(nordhavn: RegistryWorld) -> None:
    with pytest.raises(InvalidClientMetadata, match="organisation: is not registered"):
        nordhavn.register(registration(organisation="99887766"))
    nordhavn.database.transact(
        lambda tx: nordhavn.registrations.disable_organisation(tx, NORDHAVN_CVR, actor=ACTOR)
    )
    with pytest.raises(InvalidClientMetadata) as refused:
        nordhavn.register(registration(client_name=""))
    assert [fault.field for fault in refused.value.faults] == ["client_name", "organisation"]


def test_a_key_that_shares_a_prime_with_another_clients_is_refused(nordhavn: RegistryWorld) -> None:
    """S-169: such a pair is factored by anyone who sees both."""
    p, q, r, _ = rsa_primes()
    nordhavn.register(registration(jwks={"keys": [rsa_jwk(p * q)]}))
    with pytest.raises(InvalidClientMetadata, match="shares a prime with another client's"):
        nordhavn.register(registration(jwks={"keys": [rsa_jwk(p * r)]}))
    same = nordhavn.register(
        registration(jwks={"keys": [rsa_jwk(p * q)]})
    )  # one supplier, two clients, one key
    with pytest.raises(InvalidClientMetadata, match="shares a prime"):
        nordhavn.change(same.client.client_id, registration(jwks={"keys": [rsa_jwk(q * r)]}))


# --- what is told ----------------------------------------------------------------------------------------------


def test_every_write_is_told_in_the_journal(nordhavn: RegistryWorld) -> None:
    write, transact = nordhavn.registrations, nordhavn.database.transact
    client_id = nordhavn.register(oidc_registration()).client.client_id
    nordhavn.change(client_id, oidc_registration(client_name="Skure"))
    transact(lambda tx: write.renew_secret(tx, client_id, actor=ACTOR, reason="lost"))
    transact(lambda tx: write.disable(tx, client_id, actor=ACTOR))
    transact(lambda tx: write.disable_organisation(tx, NORDHAVN_CVR, actor=ACTOR))
    told = nordhavn.journal()
    assert {event for event, _ in told} == set(events.OF_CLIENTS)
    facts = dict(told)
    assert facts[events.CLIENT_CHANGED]["changed"] == ["client_name"]
    assert facts[events.CLIENT_SECRET_RENEWED]["reason"] == "lost"


def test_a_change_of_nothing_is_not_told(nordhavn: RegistryWorld) -> None:
    client_id = nordhavn.register().client.client_id
    before = nordhavn.journal()
    nordhavn.change(client_id, registration())
    assert nordhavn.journal() == before


def test_a_write_that_fails_leaves_neither_client_nor_entry(nordhavn: RegistryWorld) -> None:
    before = nordhavn.journal()

    def work(tx: Any) -> None:
        nordhavn.registrations.register(tx, registration(), actor=ACTOR)
        raise LookupError("something later in the transaction")

    with pytest.raises(LookupError):
        nordhavn.database.transact(work)
    assert nordhavn.journal() == before
    assert nordhavn.node().clients() == []


# --- many callers at once --------------------------------------------------------------------------------------


def test_one_of_many_callers_adds_an_organisation(world: RegistryWorld) -> None:
    got = at_once(lambda number: world.add_organisation(name=f"Nordhavn {number}"))
    assert sum(isinstance(one, OrganisationExists) for one in got) == CALLERS - 1
    assert len(world.node().organisations()) == 1
    assert len(world.journal()) == 1


def test_one_of_many_callers_disables_a_client(nordhavn: RegistryWorld) -> None:
    client_id = nordhavn.register().client.client_id
    got = at_once(
        lambda _: nordhavn.database.transact(
            lambda tx: nordhavn.registrations.disable(tx, client_id, actor=ACTOR)
        )
    )
    assert sum(isinstance(one, AlreadyDisabled) for one in got) == CALLERS - 1
    assert [event for event, _ in nordhavn.journal()].count(events.CLIENT_DISABLED) == 1


def test_one_of_many_callers_disables_an_organisation(nordhavn: RegistryWorld) -> None:
    got = at_once(
        lambda _: nordhavn.database.transact(
            lambda tx: nordhavn.registrations.disable_organisation(tx, NORDHAVN_CVR, actor=ACTOR)
        )
    )
    assert sum(isinstance(one, AlreadyDisabled) for one in got) == CALLERS - 1


def test_of_many_renewed_secrets_one_is_right(nordhavn: RegistryWorld) -> None:
    client_id = nordhavn.register(oidc_registration()).client.client_id
    got = at_once(
        lambda _: nordhavn.database.transact(
            lambda tx: nordhavn.registrations.renew_secret(tx, client_id, actor=ACTOR).secret
        )
    )
    found = nordhavn.node().find_client(client_id)
    assert found is not None

    def is_right(secret: str) -> bool:
        try:
            return bool(verify_secret(found.client, secret))
        except WrongSecret:
            return False

    secrets = [one for one in got if isinstance(one, str)]
    assert len(secrets) == CALLERS
    assert sum(map(is_right, secrets)) == 1


def test_the_version_rises_with_each_of_many_writers(world: RegistryWorld) -> None:
    before = world.store.version()
    at_once(lambda number: world.database.transact(world.store.begin_change))
    assert (before, world.store.version()) == (0, CALLERS)


def test_many_registrations_at_once_all_stand(nordhavn: RegistryWorld) -> None:
    got = at_once(lambda number: nordhavn.register(registration(client_name=f"Service {number}")))
    assert len({one.client.client_id for one in got if not isinstance(one, Exception)}) == CALLERS
    assert len(nordhavn.node().clients()) == CALLERS


def test_a_change_loses_nothing_that_another_change_wrote(nordhavn: RegistryWorld) -> None:
    """The journal tells of each change exactly what it altered against the one before it."""
    client_id = nordhavn.register().client.client_id
    at_once(lambda number: nordhavn.change(client_id, registration(client_name=f"Service {number}")))
    told = [facts["changed"] for event, facts in nordhavn.journal() if event == events.CLIENT_CHANGED]
    assert told == [["client_name"]] * CALLERS


def test_replacing_a_client_that_is_not_there_changes_nothing(nordhavn: RegistryWorld) -> None:
    client = replace(nordhavn.register().client, client_id="f" * 32)
    assert nordhavn.database.transact(lambda tx: nordhavn.store.replace_client(tx, client)) is False
