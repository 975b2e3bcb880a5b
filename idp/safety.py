"""What is kept about a citizen's own safety: a phrase, and when the access was last recovered.

The phrase is one that the citizen chose; our messages carry it, so that a false one is known by its lack.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta

CAP = timedelta(days=7)
"""So long after a recovery the level is capped at what factors give that were bound before it, at least."""

_LONGEST = 60
_ADDRESS = re.compile(r"(?i)://|www\.|@|[^\s.]\.[a-z]{2,}(?:[\s/]|$)")


class PhraseRefused(Exception):
    """Empty, too long, not one line of text, or something that a mail program would make a link of."""


@dataclass(frozen=True, slots=True)
class Safety:
    """One citizen's. A citizen about whom nothing is kept has all of it empty."""

    citizen_id: str
    phrase: str | None = field(default=None, repr=False)
    recovered_at: datetime | None = None
    cap: timedelta = CAP
    """How long this deployment caps the level after a recovery."""

    def caps(self, bound_at: datetime, now: datetime) -> bool:
        """Whether a factor bound at that time raises no level yet: it is of a recovery not long ago."""
        recovered = self.recovered_at
        return recovered is not None and bound_at >= recovered and now < recovered + self.cap


def check_phrase(typed: str) -> str:
    """A phrase as it may be kept, tidied.

    Raises:
        PhraseRefused
    """
    tidy = " ".join(unicodedata.normalize("NFC", typed[: 4 * _LONGEST]).split())
    if not 3 <= len(tidy) <= _LONGEST or any(unicodedata.category(sign)[0] == "C" for sign in tidy):
        raise PhraseRefused
    if _ADDRESS.search(tidy):
        raise PhraseRefused
    return tidy
