"""Signing keys that are made in a token and never leave it. The life cycle on a token: test_keys_life, test_keys_ring."""

import json
from collections.abc import Iterator

import pytest
from joserfc import jws, jwt
from joserfc.jwk import KeySet

from keys.algorithms import SIGNING_ALGORITHMS
from keys.birth import new_key
from keys.changes import Sight, commit, look
from keys.endings import compromise
from keys.errors import HsmAway, KeyDoesNotUnseal, KeySetChanged
from keys.hsm import HsmAddress
from keys.own_tokens import issue_token, verify_token
from keys.policy import KeyPolicy
from keys.sealed_keys import unseal_key
from keys.signing_backends import SOFTWARE, SigningBackends
from keys.states import KeyState
from keys.succession import activate, rotate
from keys.token_keys import TokenKeys, is_handle
from keys.token_sweep import sweep_token
from tests.storage.keys_world import ORDER, World
from tests.support.clock import FrozenClock
from tests.support.softhsm import SoftHsm

ALGORITHMS = tuple(SIGNING_ALGORITHMS)


@pytest.fixture
def world(sqlite_url: str, clock: FrozenClock, hsm_backends: SigningBackends) -> Iterator[World]:
    made = World(sqlite_url, clock, KeyPolicy(algorithms=("ES256",)), backends=hsm_backends)
    made.ensure()
    yield made
    made.close()


def held(world: World) -> set[bytes]:
    return {unseal_key(world.sealer, key) for key in world.keys.load_all().keys} - {b""}


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # RFC 9864; joserfc says so each time
def test_joserfc_verifies_what_a_token_signs_with_every_algorithm(world: World) -> None:
    world.policy = KeyPolicy(algorithms=ALGORITHMS)
    world.ensure()
    world.past_lead()
    for algorithm in ALGORITHMS[1:]:
        activate(world.services, world.successor(algorithm).kid, ORDER)
    ring = world.ring()
    published = KeySet.import_key_set(json.loads(ring.public_jwks().body))
    for algorithm in ALGORITHMS:
        token = issue_token(ring, algorithm, "at+jwt", {"sub": "x"})
        registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
        assert jwt.decode(token, published, algorithms=[algorithm], registry=registry).claims == {"sub": "x"}
        assert verify_token(ring, token, typ="at+jwt", algorithms=(algorithm,)) == {"sub": "x"}


def test_a_row_holds_a_handle_and_the_token_never_gives_the_key_away(
    world: World, softhsm: SoftHsm, hsm_backends: SigningBackends
) -> None:
    """S-394: a thief of the database and of the key-encryption key has no private key."""
    handles = held(world)
    assert len(handles) == 2
    assert all(is_handle(each) and len(each) == 23 for each in handles)
    in_token = {bytes.fromhex(identifier): rest for _, identifier, *rest in softhsm.private_keys()}
    for handle in handles:
        assert in_token[handle.removeprefix(b"pkcs11:")] == ["False", "True"], "not extractable, sensitive"


def test_what_no_key_needs_any_more_is_gone_from_the_token(world: World) -> None:
    old = unseal_key(world.sealer, world.active())
    world.past_lead()
    rotate(world.services, "ES256", ORDER)
    assert old not in world.backends.in_token()
    bad = unseal_key(world.sealer, world.active())
    compromise(world.services, world.active().kid, ORDER)
    assert bad not in world.backends.in_token()
    assert set(world.backends.in_token()) == held(world)


def test_a_move_that_is_refused_leaves_no_key_in_the_token(world: World) -> None:
    sight = look(world.services)
    world.past_lead()
    rotate(world.services, "ES256", ORDER)
    before = set(world.backends.in_token())
    with pytest.raises(KeySetChanged):
        rotate(world.services, "ES256", ORDER, seen=sight)
    assert set(world.backends.in_token()) == before == held(world)


