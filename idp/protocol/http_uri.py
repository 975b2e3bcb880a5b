"""When two http addresses are the same (RFC 3986 §6.2.2, §6.2.3): after normalising syntax and scheme, nothing else.

Query and fragment are left out, as RFC 9449 §4.3 (9) wants it. What is not a plain http or https address has no
normal form, and so equals nothing.
"""

import re

_ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{0,5}))?"
    r"(?P<path>/[!\"$->@-~]*)?(?:[?#][!-~]*)?\Z",  # a path of printable ASCII without # and ?
    re.IGNORECASE,
)
_PERCENT = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


def normalised(address: str) -> str | None:
    """The normal form without query and fragment; None where it is no http address."""
    found = _ADDRESS.match(address)
    if found is None:
        return None
    scheme, host, port = found["scheme"].lower(), found["host"].lower(), found["port"]
    authority = host if port in (None, "", _DEFAULT_PORTS[scheme]) else f"{host}:{port}"
    return f"{scheme}://{authority}{_without_dots(_PERCENT.sub(_decoded, found['path'] or '/'))}"


def _decoded(found: re.Match[str]) -> str:
    """RFC 3986 §6.2.2.1, §6.2.2.2: unreserved characters stand for themselves, other escapes are in upper case."""
    character = chr(int(found[1], 16))
    return character if character in _UNRESERVED else found[0].upper()


def _without_dots(path: str) -> str:
    """RFC 3986 §5.2.4."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)
