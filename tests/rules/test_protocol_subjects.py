"""Pairwise subjects and sids: stable, apart, and telling nothing."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.tokens.id_token import half_hash
from idp.tokens.subject import Subjects

SUBJECTS = Subjects(b"s" * 32)
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)


@dataclass(frozen=True)
class _Sector:
    sector: str


@given(TEXT, TEXT, TEXT, TEXT)
def test_different_pairs_never_share_a_name(sector: str, citizen: str, sector_2: str, citizen_2: str) -> None:
    """S-138: also where the parts, put together, read the same."""
    first, second = (
        SUBJECTS.for_client(_Sector(sector), citizen),
        SUBJECTS.for_client(_Sector(sector_2), citizen_2),
    )
    assert (first == second) == ((sector, citizen) == (sector_2, citizen_2))
    assert SUBJECTS.sid_for(sector, citizen) != first.removeprefix("c.")


def test_a_subject_stays_the_same_for_ever() -> None:
    """A change of this value would make every citizen a stranger to every service."""
    subject = SUBJECTS.for_client(_Sector("nordhavn"), "citizen-1")
    assert subject == "c.5uI3q8J78OW92o5EnHovYSR3tsFd1w1ngtr1fvS9gYA"


def test_another_secret_gives_other_subjects() -> None:
    assert Subjects(b"t" * 32).for_client(_Sector("a"), "b") != SUBJECTS.for_client(_Sector("a"), "b")


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Subjects(b"short")


def test_a_hash_by_an_unknown_algorithm_is_never_guessed() -> None:
    """S-174."""
    for algorithm in ("none", "HS256", "ES384", ""):
        with pytest.raises(KeyError):
            half_hash("x", algorithm)
    assert len(half_hash("x", "ES256")) == 22
    assert len(half_hash("x", "EdDSA")) == 43