def test_what_a_kill_left_in_the_token_is_swept_and_nothing_else(world: World) -> None:
    left, _ = world.backends.make("ES256")
    assert left in world.backends.in_token()
    assert sweep_token(world.services) == 1
    assert set(world.backends.in_token()) == held(world)
    assert sweep_token(world.services) == 0
    assert world.ring().sign("ES256", b"x")


def test_a_key_made_while_the_token_is_swept_is_not_lost(world: World) -> None:
    """Who made a key before the sweep looked, and has not kept it yet, is refused and keeps nothing."""
    sight = look(world.services)
    made = new_key(world.services, "ES256", KeyState.PRE_ACTIVATION, sight.now)
    assert sweep_token(world.services) == 1
    with pytest.raises(KeySetChanged):
        commit(world.services, Sight(sight.keys, sight.now), [made], ORDER)
    assert world.keys.load_all().find(made.kid) is None


def test_a_successor_that_the_token_has_lost_is_noticed_before_it_is_promoted(world: World) -> None:
    heir, active = world.successor(), world.active()
    world.backends.forget([unseal_key(world.sealer, heir)])
    world.past_lead()
    with pytest.raises(HsmAway, match="has no such key"):
        rotate(world.services, "ES256", ORDER)
    assert world.active().kid == active.kid


def test_a_key_that_the_token_does_not_have_stops_the_start(world: World) -> None:
    world.backends.forget([unseal_key(world.sealer, world.active())])
    with pytest.raises(HsmAway, match="ADGANG_SIGNING_TOKEN_PKCS11 names has no such key"):
        world.ring()


def test_keys_of_a_token_need_the_token_to_be_named(world: World) -> None:
    with pytest.raises(KeyDoesNotUnseal, match="in an HSM, and ADGANG_SIGNING_TOKEN_PKCS11 names none"):
        world.ring(backends=SOFTWARE)


def test_a_deployment_moves_into_a_token_and_out_of_it_by_rotation(world: World, sqlite_url: str) -> None:
    """Both kinds stand side by side; each signs where it was made."""
    token = world.backends._token
    world.backends = SigningBackends(token, in_token=False)
    for expected in (True, False):
        world.past_lead()
        rotate(world.services, "ES256", ORDER)
        assert is_handle(unseal_key(world.sealer, world.active())) == expected
        assert world.ring().sign("ES256", b"x").kid == world.active().kid


def away(softhsm: SoftHsm) -> SigningBackends:
    address = HsmAddress.parse(softhsm.address("any", token="elsewhere"))
    return SigningBackends(TokenKeys(address), in_token=True)


def test_a_compromise_does_not_wait_for_a_token_that_is_away(world: World, softhsm: SoftHsm) -> None:
    ring, bad = world.ring(), world.active()
    world.backends = away(softhsm)
    done = compromise(world.services, bad.kid, ORDER)
    assert done.signs_now is not None
    world.clock.forward(seconds=5)
    assert ring.find_public(bad.kid) is None
    assert ring.sign("ES256", b"x").kid == done.signs_now.kid


def test_a_process_that_loses_the_token_follows_a_compromise_signs_nothing_and_comes_back(
    world: World, softhsm: SoftHsm
) -> None:
    ring, bad = world.ring(), world.active()
    compromise(world.services, bad.kid, ORDER)
    world.clock.forward(seconds=5)
    world.backends.close()
    hidden = softhsm.pin_file.rename(softhsm.pin_file.with_name("hidden"))
    try:
        assert ring.find_public(bad.kid) is None
        with pytest.raises(HsmAway, match="PIN file that cannot be read"):
            ring.sign("ES256", b"x")
    finally:
        hidden.rename(softhsm.pin_file)
    assert ring.sign("ES256", b"x"), "it signs again by itself"


def test_a_session_that_was_lost_is_opened_anew(world: World) -> None:
    ring = world.ring()
    world.backends.close()
    assert ring.sign("ES256", b"x")
