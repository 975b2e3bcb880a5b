"""CPR numbers: what they tell about a birthdate, and which cannot be."""

from datetime import date

import pytest

from idp.cpr import ImpossibleCpr, birthdate_of, parse_cpr


@pytest.mark.parametrize(
    ("cpr", "born"),
    [
        ("7002281234", date(1928, 2, 10)),
        ("6101853999", date(1985, 1, 1)),
        ("6101364000", date(2036, 1, 1)),
        ("6101374000", date(1937, 1, 1)),
        ("6101575000", date(2057, 1, 1)),
        ("6101588000", date(1858, 1, 1)),
        ("6101369000", date(2036, 1, 1)),
        ("6101379000", date(1937, 1, 1)),
        ("8902044000", date(2004, 2, 29)),
    ],
)
def test_the_seventh_digit_tells_the_century(cpr: str, born: date) -> None:
    assert birthdate_of(cpr) == born


def test_a_number_may_be_written_with_a_dash_or_a_space() -> None:
    assert parse_cpr(" 610185-3999 ") == parse_cpr("610185 3999") == "6101853999"


@pytest.mark.parametrize(
    "typed", ["", "123", "6101853999x", "6113853999", "9102853999", "６101853999", "6101-853999"]
)
def test_what_cannot_be_a_number_is_refused(typed: str) -> None:
    with pytest.raises(ImpossibleCpr):
        parse_cpr(typed)
