"""Forged, borrowed and broken WebAuthn answers."""

import json
import sqlite3
import sys
from collections.abc import Iterator
from datetime import timedelta
from types import FrameType
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import event

from mfa.errors import FactorRejected, Rejection
from mfa.verification import WebauthnAnswer
from mfa.webauthn import Attestation, Ceremony, RelyingParty, WebauthnRejected, verify_registration
from mfa.webauthn_guard import MalformedCredential, decode
from mfa.webauthn_options import registration_options
from tests.storage.mfa_world import ASTRID, BO, World
from tests.storage.software_key import BE, BS, RELYING_PARTY, UP, UV, SoftwareKey, b64, unb64
from tests.support.clock import FrozenClock

CEREMONY = Ceremony(b"c" * 32, user_verification_required=True)


@pytest.fixture
def world(sqlite_url: str, clock: FrozenClock) -> Iterator[World]:
    """On SQLite alone: what is attacked here does not depend on the database."""
    world = World(sqlite_url, clock).create_tables()
    yield world
    world.close()


def creation(ceremony: Ceremony = CEREMONY) -> dict[str, Any]:
    return registration_options(
        RELYING_PARTY,
        ceremony,
        user_handle=b"h" * 64,
        user_id="astrid.holm",
        display_name="Astrid Holm",
        existing=(),
        attestation=Attestation(),
    )


def register(text: str, ceremony: Ceremony = CEREMONY) -> None:
    verify_registration(text, relying_party=RELYING_PARTY, ceremony=ceremony, attestation=Attestation())


def test_the_software_key_of_these_tests_registers() -> None:
    register(SoftwareKey().create(creation()))


FOREIGN_ORIGINS = [
    "http://adgang.example",
    "https://adgang.example:8443",
    "https://log.adgang.example",
    "https://badadgang.example",
    "https://adgang.example.evil.example",
    "https://adgang.example/",
    "https://ADGANG.example",
    "https://adgang.example@evil.example",
    "null",
    "",
    "android:apk-key-hash:abc",
    None,
    ["https://adgang.example"],
]


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_a_foreign_origin_is_refused_in_both_ceremonies(world: World, origin: object) -> None:
    """S-267"""
    with pytest.raises(WebauthnRejected):
        register(SoftwareKey().create(creation(), origin=origin))
    key = world.give_key()
    assert world.rejection(ASTRID, world.touch(key, origin=origin)).reason is Rejection.WRONG


@pytest.mark.parametrize("rp_id", ["example", "log.adgang.example", "evil.example", ""])
def test_a_foreign_rp_id_is_refused_in_both_ceremonies(world: World, rp_id: str) -> None:
    """S-268"""
    with pytest.raises(WebauthnRejected):
        register(SoftwareKey().create(creation(), rp_id=rp_id))
    assert world.rejection(ASTRID, world.touch(world.give_key(), rp_id=rp_id)).reason is Rejection.WRONG


def test_an_answer_to_another_challenge_is_refused(world: World) -> None:
    """S-265"""
    key = world.give_key()
    earlier = world.touch(key)
    _, ceremony = world.ask(ASTRID)
    borrowed = WebauthnAnswer(earlier.credential_json, ceremony, earlier.allowed)
    assert world.rejection(ASTRID, borrowed).reason is Rejection.WRONG
    with pytest.raises(WebauthnRejected):
        register(SoftwareKey().create(creation(Ceremony(b"d" * 32, user_verification_required=True))))


def test_an_answer_of_the_other_ceremony_is_refused(world: World) -> None:
    """S-265"""
    key = world.give_key()
    assert world.rejection(ASTRID, world.touch(key, kind="webauthn.create")).reason is Rejection.WRONG
    with pytest.raises(WebauthnRejected):
        register(SoftwareKey().create(creation(), kind="webauthn.get"))


def test_a_short_challenge_cannot_be_asked() -> None:
    """S-265"""
    with pytest.raises(ValueError, match="16 bytes"):
        Ceremony(b"c" * 15, user_verification_required=False)


def test_what_was_asked_for_is_insisted_on(world: World) -> None:
    """S-272"""
    plain = world.give_key(verifies_user=False)
    assert world.rejection(None, world.touch(plain, None, user_verification=True)).reason is Rejection.WRONG
    with pytest.raises(WebauthnRejected):
        register(SoftwareKey(verifies_user=False).create(creation()))


