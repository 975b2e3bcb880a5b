"""Which language a page speaks."""

import pytest

from idp.web.language import choose_language


def test_danish_is_the_default() -> None:
    assert choose_language(None, None, (), ()) == "da"
    assert choose_language(None, None, ("fr-CH",), ("kl", "sv")) == "da"


def test_the_link_in_the_bar_beats_everything() -> None:
    assert choose_language("nb", "en", ("da",), ("da",)) == "nb"


def test_an_earlier_choice_beats_what_the_service_asks_for() -> None:
    assert choose_language(None, "en", ("nb",), ("da",)) == "en"


def test_the_service_is_heard_before_the_browser() -> None:
    assert choose_language(None, None, ("fr", "en"), ("nb",)) == "en"


@pytest.mark.parametrize(
    ("tag", "language"),
    [("en-GB", "en"), ("EN", "en"), ("nb-NO", "nb"), ("no", "nb"), ("nn-NO", "nb"), ("da_DK", "da")],
)
def test_a_regional_tag_finds_its_language(tag: str, language: str) -> None:
    assert choose_language(None, None, (), (tag,)) == language


@pytest.mark.parametrize("wish", ["", "xx", "../en", "DA", "english"])
def test_a_choice_that_is_not_offered_is_no_choice(wish: str) -> None:
    assert choose_language(wish, wish, (), ("en",)) == "en"
