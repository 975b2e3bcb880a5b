"""One strict way from bytes to JSON (RFC 8259, RFC 7493): a text that two parsers could read differently is refused.

Refused: other encodings than UTF-8, a BOM, duplicate members, NaN and Infinity, lone surrogates, depth over
`MAX_DEPTH`, more than `MAX_BYTES`. What the values mean is the caller's matter.
"""

import json
from typing import Any, NoReturn

from clients_registry.errors import MalformedJson

MAX_BYTES = 64 * 1024
"""protocol.md, errors: no body is larger."""

MAX_DEPTH = 16
"""A registration is four deep: purposes, purpose, text, language."""


def parse_object(raw: bytes) -> dict[str, Any]:
    """The JSON object in `raw`.

    Raises:
        MalformedJson: with a sentence that says what to mend; never with content of the text.
    """
    if len(raw) > MAX_BYTES:
        raise MalformedJson(f"the text is larger than {MAX_BYTES // 1024} KiB")
    if raw.startswith(b"\xef\xbb\xbf"):
        raise MalformedJson("the text begins with a byte order mark; save it as UTF-8 without BOM")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedJson("the text is not UTF-8; save it as UTF-8") from None
    _check_depth(text)
    value = _parse(text)
    if not isinstance(value, dict):
        raise MalformedJson("the text must be one JSON object")
    return value


def _parse(text: str) -> Any:
    try:
        value = json.loads(text, object_pairs_hook=_without_doubles, parse_constant=_refuse_constant)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode(
            "utf-8"
        )  # \ud800 is found here, 1e999 too
    except json.JSONDecodeError as fault:
        raise MalformedJson(f"not JSON: line {fault.lineno}, column {fault.colno}") from None
    except ValueError:  # a surrogate, an infinite or a very long number
        raise MalformedJson("a string or number in it cannot be represented") from None
    return value


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedJson("a member stands twice in one object; keep one of them")
    return members


def _refuse_constant(_constant: str) -> NoReturn:
    raise MalformedJson("NaN and Infinity are not JSON")


def _check_depth(text: str) -> None:
    """Counted before the parser recurses."""
    depth, in_string, escaped = 0, False, False
    for character in text:
        if in_string:
            in_string = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise MalformedJson(f"nested deeper than {MAX_DEPTH} levels")
        elif character in "]}":
            depth -= 1
