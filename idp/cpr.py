"""Danish CPR numbers: ten digits, whose first six and seventh tell a birthdate.

No check digit is asked for: numbers without one have been given out since 2007. The reserved form for tests adds 60
to the day. Whose number it is, nobody can tell from here.
"""

import re
from datetime import date

_NUMBER = re.compile(r"[0-9]{6}[- ]?[0-9]{4}", re.ASCII)
_TEST_DAYS = 60

_CENTURIES = (
    ("0123", 1900, 1900, 100),
    ("49", 2000, 1900, 37),
    ("5678", 2000, 1800, 58),
)
"""By the seventh digit: the century of years below the limit, and of the others (CPR, personnummerets opbygning)."""


class ImpossibleCpr(ValueError):
    """Not ten digits, or no such day."""


def parse_cpr(typed: str) -> str:
    """Ten digits, from a number that may be written with a dash or a space after the sixth.

    Raises:
        ImpossibleCpr
    """
    if not _NUMBER.fullmatch(typed.strip()):
        raise ImpossibleCpr("A CPR number is ten digits.")
    cpr = typed.strip().replace("-", "").replace(" ", "")
    birthdate_of(cpr)
    return cpr


def birthdate_of(cpr: str) -> date:
    """The day that the number's holder was born.

    Raises:
        ImpossibleCpr
    """
    day, month, year = int(cpr[:2]), int(cpr[2:4]), int(cpr[4:6])
    below, above, limit = next(rest for digits, *rest in _CENTURIES if cpr[6] in digits)
    century = below if year < limit else above
    try:
        return date(century + year, month, day - _TEST_DAYS if day > _TEST_DAYS else day)
    except ValueError:
        raise ImpossibleCpr("The first six digits of the CPR number are no date.") from None
