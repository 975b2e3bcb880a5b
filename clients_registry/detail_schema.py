"""What one kind of authorization details may hold (RFC 9396 §2): a small part of JSON Schema 2020-12, checked by msgspec.

Flat, closed and bounded, on purpose. Every member is required and is told to the citizen, so nothing is agreed to unseen;
texts, numbers and lists have their ends, so no request is large; there is no `pattern`, no `$ref` and no combination of
schemas, so none is slow. Whatever else stands in a schema is refused, not ignored.

    {"type": "object", "required": […all…], "additionalProperties": false, "properties": {
        "case": {"type": "string", "maxLength": 40},                  a text, as its service wrote it
        "action": {"type": "string", "enum": ["read", "change"]},     a word of yours
        "year": {"type": "integer", "minimum": 1990, "maximum": 2100},
        "parts": {"type": "array", "maxItems": 10, "items": …one of the above… }}}
"""

import json
import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal

import msgspec

from clients_registry.field_readers import INVISIBLE, Unfit

MAX_MEMBERS = 12
MAX_TEXT_LETTERS = 200
MAX_ITEMS = 20
MAX_WORDS = 50
_MAX_WORD_LETTERS = 60
_LARGEST = 10**15 - 1
"""As strict_json reads: exact everywhere."""

_MEMBER = re.compile(r"[a-z][a-zA-Z0-9_]{0,39}\Z")
_KNOWN_KINDS = ("string", "integer", "array")

Schema = Mapping[str, Any]


class UnfitDetail(Exception):
    """The details do not fit the schema; the sentence names the member as the schema spells it, and nothing else."""


def check_schema(value: Any) -> Schema:
    """The schema as it is kept.

    Raises:
        Unfit: with every fault.
    """
    if not isinstance(value, Mapping) or value.keys() != _OBJECT or value["type"] != "object":
        raise Unfit(
            "must be an object with type, properties, required and additionalProperties, nothing else"
        )
    members = value["properties"]
    if not isinstance(members, Mapping) or not 1 <= len(members) <= MAX_MEMBERS:
        raise Unfit(f"must have 1 to {MAX_MEMBERS} properties")
    faults = list(_outer_faults(value, members))
    for name, member in members.items():
        if not isinstance(name, str) or not _MEMBER.match(name) or name == "type":
            faults.append(("", "a property must be 1 to 40 of letters, digits and _, and not type"))
        elif told := _member_fault(member, inside_list=False):
            faults.append((f".properties.{name}", told))
    if faults:
        raise Unfit.in_parts(faults)
    return value


_OBJECT = {"type", "properties", "required", "additionalProperties"}


def _outer_faults(value: Schema, members: Mapping[str, Any]) -> list[tuple[str, str]]:
    faults = []
    if value["additionalProperties"] is not False:
        faults.append((".additionalProperties", "must be false"))
    required = value["required"]
    if not isinstance(required, list) or sorted(map(str, required)) != sorted(members):
        faults.append((".required", "must name every property: nothing is agreed to unseen"))
    return faults


def _member_fault(member: Any, *, inside_list: bool) -> str | None:
    """What is wrong with the schema of one member; None where nothing is."""
    if not isinstance(member, Mapping) or member.get("type") not in _KNOWN_KINDS:
        return "must be an object with type string, integer or array"
    if member["type"] == "string":
        return _string_fault(member)
    if member["type"] == "integer":
        return _integer_fault(member)
    if inside_list:
        return "may not be a list of lists"
    return _array_fault(member)


def _string_fault(member: Schema) -> str | None:
    if member.keys() == {"type", "enum"}:
        words = member["enum"]
        if (
            not isinstance(words, list)
            or not 1 <= len(words) <= MAX_WORDS
            or len(set(map(str, words))) < len(words)
        ):
            return f"must have an enum of 1 to {MAX_WORDS} different words"
        fit = all(
            isinstance(word, str) and 0 < len(word) <= _MAX_WORD_LETTERS and readable(word) for word in words
        )
        return None if fit else f"must have an enum of texts of 1 to {_MAX_WORD_LETTERS} readable characters"
    if not {"type", "maxLength"} <= member.keys() <= {"type", "minLength", "maxLength"}:
        return "a string must have enum, or maxLength and perhaps minLength, and nothing else"
    return _bounds_fault(member.get("minLength", 1), member["maxLength"], 1, MAX_TEXT_LETTERS, "Length")


def _integer_fault(member: Schema) -> str | None:
    if member.keys() != {"type", "minimum", "maximum"}:
        return "an integer must have minimum and maximum, and nothing else"
    return _bounds_fault(member["minimum"], member["maximum"], -_LARGEST, _LARGEST, "imum")


def _array_fault(member: Schema) -> str | None:
    if not {"type", "items", "maxItems"} <= member.keys() <= {"type", "items", "minItems", "maxItems"}:
        return "an array must have items and maxItems, perhaps minItems, and nothing else"
    told = _bounds_fault(member.get("minItems", 1), member["maxItems"], 1, MAX_ITEMS, "Items")
    return told or _member_fault(member["items"], inside_list=True)


def _bounds_fault(low: Any, high: Any, least: int, most: int, what: str) -> str | None:
    whole = all(isinstance(bound, int) and not isinstance(bound, bool) for bound in (low, high))
    if whole and least <= low <= high <= most:
        return None
    return f"must have min{what} and max{what} as whole numbers from {least} to {most}, the smaller first"


def readable(text: str) -> bool:
    """Whether a person sees all of it: no control, no mark that changes the writing direction (S-183)."""
    return text == text.strip() and not any(unicodedata.category(letter) in INVISIBLE for letter in text)


# --- details against a schema ------------------------------------------------------------------------------------


def check_members(schema: Schema, members: Mapping[str, Any]) -> None:
    """Raises: UnfitDetail."""
    try:
        msgspec.convert(dict(members), _reader(json.dumps(dict(schema), sort_keys=True)), strict=True)
    except msgspec.ValidationError:
        raise UnfitDetail from None
    texts = (text for value in members.values() for text in (value if isinstance(value, list) else [value]))
    if not all(readable(text) for text in texts if isinstance(text, str)):
        raise UnfitDetail


@lru_cache(maxsize=512)
def _reader(document: str) -> type:
    """The schema as a type of msgspec; by its text, since a changed schema is another one."""
    properties = json.loads(document)["properties"]
    names = {
        f"member{number}": name for number, name in enumerate(sorted(properties))
    }  # `class` is no name in Python
    fields = [(ours, _kind(properties[name])) for ours, name in names.items()]
    return msgspec.defstruct("Details", fields, rename=names, forbid_unknown_fields=True)


def _kind(member: Schema) -> Any:
    if "enum" in member:
        return Literal[tuple(member["enum"])]
    if member["type"] == "string":
        bounds = msgspec.Meta(min_length=member.get("minLength", 1), max_length=member["maxLength"])
        return Annotated[str, bounds]
    if member["type"] == "integer":
        return Annotated[int, msgspec.Meta(ge=member["minimum"], le=member["maximum"])]
    bounds = msgspec.Meta(min_length=member.get("minItems", 1), max_length=member["maxItems"])
    return Annotated[list[_kind(member["items"])], bounds]  # type: ignore[misc]
