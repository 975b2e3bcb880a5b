"""JSON from strangers, read strictly (RFC 8259; RFC 7515 §4 on doubled members; RFC 8725 §2.4).

One text has one meaning or is refused: no doubled member, no NaN or Infinity, no byte order mark, no charset but UTF-8,
no lone surrogate, no NUL, no number beyond 15 digits, no depth that could exhaust the stack.
"""

import json
import re
from typing import Any, NoReturn

MAX_DEPTH = 8
_MAX_DIGITS = 15
"""Every integer of this length is exact everywhere (RFC 8259 §6)."""

_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*+"')
_SURROGATES_OR_NUL = re.compile("[\ud800-\udfff\0]")


class InvalidJson(Exception):
    """Not one clean JSON object. The message is constant and holds nothing of the text."""


def parse_object(raw: bytes) -> dict[str, Any]:
    """The members of a JSON object.

    Raises: InvalidJson, and nothing else whatever the bytes are.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidJson("not UTF-8") from None
    if text.startswith("\ufeff"):
        raise InvalidJson("begins with a byte order mark")
    _check_depth(text)
    try:
        value = _DECODER.decode(text)
    except (ValueError, RecursionError):
        raise InvalidJson("not JSON") from None
    if not isinstance(value, dict):
        raise InvalidJson("not an object")
    if "\\u" in text or "\0" in text:
        _check_strings(value)
    return value


def _check_depth(text: str) -> None:
    """Before the parser, which recurses."""
    if text.count("{") + text.count("[") <= MAX_DEPTH:
        return
    depth = 0
    for character in _STRINGS.sub("", text):
        if character in "{[":
            depth += 1
            if depth > MAX_DEPTH:
                raise InvalidJson("nested too deep")
        elif character in "}]":
            depth -= 1


def _check_strings(value: Any) -> None:
    """Escapes can spell what UTF-8 cannot."""
    if isinstance(value, str):
        if _SURROGATES_OR_NUL.search(value):
            raise InvalidJson("a string holds a lone surrogate or a NUL")
    elif isinstance(value, dict):
        for name, member in value.items():
            _check_strings(name)
            _check_strings(member)
    elif isinstance(value, list):
        for element in value:
            _check_strings(element)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InvalidJson("a member occurs more than once")
    return members


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > _MAX_DIGITS:
        raise InvalidJson("a number is too long")
    return int(digits)


def _number(digits: str) -> float:
    if len(digits) > 2 * _MAX_DIGITS or (value := float(digits)) in (float("inf"), float("-inf")):
        raise InvalidJson("a number is too long")
    return value


def _constant(_name: str) -> NoReturn:
    raise InvalidJson("not a number of JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_members, parse_int=_integer, parse_float=_number, parse_constant=_constant
)
