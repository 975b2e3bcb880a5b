"""What an operator may add to a citizen of the scope `profile`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.citizens import CitizenRefused
from idp.profile_claims import parse_profile
from idp.records import ProfileClaims


def test_what_is_given_is_kept_and_the_rest_is_missing() -> None:
    text = '{"middle_name": "Bech", "website": "https://freja.example/", "zoneinfo": "Europe/Copenhagen"}'
    assert parse_profile(text) == ProfileClaims(
        middle_name="Bech", website="https://freja.example/", zoneinfo="Europe/Copenhagen"
    )
    assert parse_profile("{}") == ProfileClaims()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"nickname": ""}',
        '{"nickname": " x"}',
        '{"nickname": "a\\u202eb"}',
        '{"nickname": 7}',
        '{"nickname": null}',
        '{"shoe_size": "44"}',
        '{"website": "javascript:alert(1)"}',
        '{"picture": "http://freja.example/"}',
        '{"profile": "https://freja.example/ x"}',
        '{"zoneinfo": "../../etc/passwd"}',
        '{"nickname": "a", "nickname": "b"}',
    ],
)
def test_anything_else_is_refused_with_what_to_mend(text: str) -> None:
    with pytest.raises(CitizenRefused):
        parse_profile(text)


@given(st.text(max_size=200))
def test_no_text_does_anything_but_be_read_or_refused(text: str) -> None:
    try:
        assert isinstance(parse_profile(text), ProfileClaims)
    except CitizenRefused as refusal:
        assert str(refusal)
