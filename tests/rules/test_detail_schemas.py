"""Schemas of authorization details: flat, closed, bounded, told whole; and details that fit them or do not."""

import time
from typing import Any

import pytest

from clients_registry.detail_registrations import check_detail_type
from clients_registry.detail_schema import UnfitDetail, check_members
from clients_registry.detail_type import detail_type_from
from clients_registry.errors import InvalidDetailType
from tests.storage.registry_world import detail_type
from tests.support.clock import FrozenClock

SOUND: dict[str, Any] = {"action": "se", "case": "2026-17", "years": [2025, 2026]}


def schema(**members: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": members,
        "required": list(members),
        "additionalProperties": False,
    }


def text(*names: str) -> dict[str, str]:
    return dict.fromkeys(("da", "en", "nb"), "om " + " og ".join(f"{{{name}}}" for name in names))


def declared(**members: Any) -> dict[str, Any]:
    return detail_type(schema=schema(**members), text=text(*members))


WORD, NUMBER = {"type": "string", "maxLength": 5}, {"type": "integer", "minimum": 0, "maximum": 9}
WRONG_MEMBERS: list[Any] = [
    "string",
    {},
    {"type": "object", "properties": {}},
    {"type": "number", "minimum": 0, "maximum": 1},
    {"type": "boolean"},
    {"type": "string"},
    {"type": "string", "maxLength": 201},
    {"type": "string", "maxLength": True},
    {"type": "string", "maxLength": 5, "minLength": 6},
    {"type": "string", "maxLength": 5, "pattern": "(a+)+$"},
    {"type": "string", "maxLength": 5, "format": "uri"},
    {"type": "string", "enum": []},
    {"type": "string", "enum": ["a", "a"]},
    {"type": "string", "enum": ["a", 1]},
    {"type": "string", "enum": ["\u202eevil"]},
    {"type": "string", "enum": [str(n) for n in range(51)]},
    {"type": "integer"},
    {"type": "integer", "minimum": 0, "maximum": 10**15},
    {"type": "integer", "minimum": 2, "maximum": 1},
    {"type": "array", "items": WORD},
    {"type": "array", "items": WORD, "maxItems": 21},
    {"type": "array", "items": {"type": "array", "items": WORD, "maxItems": 2}, "maxItems": 2},
    {"type": "array", "items": [WORD], "maxItems": 2},
    {"$ref": "#"},
    {"anyOf": [WORD, NUMBER]},
    {"type": ["string", "integer"], "maxLength": 4},
]


@pytest.mark.parametrize("member", WRONG_MEMBERS, ids=str)
def test_a_schema_that_could_grow_or_run_is_refused(member: Any) -> None:
    """S-355: whatever is not known is refused, so that nothing of a schema is ignored."""
    with pytest.raises(InvalidDetailType):
        check_detail_type(declared(case=WORD, more=member))


def test_a_schema_is_an_object_whose_members_are_all_required() -> None:
    sound = schema(case=WORD)
    assert check_detail_type(detail_type(schema=sound, text=text("case")))["schema"] == sound
    for change in (
        {"type": "array"},
        {"additionalProperties": True},
        {"required": []},
        {"required": ["case", "other"]},
        {"properties": {}},
        {"properties": {"type": WORD}, "required": ["type"]},
        {"properties": {"Case": WORD}, "required": ["Case"]},
        {"properties": {f"m{n}": WORD for n in range(13)}, "required": [f"m{n}" for n in range(13)]},
        {"$defs": {}},
    ):
        with pytest.raises(InvalidDetailType):
            check_detail_type(detail_type(schema=sound | change, text=text("case")))


@pytest.mark.parametrize("language", ["da", "en", "nb"])
def test_nothing_is_agreed_to_unseen(language: str) -> None:
    """Every member stands in every language, and nothing that is no member."""
    for words in (
        "se {case} fra {years}",
        "{action} {case} {years} {extra}",
        "{action} {case} {years} }{",
        "x",
    ):
        texts = detail_type()["text"] | {language: words}
        with pytest.raises(InvalidDetailType) as refused:
            check_detail_type(detail_type(text=texts))
        assert [fault.field for fault in refused.value.faults] == [f"text.{language}"]


@pytest.mark.parametrize(
    "change",
    [{"type": "payment"}, {"type": "A:b"}, {"type": "https://x.example/y"}, {"text": {"da": "x"}},
     {"schema": []}, {"resource": 1}, {"more": 1}],
)  # fmt: skip
def test_a_declaration_is_whole(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidDetailType):
        check_detail_type(detail_type(**change))


WRONG_DETAILS: list[dict[str, Any]] = [
    {"action": "delete"},
    {"action": "SE"},
    {"action": ["se"]},
    {"case": ""},
    {"case": "x" * 21},
    {"case": 17},
    {"case": None},
    {"case": "a\u202eb"},
    {"case": "a\nb"},
    {"case": " a"},
    {"years": []},
    {"years": [2000] * 4},
    {"years": [1989]},
    {"years": [2000.0]},
    {"years": [True]},
    {"years": "2000"},
    {"years": {"0": 2000}},
    {"extra": 1},
    {"class": 1},
]


@pytest.mark.parametrize("change", WRONG_DETAILS, ids=str)
def test_details_that_do_not_fit_are_refused(change: dict[str, Any]) -> None:
    """RFC 9396 §5: unknown members, wrong types and values beyond their bounds."""
    check_members(detail_type()["schema"], SOUND)
    with pytest.raises(UnfitDetail):
        check_members(detail_type()["schema"], SOUND | change)


@pytest.mark.parametrize("name", sorted(SOUND))
def test_a_member_that_is_missing_is_missed(name: str) -> None:
    with pytest.raises(UnfitDetail):
        check_members(detail_type()["schema"], {key: value for key, value in SOUND.items() if key != name})


def test_names_that_mean_something_in_python_are_names() -> None:
    members = {"class": WORD, "def": NUMBER, "self": WORD}
    document = check_detail_type(declared(**members))
    check_members(document["schema"], {"class": "a", "def": 1, "self": "b"})


def test_the_sentence_tells_values_apart_from_our_words() -> None:
    """S-228: markup in a value is a value; the page escapes it and marks where it begins and ends."""
    made = detail_type_from(check_detail_type(detail_type()), created_at=FrozenClock()())
    pieces = made.in_words(SOUND | {"case": "<b>{years}</b>"}, "da")
    assert pieces == (
        ("se", True), (" sag ", False), ("<b>{years}</b>", True), (" fra ", False), ("2025, 2026", True),
    )  # fmt: skip


def test_the_largest_details_are_checked_quickly() -> None:
    member = {"type": "array", "maxItems": 20, "items": {"type": "string", "maxLength": 200}}
    document = check_detail_type(declared(**{f"m{n}": member for n in range(12)}))
    large = {f"m{n}": ["x" * 200] * 20 for n in range(12)}
    check_members(document["schema"], large)
    begun = time.perf_counter()
    for _ in range(20):
        check_members(document["schema"], large)
    assert time.perf_counter() - begun < 2
