"""Passwords that are guessed first, and may not be chosen (NIST SP 800-63B-4 §3.1.1.2, ASVS 6.2.4-6.2.12).

A list of our own in three languages, plain rows of characters, and what belongs to this citizen or this service.
No rule about which kinds of character a password holds: such rules make passwords worse.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from importlib.resources import files

from mfa.errors import PasswordFault, PasswordRefused

_ROWS = (
    "abcdefghijklmnopqrstuvwxyzæøåabcdefgh",
    "01234567890123456789",
    "1234567890+",
    "qwertyuiopå¨",
    "asdfghjklæø'",
    "asdfghjkløæ'",
    "zxcvbnm,.-",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0pø-",
    "1q2w3e4r5t6y7u8i9o0på",
    "qazwsxedcrfvtgbyhnujmik,ol.",
)
"""Walks over the alphabet, the digits and a Nordic keyboard; each counts backwards too."""

_ORNAMENT = re.compile(r"[\W\d_]{0,6}", re.UNICODE)
"""What people add to a common word: at most six digits or signs before or behind it."""


class Blocklist:
    """The words that no password may consist of."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words = frozenset(_folded(word) for word in words)

    @classmethod
    def ours(cls) -> "Blocklist":
        """The list that comes with the product."""
        return _ours()

    def check(
        self, password: str, *, personal: Iterable[str] = (), services: frozenset[str] = frozenset()
    ) -> None:
        """`personal` and the names of `services` differ in how often they are the same.

        Raises:
            PasswordRefused: common or personal.
        """
        folded = _folded(password)
        candidates = _spellings(folded)
        if candidates & self._words or _is_row(folded):
            raise PasswordRefused(PasswordFault.COMMON)
        own = set[str]().union(*(_spellings(_folded(word)) for word in personal))
        if candidates & (own | _spellings_of_all(services)):
            raise PasswordRefused(PasswordFault.PERSONAL)


@cache
def _ours() -> Blocklist:
    lines = files("mfa").joinpath("common_passwords.txt").read_text("utf-8").splitlines()
    return Blocklist(line for line in lines if line and not line.startswith("#"))


def _folded(word: str) -> str:
    return unicodedata.normalize("NFKC", word).casefold().strip()


def _spellings(folded: str) -> set[str]:
    """The word itself, without ornament, and each of them written in one: `nordhavnkommune1` holds the name."""
    written = {folded, "".join(folded.split())}
    return (written | {_without_ornament(word) for word in written}) - {""}


@lru_cache(maxsize=2)
def _spellings_of_all(names: frozenset[str]) -> frozenset[str]:
    """Remembered, since a country's services are ten thousand, and the same from one password to the next."""
    return frozenset().union(*(_spellings(_folded(name)) for name in names))


def _without_ornament(folded: str) -> str:
    """The word inside: `password2026!` holds `password`. Empty where nothing but ornament stands there."""
    start = _ORNAMENT.match(folded)
    behind = _ORNAMENT.match(folded[::-1])
    assert start is not None and behind is not None  # the pattern matches nothing at least
    return folded[start.end() : len(folded) - behind.end()]


def _is_row(folded: str) -> bool:
    """One piece of at most four characters over and over (`aaaaaaaa`, `ababab12` is not), or a walk over keys."""
    if any(folded == (folded[:size] * len(folded))[: len(folded)] for size in range(1, 5)):
        return True
    return any(folded in row or folded in row[::-1] for row in _ROWS)
