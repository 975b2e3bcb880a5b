"""Form bodies and query strings, read strictly from their bytes (WHATWG URL §5.1; RFC 6749 §3.1, §3.2, Appendix B).

A parameter has one value or the request has none: octets that do not decode, a NUL, a doubled parameter, a wrong
content type or too many fields are an error with a reason, never an empty form. What it is not: multipart, JSON, or any
other charset than UTF-8.
"""

import re
from urllib.parse import unquote_to_bytes

from idp.errors import InvalidRequest, InvalidTarget, OAuthError, TooLarge

MAX_BYTES = 64 * 1024
"""protocol.md, errors."""
MAX_FIELDS = 100
"""Far above what any request of ours has."""

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_MEDIA_TYPE = "application/x-www-form-urlencoded"


def parse_form(body: bytes, content_type: str | None) -> dict[str, str]:
    """The parameters of a body that says it is a form.

    Raises: InvalidRequest, InvalidTarget, TooLarge.
    """
    if len(body) > MAX_BYTES:
        raise TooLarge("The request body is larger than 64 KiB.")
    if content_type != _MEDIA_TYPE:
        _check_content_type(content_type)
    return _parse(body)


def parse_query(query_string: bytes) -> dict[str, str]:
    """The parameters of a query string.

    Raises: InvalidRequest, InvalidTarget, TooLarge.
    """
    if len(query_string) > MAX_BYTES:
        raise TooLarge("The query string is larger than 64 KiB.")
    return _parse(query_string)


def _check_content_type(content_type: str | None) -> None:
    media_type, *attributes = [part.strip().lower() for part in (content_type or "").split(";")]
    if media_type != _MEDIA_TYPE:
        raise InvalidRequest("The body must have the content type application/x-www-form-urlencoded.")
    if any(attribute not in ("", "charset=utf-8", 'charset="utf-8"') for attribute in attributes):
        raise InvalidRequest("The body must be encoded in UTF-8.")


def _parse(raw: bytes) -> dict[str, str]:
    if _BAD_ESCAPE.search(raw):
        raise InvalidRequest("The parameters contain a percent sign that is not followed by two hex digits.")
    if raw.count(b"&") >= MAX_FIELDS:
        raise InvalidRequest("The request has too many parameters.")
    if b"\0" in raw or b"%00" in raw:
        raise InvalidRequest("The parameters contain a NUL.")
    try:
        parameters = _decoded(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise InvalidRequest("The parameters are not valid UTF-8.") from None
    # RFC 6749 §3.1: a parameter without a value is treated as if it were not sent; sent twice it was refused above.
    return {name: value for name, value in parameters.items() if value}


def _decoded(text: str) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for field in text.split("&"):
        if not field:
            continue
        name, _, value = field.partition("=")
        if "%" in field or "+" in field:
            name, value = _unescaped(name), _unescaped(value)
        if name in parameters:
            raise _doubled(name)
        parameters[name] = value
    return parameters


def _unescaped(text: str) -> str:
    return unquote_to_bytes(text.replace("+", " ")).decode("utf-8")


def _doubled(name: str) -> OAuthError:
    """RFC 8707 §2 lets a request name several resources; a token of ours is for one (S-148)."""
    if name == "resource":
        return InvalidTarget("Only one resource may be named; ask for a token for each.")
    return InvalidRequest("A parameter occurs more than once.")
