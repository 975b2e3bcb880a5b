"""The key ring over a real store: what it knows, how it follows, what it does when the store is away."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import event

from keys import algorithms, known_keys
from keys.birth import publish
from keys.changes import Sight, commit, look
from keys.errors import KeyDoesNotUnseal, KnowledgeTooOld, NoActiveKey
from keys.key import SigningKey
from keys.key_ring import KeyRing
from keys.own_tokens import issue_token, verify_token
from keys.policy import KeyPolicy
from keys.sealed_keys import sealed_anew
from keys.sealing import Sealer
from keys.signing_backends import SigningBackends
from keys.states import KeyState
from tests.storage.keys_world import ORDER, World
from tests.support.clock import FrozenClock

EC_ONLY = KeyPolicy(algorithms=("ES256",))


@pytest.fixture
def world(sql_url: str, clock: FrozenClock, backends: SigningBackends) -> Iterator[World]:
    made = World(sql_url, clock, EC_ONLY, backends=backends)
    made.ensure()
    yield made
    made.close()


def rotate_by_hand(world: World) -> None:
    now, seen = world.clock(), world.keys.load_all()
    old, new = world.active(), world.successor()
    changed = [
        sealed_anew(world.sealer, old, old.moved(KeyState.DEACTIVATED, now)),
        sealed_anew(world.sealer, new, new.moved(KeyState.ACTIVE, now)),
    ]
    commit(world.services, Sight(seen, now), changed, ORDER)


def compromise_by_hand(world: World, key: SigningKey) -> None:
    gone = sealed_anew(world.sealer, key, key.moved(KeyState.COMPROMISED, world.clock()))
    commit(world.services, look(world.services), [gone], ORDER)


def kids(ring: KeyRing) -> list[str]:
    return [key["kid"] for key in json.loads(ring.public_jwks().body)["keys"]]


class Statements:
    """Counts what the reading engine executes."""

    def __init__(self, world: World) -> None:
        self.count = 0
        event.listen(world.database.reading, "before_cursor_execute", self._add)

    def _add(self, *_: object) -> None:
        self.count += 1


def test_the_active_key_signs_and_comes_first_in_the_jwks(world: World) -> None:
    ring = world.ring()
    assert ring.sign("ES256", b"data").kid == world.active().kid
    assert kids(ring) == [world.active().kid, world.successor().kid]


def test_the_entity_tag_changes_with_the_jwks_and_only_then(world: World) -> None:
    ring = world.ring()
    first = ring.public_jwks()
    assert first.etag == world.ring().public_jwks().etag
    assert first.etag.startswith('"') and first.etag.endswith('"')
    compromise_by_hand(world, world.successor())
    world.clock.forward(seconds=1)
    assert ring.public_jwks().etag != first.etag


def test_a_ring_without_keys_does_not_load(sql_url: str, clock: FrozenClock) -> None:
    empty = World(sql_url, clock, KeyPolicy(algorithms=()))
    with pytest.raises(NoActiveKey, match="adgang keys generate"):
        empty.ring()
    empty.close()


def test_an_algorithm_without_an_active_key_signs_nothing(world: World) -> None:
    ring = world.ring()
    assert ring.algorithms() == ("ES256",)
    with pytest.raises(NoActiveKey, match="PS256"):
        ring.sign("PS256", b"data")


def test_a_wrong_key_encryption_key_stops_the_start_and_names_the_key(world: World) -> None:
    ring = KeyRing(world.keys, Sealer(b"w" * 32, "signing keys"), world.clock)
    with pytest.raises(KeyDoesNotUnseal, match="another key-encryption key") as fault:
        ring.load()
    assert fault.value.kid in str(fault.value)
    assert world.ring().sign("ES256", b"data"), "the wrong key touched nothing"


def test_a_change_by_another_process_is_followed_within_a_second_of_use(world: World) -> None:
    """Rule 6: the bound is 5 s."""
    ring, new = world.ring(), world.successor()
    rotate_by_hand(world)
    world.clock.forward(seconds=1)
    assert ring.sign("ES256", b"data").kid == new.kid


def test_a_clock_set_back_does_not_stop_the_following(world: World) -> None:
    ring, new = world.ring(), world.successor()
    rotate_by_hand(world)
    world.clock.forward(timedelta(hours=-1))
    assert ring.sign("ES256", b"data").kid == new.kid


def test_requests_read_nothing_and_the_version_is_read_once_a_second(world: World) -> None:
    ring, statements = world.ring(), Statements(world)
    for _ in range(1000):
        issue_token(ring, "ES256", "JWT", {})
        ring.public_jwks()
    assert statements.count == 0
    for _ in range(10):
        world.clock.forward(seconds=1)
        for _ in range(100):
            ring.sign("ES256", b"data")
    assert statements.count == 10


def test_a_key_is_parsed_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = world.ring()
    parsed: list[object] = []
    real = algorithms.parse_private
    monkeypatch.setattr(
        "keys.signing_backends.parse_private", lambda encoded: parsed.append(1) or real(encoded)
    )
    public = known_keys.parse_public
    monkeypatch.setattr(known_keys, "parse_public", lambda jwk: parsed.append(1) or public(jwk))
    rotate_by_hand(world)
    world.clock.forward(seconds=1)
    ring.sign("ES256", b"data")
    assert ring.status().version == world.keys.version()
    assert parsed == []


def test_jwks_and_verification_outlive_the_database(world: World) -> None:
    ring = world.ring()
    token, jwks = issue_token(ring, "ES256", "JWT", {"sub": "x"}), ring.public_jwks()
    ring._keys = Away()  # type: ignore[assignment]
    world.clock.forward(timedelta(days=2))
    assert ring.public_jwks() == jwks
    assert verify_token(ring, token, typ="JWT", algorithms=("ES256",)) == {"sub": "x"}
    assert "away" in ring.status().fault


class Away:
    """A store that does not answer; counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def version(self) -> int:
        from keys.errors import KeysUnavailable

        self.asked += 1
        raise KeysUnavailable("The store is away.")


