"""The code in a letter: strong, readable, and forgiving of hands but not of guesses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.letters.codes import _ALPHABET, MalformedCode, new_code, parse_code, print_code

_positions = st.integers(0, 23)


def test_a_code_has_115_random_bits() -> None:
    """S-309: NIST asks for 112 where no identifier goes with the code; 23 signs of 5 bits, and one that checks."""
    codes = {new_code() for _ in range(2000)}
    assert len(codes) == 2000
    assert all(len({code[place] for code in codes}) == 32 for place in range(23))


def test_a_code_is_printed_in_groups_of_four() -> None:
    code = new_code()
    assert [len(group) for group in print_code(code).split("-")] == [4] * 6
    assert parse_code(print_code(code)) == code


def test_small_letters_spaces_and_lookalikes_are_forgiven() -> None:
    code = next(code for code in iter(new_code, "") if {"0", "1"} <= set(code))
    typed = print_code(code).lower().replace("-", "  ").replace("0", "o").replace("1", "l")
    assert parse_code(f"\u00a0{typed}\n") == code


@given(_positions, st.sampled_from(_ALPHABET))
def test_every_single_wrong_sign_is_found(place: int, sign: str) -> None:
    code = new_code()
    if code[place] == sign:
        return
    with pytest.raises(MalformedCode):
        parse_code(code[:place] + sign + code[place + 1 :])


@given(st.integers(0, 22))
def test_two_neighbours_that_changed_places_are_found(place: int) -> None:
    code = new_code()
    if code[place] == code[place + 1]:
        return
    with pytest.raises(MalformedCode):
        parse_code(code[:place] + code[place + 1] + code[place] + code[place + 2 :])


@pytest.mark.parametrize("typed", ["", "7F3K-2QXA", "0" * 25, "０" * 24, "U" * 24, "0" * 24 + "\x00"])
def test_what_is_no_code_is_refused(typed: str) -> None:
    with pytest.raises(MalformedCode):
        parse_code(typed)