@pytest.mark.parametrize("flags", [0, UV, UP | UV | BS, UP | UV | 0x02, UP | UV | 0x20, UP | BE | 0x22])
def test_nobody_present_and_impossible_flags_are_refused(world: World, flags: int) -> None:
    """S-271, S-283"""
    assert world.rejection(ASTRID, world.touch(world.give_key(), flags=flags)).reason is Rejection.WRONG
    with pytest.raises(WebauthnRejected):
        register(SoftwareKey().create(creation(), flags=flags))


def test_somebody_elses_key_is_refused_after_a_password(world: World) -> None:
    """S-277"""
    world.give_key(ASTRID)
    theirs = world.give_key(BO)
    options, ceremony = world.ask(BO)
    for allowed in (None, frozenset(world.keys.credential_ids(ASTRID)), frozenset([theirs.credential_id])):
        answer = WebauthnAnswer(theirs.get(options), ceremony, allowed)
        assert world.rejection(ASTRID, answer).reason is Rejection.WRONG


def test_a_citizen_without_keys_is_not_signed_in_by_somebody_elses(world: World) -> None:
    """S-278"""
    world.give_password(ASTRID)
    theirs = world.give_key(BO)
    options, ceremony = world.ask(BO)
    for allowed in (None, frozenset[bytes]()):
        answer = WebauthnAnswer(theirs.get(options), ceremony, allowed)
        assert world.rejection(ASTRID, answer).reason is Rejection.WRONG


@pytest.mark.parametrize(
    "changes", [{"user_handle": b"x" * 64}, {"user_handle": b""}, {"without_handle": True}]
)
def test_a_passkey_that_does_not_name_its_citizen_is_refused(world: World, changes: dict[str, Any]) -> None:
    """S-279"""
    assert world.rejection(None, world.touch(world.give_key(), None, **changes)).reason is Rejection.WRONG


def test_another_citizens_handle_signs_nobody_in(world: World) -> None:
    """S-279"""
    key, theirs = world.give_key(ASTRID), world.give_key(BO)
    for who in (None, ASTRID, BO):
        answer = world.touch(key, who, user_handle=theirs.user_handle)
        assert world.rejection(who, answer).reason is Rejection.WRONG


def test_a_key_that_was_not_offered_is_refused(world: World) -> None:
    """S-280"""
    first, second = world.give_key(), world.give_key()
    options, ceremony = world.ask(ASTRID)
    answer = WebauthnAnswer(second.get(options), ceremony, frozenset([first.credential_id]))
    assert world.rejection(ASTRID, answer).reason is Rejection.WRONG


def told(world: World, key: SoftwareKey, **wrong: Any) -> list[tuple[Rejection, timedelta | None]]:
    """Reason and wait of wrong answers in a row: eight at once, then one every five minutes until it is closed."""
    answers = []
    for n in range(110):
        rejected = world.rejection(None, world.touch(key, None, **wrong))
        wait = None if rejected.retry_at is None else rejected.retry_at - world.clock()
        answers.append((rejected.reason, wait))
        world.clock.forward(seconds=0 if n < 8 else 300)
    return answers


def test_an_unknown_key_is_answered_slowed_and_closed_like_a_wrong_signature(world: World) -> None:
    """S-291: to whoever holds the id of a key and wants to know whether anybody here has it; and one that has another
    handle than it says is counted on the key that it named."""
    stranger = SoftwareKey(user_handle=b"h" * 64)
    wrong = told(world, world.give_key(), signature=b"0" * 70)
    assert told(world, stranger, signature=b"0" * 70) == wrong
    assert told(world, world.give_key(BO), user_handle=stranger.user_handle) == wrong
    assert {reason for reason, _ in wrong} == {Rejection.WRONG, Rejection.SLOWED, Rejection.DISABLED}