def test_signing_stops_when_nobody_has_confirmed_the_key_for_too_long(world: World) -> None:
    """S-379: the key may have been retired or compromised meanwhile."""
    ring, store = world.ring(max_age=timedelta(seconds=300)), world.keys
    ring._keys = Away()  # type: ignore[assignment]
    world.clock.forward(seconds=300)
    assert ring.sign("ES256", b"data")
    world.clock.forward(seconds=1)
    with pytest.raises(KnowledgeTooOld):
        ring.sign("ES256", b"data")
    ring._keys = store
    world.clock.forward(seconds=1)
    assert ring.sign("ES256", b"data"), "it signs again by itself"
    assert ring.status().fault == ""


def test_a_store_that_is_away_is_asked_once_a_second(world: World) -> None:
    ring, away = world.ring(), Away()
    ring._keys = away  # type: ignore[assignment]
    for _ in range(5):
        world.clock.forward(seconds=1)
        for _ in range(50):
            ring.public_jwks()
    assert away.asked == 5


def test_a_compromised_key_is_out_of_the_jwks_and_verifies_nothing(world: World) -> None:
    """S-382."""
    ring, key = world.ring(), world.active()
    assert ring.find_public(key.kid) is not None
    compromise_by_hand(world, key)
    world.clock.forward(seconds=1)
    assert key.kid not in kids(ring)
    assert ring.find_public(key.kid) is None


def test_a_deactivated_key_is_served_and_a_destroyed_one_is_still_known(world: World) -> None:
    """S-375: an id_token_hint may be older than the JWKS."""
    ring, old = world.ring(), world.active()
    rotate_by_hand(world)
    world.clock.forward(seconds=1)
    assert old.kid in kids(ring)
    gone = world.keys.load_all().find(old.kid)
    assert gone is not None
    destroyed = sealed_anew(world.sealer, gone, gone.moved(KeyState.DESTROYED, world.clock()))
    commit(world.services, look(world.services), [destroyed], ORDER)
    world.clock.forward(seconds=1)
    assert old.kid not in kids(ring)
    assert ring.find_public(old.kid) is not None


def test_a_key_before_publication_is_not_in_the_jwks(world: World) -> None:
    from keys.birth import generate

    ring = world.ring()
    key = generate(world.services, "ES256", ORDER)
    world.clock.forward(seconds=1)
    assert key.kid not in kids(ring)
    publish(world.services, key.kid, ORDER)
    world.clock.forward(seconds=1)
    assert key.kid in kids(ring)


def test_the_private_part_is_gone_from_the_store_at_deactivation(world: World) -> None:
    old = world.active()
    held = world.sealer.unseal(old.sealed, old.associated())
    rotate_by_hand(world)
    after = world.keys.load_all().find(old.kid)
    assert after is not None
    assert len(after.sealed) == len(old.sealed) - len(held)
    assert world.sealer.unseal(after.sealed, after.associated()) == b""
    assert held not in world.backends.in_token()


def test_an_unknown_kid_is_found_nowhere(world: World) -> None:
    ring = world.ring()
    for kid in ("", "../../etc/passwd", "' OR 1=1--", "k" * 10_240, "\0"):
        assert ring.find_public(kid) is None


def test_no_repr_shows_a_private_key(world: World) -> None:
    ring = world.ring()
    shown = repr(ring.signer("ES256")) + repr(ring.find_public(world.active().kid)) + repr(ring.status())
    assert "PrivateKey" not in shown


def test_every_process_gives_the_same_bytes(world: World) -> None:
    assert world.ring().public_jwks() == world.ring().public_jwks()
