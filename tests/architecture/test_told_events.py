"""Whether the citizen is told of an event is decided for each, and written down in one table."""

import ast

from idp.messages.message import TOLD as PRODUCT_TOLD
from mfa import events as factor_events
from tests.architecture.repository import named, product_modules
from tests.support.told_events import NOT_ON_PAPER, NOT_TOLD, TOLD, TOLD_WITH_A_SECRET, all_events


def test_every_event_is_told_or_is_not_for_a_reason() -> None:
    """S-260, S-307."""
    placed = [*TOLD, *TOLD_WITH_A_SECRET, *NOT_TOLD]
    assert sorted(placed) == sorted(all_events()), "place it in tests/support/told_events.py, once"
    assert all(NOT_TOLD.values())


def test_what_is_told_is_what_the_table_says() -> None:
    assert dict(PRODUCT_TOLD) == TOLD
    on_paper = {event for event, kind in TOLD.items() if kind.goes_by_letter}
    assert on_paper == set(TOLD) - set(NOT_ON_PAPER)


def test_the_factors_events_are_all_listed() -> None:
    words = {word for name, word in vars(factor_events).items() if name.isupper() and name != "ALL"}
    assert words == set(factor_events.ALL)


def test_no_module_writes_an_event_of_a_citizen_by_a_word_of_its_own() -> None:
    """Else the table would not know it."""
    own_words = {
        f"{named(path)}:{node.lineno}"
        for path in product_modules()
        if path.parts and named(path).startswith(("idp/", "mfa/"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.keyword) and node.arg == "event" and isinstance(node.value, ast.Constant)
    }
    assert own_words == set()
