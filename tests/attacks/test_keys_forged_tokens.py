"""Tokens that pretend to be ours (security.md H, U)."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import update

from keys.algorithms import SIGNING_ALGORITHMS, base64url, parse_public, public_jwk
from keys.birth import make_key
from keys.changes import commit, look
from keys.errors import InvalidToken, KeyDoesNotUnseal, NoActiveKey
from keys.key_ring import KeyRing
from keys.own_tokens import issue_token, verify_token
from keys.policy import KeyPolicy
from keys.sealed_keys import sealed_anew, unseal_key
from keys.sealing import Sealer
from keys.states import KeyState
from keys.tables import signing_keys
from tests.storage.keys_world import ORDER, World
from tests.support.clock import FrozenClock

ORDER_OF_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@pytest.fixture
def world(sqlite_url: str, clock: FrozenClock) -> Iterator[World]:
    made = World(sqlite_url, clock, KeyPolicy(algorithms=("ES256", "EdDSA")))
    made.ensure()
    yield made
    made.close()


@pytest.fixture
def ring(world: World) -> KeyRing:
    return world.ring()


def segment(value: Any) -> str:
    return base64url(value if isinstance(value, bytes) else json.dumps(value).encode())


def refused(ring: KeyRing, token: str, **options: Any) -> None:
    with pytest.raises(InvalidToken):
        verify_token(
            ring, token, **{"typ": "JWT", "algorithms": ("ES256", "EdDSA", "none", "HS256"), **options}
        )


def signed(ring: KeyRing, header: bytes, payload: bytes = b"{}") -> str:
    """Signed with our real key, under any header and payload: what no attacker can do, to prove the header rules."""
    signing_input = f"{base64url(header)}.{base64url(payload)}"
    return f"{signing_input}.{base64url(ring.sign('ES256', signing_input.encode()).value)}"


@pytest.mark.parametrize("alg", ["none", "None", "nOnE", "", None, ["none"], "missing"])
def test_a_token_without_a_signature_is_refused(ring: KeyRing, alg: Any) -> None:
    """S-153."""
    header = {"alg": alg, "kid": ring.signer("ES256").kid, "typ": "JWT"}
    if alg == "missing":
        del header["alg"]
    refused(ring, f"{segment(header)}.{segment({})}.")
    refused(ring, f"{segment(header)}.{segment({})}.{segment(b'x')}")


def test_a_public_key_is_never_a_shared_secret(world: World, ring: KeyRing) -> None:
    """S-154."""
    key = world.active()
    public = parse_public(key.public_jwk)
    spki = (
        (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        (Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    )
    secrets = [public.public_bytes(*form) for form in spki] + [json.dumps(dict(key.public_jwk)).encode()]
    for secret in secrets:
        signing_input = f"{segment({'alg': 'HS256', 'kid': key.kid, 'typ': 'JWT'})}.{segment({})}"
        mac = hmac.digest(secret, signing_input.encode(), hashlib.sha256)
        refused(ring, f"{signing_input}.{base64url(mac)}")


@pytest.mark.parametrize("member", ["jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "cty", "unknown"])
def test_a_header_with_one_member_more_is_refused(world: World, ring: KeyRing, member: str) -> None:
    """S-156, S-158, S-159: even with our own signature."""
    header = {"alg": "ES256", "kid": world.active().kid, "typ": "JWT", member: ["b64"]}
    refused(ring, signed(ring, json.dumps(header, separators=(",", ":")).encode()))


def test_the_helper_of_these_tests_makes_tokens_that_pass_when_the_header_is_right(
    world: World, ring: KeyRing
) -> None:
    header = f'{{"alg":"ES256","kid":"{world.active().kid}","typ":"JWT"}}'.encode()
    assert verify_token(ring, signed(ring, header), typ="JWT", algorithms=("ES256",)) == {}


@pytest.mark.parametrize(
    "kid", ["", "../../etc/passwd", "' OR 1=1--", "k" * 10_240, "\0", 7, ["x"], {"x": 1}, None]
)
def test_a_kid_is_an_opaque_word(ring: KeyRing, kid: Any) -> None:
    """S-157."""
    header = json.dumps({"alg": "ES256", "kid": kid, "typ": "JWT"}, separators=(",", ":")).encode()
    refused(ring, signed(ring, header))


def test_doubled_members_reordered_members_and_spaces_are_refused(world: World, ring: KeyRing) -> None:
    """S-160."""
    kid = world.active().kid
    for header in (
        f'{{"alg":"ES256","alg":"ES256","kid":"{kid}","typ":"JWT"}}',
        f'{{"kid":"{kid}","alg":"ES256","typ":"JWT"}}',
        f'{{"alg": "ES256","kid":"{kid}","typ":"JWT"}}',
        f'\ufeff{{"alg":"ES256","kid":"{kid}","typ":"JWT"}}',
    ):
        refused(ring, signed(ring, header.encode()))


@pytest.mark.parametrize(
    "payload",
    [
        b"[]",
        b"1",
        b"null",
        b'"x"',
        b"",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        '{"a":1}'.encode("utf-16"),
        b'{"a":NaN}',
        b'{"a":' * 3_000 + b"1" + b"}" * 3_000,
        b'{"a":"\\ud800"}',
    ],
)
def test_a_payload_that_is_no_json_object_is_refused(world: World, ring: KeyRing, payload: bytes) -> None:
    """S-162, S-177."""
    header = f'{{"alg":"ES256","kid":"{world.active().kid}","typ":"JWT"}}'.encode()
    refused(ring, signed(ring, header, payload))


def test_other_spellings_of_a_good_token_are_refused(ring: KeyRing) -> None:
    """S-163: one token, one text."""
    token = issue_token(ring, "ES256", "JWT", {"sub": "x"})
    header, payload, signature = token.split(".")
    loose = signature[:-1] + chr(ord(signature[-1]) + 1)
    assert base64.urlsafe_b64decode(loose + "==") == base64.urlsafe_b64decode(signature + "==")
    spellings = [
        f"{header}.{payload}.{loose}",
        f"{token}==",
        f"{token}=",
        f" {token}",
        f"{token}\n",
        f"{token}.",
    ]
    spellings += [
        f".{token}",
        f"{header}.{payload}",
        f"{header}..{payload}.{signature}",
        f"{token}.{token}.x",
    ]
    spellings += [
        f"{header}.{payload}\n.{signature}",
        f"{header}.{payload}.{signature[:40]} {signature[40:]}",
    ]
    spellings += [
        f"{header}.{payload}.+/{signature[2:]}",
        "",
        "..",
        f"{header}..{signature}",
        f"{token}é",
        "\ud800",
    ]
    for spelling in spellings:
        refused(ring, spelling)


@pytest.mark.parametrize("size", [16_385, 1_000_000])
def test_an_overlong_token_is_refused_and_not_echoed(ring: KeyRing, size: int) -> None:
    """S-164."""
    with pytest.raises(InvalidToken) as fault:
        verify_token(ring, "A" * size, typ="JWT", algorithms=("ES256",))
    assert len(str(fault.value)) < 100


def test_forms_of_ecdsa_that_are_no_signature_are_refused(world: World, ring: KeyRing) -> None:
    """S-168. The high-s twin of a signature is accepted, as RFC 7518 has no rule on it; jti, not text, is replayed."""
    header, payload, signature = issue_token(ring, "ES256", "JWT", {}).split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    n = ORDER_OF_P256.to_bytes(32, "big")
    bad = [bytes(64), n + raw[32:], raw[:32] + n, encode_dss_signature(r, s), raw[:63], raw + b"\0", b""]
    bad += [raw[:32] + bytes(32), bytes(32) + raw[32:], raw[32:] + raw[:32]]
    for value in bad:
        refused(ring, f"{header}.{payload}.{base64url(value)}")
    twin = raw[:32] + (ORDER_OF_P256 - s).to_bytes(32, "big")
    assert verify_token(ring, f"{header}.{payload}.{base64url(twin)}", typ="JWT", algorithms=("ES256",)) == {}


def test_a_token_of_another_type_or_algorithm_is_refused(ring: KeyRing) -> None:
    """S-384: an ID token is no access token."""
    token = issue_token(ring, "EdDSA", "JWT", {})
    refused(ring, token, typ="at+jwt")
    refused(ring, token, algorithms=("ES256",))
    refused(ring, token, algorithms=())


def test_a_key_of_somebody_else_verifies_nothing(world: World, ring: KeyRing) -> None:
    foreign = SIGNING_ALGORITHMS["ES256"].generate()
    sign = SIGNING_ALGORITHMS["ES256"].signer(foreign)
    for kid in (world.active().kid, public_jwk("ES256", foreign.public_key())["kid"]):
        header = f'{{"alg":"ES256","kid":"{kid}","typ":"JWT"}}'.encode()
        signing_input = f"{base64url(header)}.{base64url(b'{}')}"
        refused(ring, f"{signing_input}.{base64url(sign(signing_input.encode()))}")


def test_a_token_of_a_compromised_key_is_refused_and_the_reason_is_known(world: World, ring: KeyRing) -> None:
    """S-382."""
    token, key = issue_token(ring, "ES256", "JWT", {}), world.active()
    gone = sealed_anew(world.sealer, key, key.moved(KeyState.COMPROMISED, world.clock()))
    commit(world.services, look(world.services), [gone], ORDER)
    world.clock.forward(seconds=1)
    with pytest.raises(InvalidToken, match="compromised"):
        verify_token(ring, token, typ="JWT", algorithms=("ES256",))


# --- a thief or a hand in the database ---------------------------------------------------------------------------


def alter(world: World, kid: str, **columns: Any) -> None:
    world.database.transact(
        lambda tx: tx.execute(update(signing_keys).where(signing_keys.c.kid == kid).values(**columns))
    )


def test_a_database_holds_no_private_key_in_clear(world: World) -> None:
    """S-394."""
    for key in world.keys.load_all().keys:
        assert b"\x2a\x86\x48\xce\x3d" not in key.sealed, "no EC object identifier of PKCS #8"
        with pytest.raises(KeyDoesNotUnseal):
            unseal_key(Sealer(b"t" * 32, "signing keys"), key)


@pytest.mark.parametrize(
    "columns",
    [
        {"state": "published"},
        {"algorithm": "EdDSA", "state": "deactivated"},
        {"version": 9},
        {"public_jwk": '{"alg":"ES256","kty":"EC"}'},
        {"public_jwk": "not json"},
        {"state": "adored"},
        {"sealed": b"\x01"},
        {"activated_at": None},
    ],
)
def test_a_row_altered_by_hand_stops_the_start_and_is_named(world: World, columns: dict[str, Any]) -> None:
    kid = world.active().kid
    alter(world, kid, **columns)
    with pytest.raises(KeyDoesNotUnseal) as fault:
        world.ring()
    assert fault.value.kid == kid


def test_a_key_put_into_the_table_by_hand_is_not_published(world: World, ring: KeyRing) -> None:
    planted = make_key(Sealer(b"t" * 32, "signing keys"), "ES256", KeyState.PUBLISHED, world.clock())
    commit(world.services, look(world.services), [planted], ORDER)
    world.clock.forward(seconds=1)
    assert planted.kid.encode() not in ring.public_jwks().body
    assert ring.find_public(planted.kid) is None
    assert planted.kid in ring.status().fault


def test_a_compromised_key_moved_back_by_hand_stays_out(world: World, ring: KeyRing) -> None:
    key = world.active()
    gone = sealed_anew(world.sealer, key, key.moved(KeyState.COMPROMISED, world.clock()))
    commit(world.services, look(world.services), [gone], ORDER)
    world.clock.forward(seconds=1)
    ring.public_jwks()
    world.database.transact(lambda tx: world.keys.advance(tx, world.keys.version()))
    alter(world, key.kid, state="deactivated", compromised_at=None)
    world.clock.forward(seconds=1)
    assert key.kid.encode() not in ring.public_jwks().body
    assert ring.find_public(key.kid) is None


def test_a_row_that_does_not_open_is_believed_when_it_says_compromised(world: World, ring: KeyRing) -> None:
    """The safe side: somebody may have had to write it by hand."""
    key = world.active()
    world.database.transact(lambda tx: world.keys.advance(tx, world.keys.version()))
    alter(world, key.kid, state="compromised")
    world.clock.forward(seconds=1)
    assert ring.find_public(key.kid) is None
    assert key.kid.encode() not in ring.public_jwks().body
    with pytest.raises(NoActiveKey):
        ring.sign("ES256", b"x")


def test_two_envelopes_exchanged_by_hand_do_not_open(world: World) -> None:
    one, other = world.active(), world.successor()
    alter(world, one.kid, sealed=other.sealed)
    with pytest.raises(KeyDoesNotUnseal):
        world.ring()


def test_a_fault_in_one_row_does_not_hold_up_a_compromise(world: World, ring: KeyRing) -> None:
    key, other = world.active("ES256"), world.active("EdDSA")
    alter(world, other.kid, version=9)
    gone = sealed_anew(world.sealer, key, key.moved(KeyState.COMPROMISED, world.clock()))
    commit(world.services, look(world.services), [gone], ORDER)
    world.clock.forward(seconds=1)
    assert ring.find_public(key.kid) is None
    assert ring.find_public(other.kid) is not None, "what was known of the other key stands"
    assert other.kid in ring.status().fault
