"""Form bodies and query strings have one meaning, or are refused."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.errors import InvalidRequest, TooLarge
from idp.protocol.strict_form import MAX_BYTES, parse_form, parse_query

FORM = "application/x-www-form-urlencoded"
TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=30)


@given(st.dictionaries(TEXT, TEXT.filter(bool), max_size=20))
def test_what_a_browser_encodes_is_read_back(fields: dict[str, str]) -> None:
    body = urlencode(fields).encode()
    assert parse_form(body, FORM) == fields
    assert parse_query(body) == fields


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_and_nothing_else(raw: bytes) -> None:
    """S-360: never another error, and nothing lossy: what was read encodes to the same parameters again."""
    try:
        fields = parse_query(raw)
    except InvalidRequest:
        return
    assert parse_query(urlencode(fields).encode()) == fields


@pytest.mark.parametrize(
    "body", [b"x=%FF", b"x=%C0%AF", b"x=\xff", b"%FF=x", b"x=%ED%A0%80", b"x=%", b"x=%4", b"x=%zz"]
)
def test_octets_that_do_not_decode_are_refused(body: bytes) -> None:
    """S-360, S-361: two spellings never become one string."""
    with pytest.raises(InvalidRequest):
        parse_form(body, FORM)
    with pytest.raises(InvalidRequest):
        parse_query(body)


def test_a_percent_sign_that_was_escaped_twice_stays_a_percent_sign() -> None:
    assert parse_query(b"x=%25FF") == {"x": "%FF"}


@pytest.mark.parametrize("body", [b"x=%00", b"x=a\0b", b"a%00=b"])
def test_a_nul_is_refused(body: bytes) -> None:
    """S-334."""
    with pytest.raises(InvalidRequest):
        parse_form(body, FORM)


@pytest.mark.parametrize(
    "body", [b"a=1&a=2", b"a=1&a=1", b"a=&a=1", b"a&a", b"a=1&%61=2", b"b=1&a=1&c=2&a=3"]
)
def test_a_doubled_parameter_is_refused_however_it_is_spelt(body: bytes) -> None:
    """S-017."""
    with pytest.raises(InvalidRequest):
        parse_form(body, FORM)


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "application/json",
        "multipart/form-data; boundary=x",
        "text/plain",
        FORM + "; charset=utf-16",
        FORM + "; charset=iso-8859-1",
        FORM + ", " + FORM,
        FORM + "x",
    ],
)
def test_a_body_that_does_not_say_it_is_a_form_is_refused(content_type: str | None) -> None:
    """S-361: never an empty form instead."""
    with pytest.raises(InvalidRequest):
        parse_form(b"a=1", content_type)


@pytest.mark.parametrize(
    "content_type", [FORM, FORM.upper(), FORM + ";charset=UTF-8", FORM + '; charset="utf-8"']
)
def test_a_form_in_utf_8_is_taken(content_type: str) -> None:
    assert parse_form(b"a=%C3%A6+%C3%B8", content_type) == {"a": "æ ø"}


def test_a_body_beyond_64_kib_is_refused() -> None:
    """S-362."""
    with pytest.raises(TooLarge):
        parse_form(b"a=" + b"x" * MAX_BYTES, FORM)
    assert len(parse_form(b"a=" + b"x" * (MAX_BYTES - 2), FORM)["a"]) == MAX_BYTES - 2


def test_too_many_fields_are_refused() -> None:
    """S-362."""
    with pytest.raises(InvalidRequest):
        parse_form(b"&".join(b"f%d=1" % number for number in range(101)), FORM)


def test_a_parameter_without_a_value_counts_as_not_sent() -> None:
    """RFC 6749 §3.1."""
    assert parse_form(b"state=&code=x&nonce", FORM) == {"code": "x"}