def test_an_unknown_key_takes_the_statements_and_the_arithmetic_of_a_wrong_signature(world: World) -> None:
    """S-291: the same kinds of statement in the same order, one commit, one signature checked by the library."""
    steps: list[str] = []

    def trace(connection: sqlite3.Connection, *_: object) -> None:
        connection.set_trace_callback(lambda sql: steps.append(sql.split()[0]))

    event.listen(world.database.writing, "checkout", trace)

    def profile(frame: FrameType, what: str, _: object) -> None:
        if what == "call" and frame.f_code.co_name in ("verify_authentication_response", "verify_signature"):
            steps.append(frame.f_code.co_name)

    taken = []
    for key in (world.give_key(), SoftwareKey(user_handle=b"h" * 64)):
        answer = world.touch(key, None, signature=b"0" * 70)
        steps.clear()
        sys.setprofile(profile)
        try:
            rejected = world.rejection(None, answer)
        finally:
            sys.setprofile(None)
        assert rejected.reason is Rejection.WRONG
        taken.append(list(steps))
    assert taken[0] == taken[1]
    assert taken[0].count("COMMIT") == taken[0].count("verify_authentication_response") == 1


def test_failures_at_a_password_do_not_keep_a_passkey_out(world: World) -> None:
    """S-240"""
    from tests.storage.mfa_world import WRONG

    world.give_password()
    key = world.give_key()
    world.fail(ASTRID, WRONG, 90)
    world.verify(None, world.touch(key, None))


def test_a_key_is_suspect_only_after_a_right_signature(world: World) -> None:
    """S-273: who does not hold the key cannot make it suspect."""
    key = world.give_key()
    world.verify(ASTRID, world.touch(key, counter=10))
    assert world.rejection(ASTRID, world.touch(key, counter=1, signature=b"0" * 70)).reason is Rejection.WRONG
    (stored,) = world.credentials.of_citizen(ASTRID)
    assert stored.suspected_at is None


def test_failures_at_a_key_are_counted_and_slow_it(world: World) -> None:
    """S-246"""
    key = world.give_key()
    for _ in range(5):
        assert world.rejection(None, world.touch(key, None, signature=b"0")).reason is Rejection.WRONG
    assert world.rejection(None, world.touch(key, None)).reason is Rejection.SLOWED
    world.clock.forward(seconds=10)
    world.verify(None, world.touch(key, None))


CLIENT_DATA = [
    b'{"type":"webauthn.get","type":"webauthn.get","challenge":"CHALLENGE","origin":"https://adgang.example"}',
    b'{"type":"webauthn.get","challenge":"CHALLENGE","origin":"https://evil.example","origin":"https://adgang.example"}',
    b'\xef\xbb\xbf{"type":"webauthn.get","challenge":"CHALLENGE","origin":"https://adgang.example"}',
    b'{"type":"webauthn.get","challenge":"CHALLENGE=","origin":"https://adgang.example"}',
    b'{"type":"webauthn.get","challenge":"CHALLENGE\\n","origin":"https://adgang.example"}',
    b'{"type":"webauthn.get","challenge":["CHALLENGE"],"origin":"https://adgang.example"}',
    b'{"type":"webauthn.get","challenge":"CHALLENGE","origin":"https://adgang.example","crossOrigin":true}',
    b'{"type":"webauthn.get","challenge":"CHALLENGE","origin":"https://adgang.example","crossOrigin":0}',
    b'{"type":"webauthn.get","challenge":"CHALLENGE","origin":"https://adgang.example","topOrigin":"https://a.example"}',
    b'{"type":"webauthn.get","challenge":"CHALLENGE","origin":"https://adgang.example","tokenBinding":{"status":"x"}}',
    b'{"type":"webauthn.get","challenge":"CHALLENGE","origin":"https://adgang.example","tokenBinding":{"status":"supported"}}',
    b'{"type":"webauthn.get","challenge":"CHALLENGE","origin":"https://adgang.example","x":NaN}',
    b'{"type":"webauthn.get","challenge":"CHALLENGE","origin":"https://adgang.example","x":"'
    + b"x" * 5000
    + b'"}',
    '{"type":"webauthn.get","challenge":"CHALLENGE","origin":"https://adgang.example"}'.encode("utf-16"),
    b"[]",
    b"",
    b"\xff",
]


@pytest.mark.parametrize("client_data", CLIENT_DATA)
def test_client_data_have_one_spelling(world: World, client_data: bytes) -> None:
    """S-289"""
    rejected = world.rejection(ASTRID, world.touch(world.give_key(), client_data=client_data))
    assert rejected.reason in (Rejection.WRONG, Rejection.MALFORMED)
    with pytest.raises(WebauthnRejected):
        register(SoftwareKey().create(creation(), client_data=client_data.replace(b".get", b".create")))


