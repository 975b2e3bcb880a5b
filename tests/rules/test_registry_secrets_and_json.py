"""Client secrets, the claims table, and the one strict way from bytes to JSON."""

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients_registry.claims import CLAIMS, SCOPE_CLAIMS, claims_of
from clients_registry.client_secrets import new_secret, secret_digest, verify_secret
from clients_registry.errors import MalformedJson, WrongSecret
from clients_registry.strict_json import MAX_BYTES, MAX_DEPTH, parse_object
from tests.rules.registry_clients import client


def test_a_secret_has_256_bits_and_needs_no_escaping() -> None:
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert all(len(secret) == 43 and secret.replace("-", "").replace("_", "").isalnum() for secret in secrets)


def test_the_right_secret_proves_the_client() -> None:
    secret = new_secret()
    holder = client(secret_digest=secret_digest(secret))
    assert verify_secret(holder, secret) is holder


def test_a_secret_stands_in_no_repr() -> None:
    """S-104."""
    digest = secret_digest("s")
    assert digest not in repr(client(secret_digest=digest))


def test_claims_follow_the_table_and_leave_sub_out() -> None:
    assert claims_of(["openid"]) == ()
    assert claims_of(["email", "openid", "unheard-of", "cpr"]) == ("email", "email_verified", "cpr")
    assert set(claims_of(SCOPE_CLAIMS)) == set(CLAIMS)


@pytest.mark.parametrize("near", ["", "x", "secret\x00", "\ud800", "s" * 100_000])
def test_a_wrong_secret_is_refused_whatever_it_is(near: str) -> None:
    """S-103, S-104."""
    for holder in (client(secret_digest=secret_digest("secret")), client(secret_digest=None)):
        with pytest.raises(WrongSecret):
            verify_secret(holder, near)


def test_a_client_without_a_secret_is_not_proven_by_the_place_holder() -> None:
    """S-104: no text has the digest that stands in for a missing one, and it would not count."""
    holder = replace(client(), secret_digest=None)
    for presented in ("", "0" * 64):
        with pytest.raises(WrongSecret):
            verify_secret(holder, presented)


# --- strict JSON -----------------------------------------------------------------------------------------------


def test_sound_json_is_read() -> None:
    assert parse_object('{"a": ["æ", 1, 1.5, null, {"b": "]}\\"[{"}]}'.encode()) == {
        "a": ["æ", 1, 1.5, None, {"b": ']}"[{'}]
    }
    assert parse_object(b"[" * 0 + b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"profile": "fapi2", "profile": "oidc"}',
        b'{"a": {"b": 1, "b": 2}}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": ' + b"9" * 5_000 + b"}",
        b'{"a": "\\ud800"}',
        b'\xef\xbb\xbf{"a": 1}',
        '{"a": 1}'.encode("utf-16"),
        '{"a": 1}'.encode("utf-32-le"),
        b'{"a": "\xff"}',
        b'{"a": "\xed\xa0\x80"}',
        b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1),
        b"[" * 60_000,
        b'{"a": "' + b"x" * MAX_BYTES + b'"}',
        b"[]",
        b"1",
        b"null",
        b"",
        b'{"a": 1} {"b": 2}',
        b'{"a": 1,}',
        b"{'a': 1}",
        b'{"a": "\x00"}',
    ],
    ids=lambda raw: repr(raw[:24]),
)
def test_json_that_is_not_strict_is_refused(raw: bytes) -> None:
    """S-160, S-162, S-177: duplicate members, NaN, BOM, other encodings, surrogates, depth, size."""
    with pytest.raises(MalformedJson) as refused:
        parse_object(raw)
    assert len(str(refused.value)) < 80


@given(raw=st.binary(max_size=200) | st.text(alphabet='{}[]",:\\ud0e1', max_size=60).map(str.encode))
def test_no_bytes_break_the_parser(raw: bytes) -> None:
    """S-177: a dict, or our own error."""
    with suppress(MalformedJson):
        assert isinstance(parse_object(raw), dict)
