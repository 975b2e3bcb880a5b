"""JSON from strangers and from operators, read strictly (RFC 8259; RFC 7493; RFC 7515 §4; RFC 8725 §2.4).

The one reader of the house. One text has one meaning or is refused: no doubled member, no NaN or Infinity, no byte
order mark, no charset but UTF-8, no lone surrogate, no NUL, no number beyond 15 digits, no depth that could exhaust the
stack. What the values mean is the caller's matter.
"""

import json
import re
from typing import Any, NoReturn

from clients_registry.errors import MalformedJson

MAX_BYTES = 64 * 1024
"""protocol.md, errors: no body is larger."""
MAX_DEPTH = 8
"""A registration is four deep: purposes, purpose, text, language; so is a `claims` parameter."""
_MAX_DIGITS = 15
"""Every integer of this length is exact everywhere (RFC 8259 §6)."""

_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*+"')
_SURROGATES_OR_NUL = re.compile("[\ud800-\udfff\0]")


def parse_object(raw: bytes) -> dict[str, Any]:
    """The members of the one JSON object in `raw`.

    Raises:
        MalformedJson: with a sentence that says what to mend, and nothing of the text; nothing else is ever raised.
    """
    if len(raw) > MAX_BYTES:
        raise MalformedJson(f"the text is larger than {MAX_BYTES // 1024} KiB")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedJson("the text is not UTF-8; save it as UTF-8") from None
    if text.startswith("\ufeff"):
        raise MalformedJson("the text begins with a byte order mark; save it as UTF-8 without BOM")
    _check_depth(text)
    value = _decode(text)
    if not isinstance(value, dict):
        raise MalformedJson("the text must be one JSON object")
    if "\\u" in text:
        _check_strings(value)
    return value


def _decode(text: str) -> Any:
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as fault:
        raise MalformedJson(f"not JSON: line {fault.lineno}, column {fault.colno}") from None
    except (ValueError, RecursionError):
        raise MalformedJson("not JSON") from None


def _check_depth(text: str) -> None:
    """Before the parser, which recurses."""
    if text.count("{") + text.count("[") <= MAX_DEPTH:
        return
    depth = 0
    for character in _STRINGS.sub("", text):
        if character in "{[":
            depth += 1
            if depth > MAX_DEPTH:
                raise MalformedJson(f"nested deeper than {MAX_DEPTH} levels")
        elif character in "}]":
            depth -= 1


def _check_strings(value: Any) -> None:
    """Escapes can spell what UTF-8 cannot; control characters as such are refused by the parser."""
    if isinstance(value, str):
        if _SURROGATES_OR_NUL.search(value):
            raise MalformedJson("a string holds a lone surrogate or a NUL")
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
        raise MalformedJson("a member stands twice in one object; keep one of them")
    return members


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > _MAX_DIGITS:
        raise MalformedJson("a number has more digits than can be kept exactly")
    return int(digits)


def _number(digits: str) -> float:
    if len(digits) > 2 * _MAX_DIGITS or (value := float(digits)) in (float("inf"), float("-inf")):
        raise MalformedJson("a number has more digits than can be kept exactly")
    return value


def _constant(_name: str) -> NoReturn:
    raise MalformedJson("NaN and Infinity are not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_members, parse_int=_integer, parse_float=_number, parse_constant=_constant
)
