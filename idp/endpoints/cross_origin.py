"""CORS (Fetch standard §3.2): which single-page applications may read the answers of machine endpoints.

Only registered origins of public clients, and never credentials: these endpoints know no cookie. The authorization
endpoint is a page and sends none of this (S-030).
"""

from clients_registry.registry import Registry
from idp.endpoints.machine import Headers

_PREFLIGHT: Headers = (
    ("Access-Control-Allow-Methods", "GET, POST"),
    ("Access-Control-Allow-Headers", "Authorization, Content-Type, DPoP"),
    ("Access-Control-Max-Age", "300"),
)
_VARY: Headers = (("Vary", "Origin"),)


def cross_origin_headers(origin: str | None, registry: Registry) -> Headers:
    """What lets this origin read the answer, if it may; a cache keeps the answers for different origins apart."""
    if origin is None or origin not in registry.public_origins():
        return _VARY
    return (
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Expose-Headers", "WWW-Authenticate, Retry-After, DPoP-Nonce"),
        *_VARY,
    )


def preflight_headers(granted: Headers, allow: str) -> Headers:
    """The answer to a preflight: nothing but `Allow` for an origin that is not registered."""
    may_read = any(name == "Access-Control-Allow-Origin" for name, _ in granted)
    return (("Allow", allow), ("Cache-Control", "no-store"), *granted, *(_PREFLIGHT if may_read else ()))
