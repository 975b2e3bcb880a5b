"""JSON from strangers has one meaning, or is refused with our own error."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients_registry.errors import MalformedJson
from clients_registry.strict_json import MAX_BYTES, MAX_DEPTH, parse_object

TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20)
SCALARS = st.none() | st.booleans() | st.integers(-(10**14), 10**14) | TEXT
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0


@given(st.dictionaries(TEXT, VALUES, max_size=4), st.booleans())
def test_an_ordinary_object_is_read_as_it_is(value: dict[str, Any], ascii_only: bool) -> None:
    raw = json.dumps(value, ensure_ascii=ascii_only).encode()
    if _depth(value) <= MAX_DEPTH:
        assert parse_object(raw) == value
    else:
        with pytest.raises(MalformedJson):
            parse_object(raw)


@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_refused_and_nothing_else(raw: bytes) -> None:
    with suppress(MalformedJson):
        assert isinstance(parse_object(raw), dict)


@given(st.text('{}[]":,\\u0d8 19eE.+-ntfN', max_size=60))
def test_anything_like_json_is_read_or_refused_and_nothing_else(text: str) -> None:
    with suppress(MalformedJson):
        assert isinstance(parse_object(text.encode()), dict)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"sub":"a","sub":"b"}',
        b'{"a":{"b":1,"b":1}}',
        b'{"a":1,"\\u0061":2}',
        b'{"exp":NaN}',
        b'{"exp":Infinity}',
        b'{"exp":-Infinity}',
        b'{"exp":1e999}',
        b'{"exp":' + b"9" * 5000 + b"}",
        b'{"exp":1000000000000000000000000000000}',
        b"\xef\xbb\xbf{}",
        '{"sub":"a"}'.encode("utf-16"),
        '{"sub":"a"}'.encode("utf-16-le"),
        b'{"sub":"\\ud800"}',
        b'{"\\udfff":1}',
        b'{"a":["\\ud800"]}',
        b'{"sub":"a\\u0000b"}',
        b'{"sub":"\xff"}',
        b'{"sub":"\xed\xa0\x80"}',
        b"[]",
        b"1",
        b"null",
        b"",
        b'{"a":1}{}',
        b"{'a':1}",
        b'{"a":1,}',
        b'{"a":"\n"}',
        b'{"a":"\x00"}',
        b'{"a":1} {"b":2}',
        '{"a":1}'.encode("utf-32-le"),
        b'{"a":"' + b"x" * MAX_BYTES + b'"}',
        b"[" * 60_000,
    ],
    ids=lambda raw: repr(raw[:24]),
)
def test_what_has_two_meanings_or_none_is_refused(raw: bytes) -> None:
    """S-160, S-162, S-177: and the sentence is short, since operators read it too."""
    with pytest.raises(MalformedJson) as refused:
        parse_object(raw)
    assert len(str(refused.value)) < 80


@pytest.mark.parametrize("opening", [b'{"a":', b"["])
@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 1_000, 20_000])
def test_depth_is_refused_before_it_can_exhaust_the_stack(opening: bytes, depth: int) -> None:
    """S-114, S-177."""
    closing = b"1}" if opening.startswith(b"{") else b"]"
    with pytest.raises(MalformedJson):
        parse_object(b'{"x":' + opening * depth + closing * depth + b"}")
    with pytest.raises(MalformedJson):
        parse_object(opening * depth)


def test_brackets_in_a_string_are_no_depth() -> None:
    assert parse_object(json.dumps({"a": "[" * 50 + '"' + "{" * 50}).encode()) == {
        "a": "[" * 50 + '"' + "{" * 50
    }


def test_a_refusal_says_nothing_of_the_text() -> None:
    """S-164, S-366."""
    with pytest.raises(MalformedJson) as refused:
        parse_object(b'{"sub":"canary" canary}')
    assert "canary" not in str(refused.value)
    assert refused.value.__cause__ is None