def test_new_members_of_client_data_are_allowed(world: World) -> None:
    """Level 3 §5.8.1: they may come."""
    world.verify(ASTRID, world.touch(world.give_key(), more={"novelty": {"a": [1]}}))


def _rsa_key(bits: int) -> dict[int, Any]:
    numbers = rsa.generate_private_key(65537, bits).public_key().public_numbers()
    return {1: 3, 3: -257, -1: numbers.n.to_bytes((bits + 7) // 8), -2: b"\x01\x00\x01"}


GOOD = SoftwareKey().cose_key()
BAD_KEYS: dict[str, Any] = {
    "off the curve": {**GOOD, -3: bytes(32)},
    "at infinity": {**GOOD, -2: bytes(32), -3: bytes(32)},
    "unknown curve": {**GOOD, -1: 99},
    "another curve": {**GOOD, -1: 2},
    "coordinate an integer": {**GOOD, -2: 7},
    "coordinate too long": {**GOOD, -2: GOOD[-2] + b"\0"},
    "coordinate missing": {key: value for key, value in GOOD.items() if key != -2},
    "no algorithm": {key: value for key, value in GOOD.items() if key != 3},
    "another algorithm": {**GOOD, 3: -35},
    "algorithm true": {**GOOD, 3: True},
    "type and algorithm disagree": {**GOOD, 1: 3},
    "RSA 1024": _rsa_key(1024),
    "RSA exponent 1": {**_rsa_key(2048), -2: b"\x01"},
    "RSA exponent 3": {**_rsa_key(2048), -2: b"\x03"},
    "RSA exponent even": {**_rsa_key(2048), -2: b"\x01\x00\x02"},
    "RSA 512 bits in many bytes": {1: 3, 3: -257, -1: bytes(200) + b"\xff" * 64, -2: b"\x01\x00\x01"},
    "RSA 20 kB": {1: 3, 3: -257, -1: b"\xff" * 20_000, -2: b"\x01\x00\x01"},
    "Ed25519 too short": {1: 1, 3: -8, -1: 6, -2: b"x" * 31},
    "Ed25519 as Ed448": {1: 1, 3: -8, -1: 7, -2: b"x" * 57},
    "an integer": 7,
    "a list": [1, 2],
    "empty": {},
    "null": None,
    "text labels": {"1": 2},
}


@pytest.mark.parametrize("which", sorted(BAD_KEYS))
def test_a_bad_key_is_not_registered(which: str) -> None:
    """S-292, S-293"""
    with pytest.raises(WebauthnRejected):
        register(SoftwareKey().create(creation(), cose_key=BAD_KEYS[which]))


def test_a_stored_key_that_went_bad_is_refused_without_an_error(world: World) -> None:
    """S-292"""
    from sqlalchemy import update
    from webauthn.helpers import encode_cbor

    from mfa import tables

    key = world.give_key()
    for stored in (b"", b"\xff", encode_cbor(BAD_KEYS["off the curve"]), encode_cbor([1]), b"\x04" * 65):
        with world.database.writing.begin() as tx:
            tx.execute(update(tables.webauthn).values(public_key=stored))
        assert world.rejection(ASTRID, world.touch(key), known=True).reason is Rejection.WRONG
        world.clock.forward(seconds=60)


@pytest.mark.parametrize("length", [0, 1024, 5000])
def test_a_credential_id_has_a_length(length: int) -> None:
    """S-276"""
    with pytest.raises(WebauthnRejected):
        register(SoftwareKey().create(creation(), credential_id=b"x" * length))


@pytest.mark.parametrize(
    "changes",
    [
        {"statement": {"x5c": [b"junk"]}},
        {"statement": {"novelty": 1}},
        {"fmt": "packed", "statement": {"alg": -7, "sig": b"s", "x5c": [b"junk"]}},
        {"fmt": "packed", "statement": {"alg": -7, "sig": b"s"}},
        {"fmt": "packed", "statement": {}},
        {"fmt": "packed", "statement": []},
        {"fmt": "android-safetynet", "statement": {"ver": "1", "response": b"!"}},
        {"fmt": "tpm", "statement": {}},
        {"fmt": "fido-u2f", "statement": {}},
        {"fmt": "apple", "statement": {}},
        {"fmt": "unheard-of", "statement": {}},
        {"fmt": 7, "statement": {}},
        {"fmt": ["none"], "statement": {}},
        {"encoded_key": b"\xff\xff"},
        {"encoded_key": b""},
    ],
)  # fmt: skip
def test_a_broken_attestation_is_refused_without_an_error(changes: dict[str, Any]) -> None:
    """S-282, S-292"""
    with pytest.raises(WebauthnRejected):
        register(SoftwareKey().create(creation(), **changes))


NO_CREDENTIALS = [
    "",
    "null",
    "[]",
    "7",
    '"x"',
    "{",
    "{}",
    "[" * 20_000,
    '{"a":' * 6_000,
    '{"id":"AA","rawId":"AA","type":"public-key","response":[]}',
    '{"id":"AA","rawId":"AA","type":"public-key","response":{}}',
    '{"id":"AA","rawId":"AB","type":"public-key","response":{}}',
    '{"id":7,"rawId":7,"type":"public-key","response":{}}',
    "x" * 1_000_000,
    "\ud800",
    "NaN",
]


@pytest.mark.parametrize("text", NO_CREDENTIALS)
def test_what_is_no_credential_is_refused_without_an_error(world: World, text: str) -> None:
    """S-292"""
    with pytest.raises(WebauthnRejected):
        register(text)
    for who in (ASTRID, None):
        _, ceremony = world.ask(who)
        assert world.rejection(who, WebauthnAnswer(text, ceremony)).reason is Rejection.MALFORMED


def test_a_credential_has_a_largest_size(world: World) -> None:
    """S-292"""
    answer = world.touch(world.give_key())
    padded = answer.credential_json[:-1] + ',"padding":"' + "x" * 33_000 + '"}'
    rejected = world.rejection(ASTRID, WebauthnAnswer(padded, answer.ceremony, answer.allowed))
    assert rejected.reason is Rejection.MALFORMED
    world.verify(ASTRID, answer)


@pytest.mark.parametrize("member", ["id", "rawId", "type", "response"])
def test_every_member_is_needed_once_and_canonical(world: World, member: str) -> None:
    """S-289, S-292"""
    answer = world.touch(world.give_key())
    credential = json.loads(answer.credential_json)
    without = {name: value for name, value in credential.items() if name != member}
    doubled = answer.credential_json[:-1] + f',"{member}":{json.dumps(credential[member])}}}'
    padded = json.dumps({**credential, "rawId": credential["rawId"] + "=", "id": credential["id"] + "="})
    for text in (json.dumps(without), doubled, padded, json.dumps({**credential, member: None})):
        rejected = world.rejection(ASTRID, WebauthnAnswer(text, answer.ceremony, answer.allowed), known=True)
        assert rejected.reason is Rejection.MALFORMED


@pytest.mark.parametrize("text", ["AA=", "A", "AB", "A A", "+/", "ＡＡ", None, 7, [], "\n"])
def test_base64url_has_one_spelling(text: object) -> None:
    """S-289"""
    with pytest.raises(MalformedCredential):
        decode(text)


@pytest.mark.parametrize("seed", range(0, 400, 4))
def test_no_flipped_bit_is_an_error_or_a_way_in(world: World, seed: int) -> None:
    """S-292: any bit of the signed parts and of the signature."""
    key = world.give_key()
    answer = world.touch(key)
    credential = json.loads(answer.credential_json)
    for name in ("clientDataJSON", "authenticatorData", "signature"):
        raw = bytearray(unb64(credential["response"][name]))
        raw[seed % len(raw)] ^= 1 << (seed // 4 % 8)
        response = {**credential["response"], name: b64(bytes(raw))}
        text = json.dumps({**credential, "response": response})
        with pytest.raises(FactorRejected):
            world.verify(ASTRID, WebauthnAnswer(text, answer.ceremony, answer.allowed), known=True)


def test_an_origin_outside_the_rp_id_stops_the_start() -> None:
    """S-290"""
    for origin in ("https://other.example", "https://badadgang.example", "nonsense"):
        with pytest.raises(ValueError, match="rpId"):
            RelyingParty("adgang.example", "Adgang", (origin,))
    RelyingParty("adgang.example", "Adgang", ("https://log.adgang.example", "https://adgang.example:8443"))


def test_an_allow_list_needs_roots() -> None:
    """S-282"""
    for arguments in ({"aaguids": frozenset({"a"})}, {"roots_pem": (b"pem",)}):
        with pytest.raises(ValueError, match="trust roots"):
            Attestation(**arguments)
