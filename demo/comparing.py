"""What a resource server compares, each in one form: times, levels, and addresses as their client wrote them."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

_LEVELS = ("urn:adgang:loa:substantial", "phr", "phrh", "urn:adgang:loa:high")
"""The provider's: each has all that those before it have. Another name is met by itself alone."""
_LATEST = 2**40
"""In seconds; no clock of ours gets there."""
_ADDRESS = re.compile(r"[!-~]+\Z")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]\Z")
_IN_A_PATH = "/:@!$&'()*+,;=~"
"""What needs no escape there (RFC 3986 §3.3), beside letters and digits."""
_PORTS = {"http": 80, "https": 443}


def seconds_of(value: Any) -> float:
    """A time as JSON has it (RFC 7519 §2). Raises: ValueError, for what JSON has beside: NaN, infinities, 10^400."""
    if type(value) not in (int, float) or not 0 <= value < _LATEST:
        raise ValueError("not a time")
    return float(value)


def is_enough(acr: Any, wanted: str) -> bool:
    """Whether a level will do where another is wanted."""
    if acr == wanted:
        return True
    return acr in _LEVELS and wanted in _LEVELS and _LEVELS.index(acr) > _LEVELS.index(wanted)


def normal(url: Any) -> tuple[str, str, int | None, str]:
    """RFC 3986 §6.2.2 and §6.2.3, without query and fragment (RFC 9449 §4.3 (9)). Dots stay: no client sends them.

    Raises: ValueError.
    """
    if not isinstance(url, str) or not _ADDRESS.match(url):
        raise ValueError("not an address")
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
        raise ValueError("not an http address")
    port = _PORTS[parts.scheme] if parts.port is None else parts.port
    return parts.scheme, parts.hostname, port, _ESCAPE.sub(_unescaped, parts.path or "/")


def _unescaped(found: re.Match[str]) -> str:
    """What is unreserved stands for itself; all else stays as it is, or `a%2Fb` were `a/b`."""
    character = chr(int(found[1], 16))
    return character if _UNRESERVED.match(character) else found[0].upper()


def address_of(environ: Mapping[str, Any], root: str) -> str:
    """The address of a request as its client wrote it, below `root`.

    PEP 3333 has the path only decoded. Most servers tell what came, too; where one does not, the path is spelt anew, and
    whoever sent a reserved character in an escape is refused.
    """
    sent = str(environ.get("REQUEST_URI") or environ.get("RAW_URI") or "")
    if sent.startswith("/"):
        return root + sent.removeprefix(quote(environ.get("SCRIPT_NAME", ""), _IN_A_PATH, "latin-1"))
    return root + quote(environ.get("PATH_INFO", ""), _IN_A_PATH, "latin-1")
