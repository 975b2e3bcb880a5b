"""What a machine endpoint takes and gives: a `MachineRequest` in, a `MachineResponse` out.

An endpoint is a plain function between the two. It knows no framework, no cookie and no session. How a request comes
off the wire, and how an error becomes an answer, is `entry.py`'s.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from idp.errors import InvalidRequest
from idp.protocol.strict_form import parse_form


@dataclass(frozen=True, slots=True)
class MachineRequest:
    """One request as it came, before anything was understood."""

    method: str
    path: str
    query_string: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Names in lower case. A server joins a repeated header with a comma, which none of ours may hold."""
    body: bytes = field(default=b"", repr=False)
    peer_address: str = ""
    """The address of the client, after trusted proxies."""
    client_certificate: str | None = field(default=None, repr=False)
    """The value of `Client-Cert` (RFC 9440), where a trusted proxy set it; from anybody else it never comes this far."""
    reference: str = ""
    """Told to the client when something fails, and found in the log."""

    def header(self, name: str) -> str | None:
        """The value of a header, or None."""
        return self.headers.get(name)

    def form(self) -> dict[str, str]:
        """The parameters of a body that is a form, where the query string must be empty.

        RFC 6749 §3.2: parameters of these endpoints come in the body; a query string ends up in logs (S-090).

        Raises: InvalidRequest for anything that is not one clean form.
        """
        if self.query_string:
            raise InvalidRequest("The parameters must be sent in the body, and none in the query string.")
        return parse_form(self.body, self.headers.get("content-type"))


Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class MachineResponse:
    """An answer, complete but for the headers that every answer carries."""

    status: int
    headers: Headers
    body: bytes = field(repr=False)


MachineFunction = Callable[[MachineRequest], MachineResponse]


@dataclass(frozen=True, slots=True)
class Route:
    """What answers at one path."""

    methods: Mapping[str, MachineFunction]
    cross_origin: bool = False
    """Whether single-page applications of registered origins may call it (protocol.md, CORS)."""

    @property
    def allow(self) -> str:
        """The value of `Allow` (RFC 9110 §10.2.1)."""
        names = set(self.methods)
        if "GET" in names:
            names.add("HEAD")
        if self.cross_origin:
            names.add("OPTIONS")
        return ", ".join(sorted(names))


RouteTable = Mapping[str, Route]
"""By exact path: there are no patterns, so nothing but the path itself leads to an endpoint (S-346). A path that ends
in a slash stands for what is one segment below it."""

NO_STORE: Headers = (("Cache-Control", "no-store"),)
JSON_HEADERS: Headers = (("Content-Type", "application/json"), *NO_STORE)

_encode = msgspec.json.Encoder().encode


def json_response(
    members: Mapping[str, object], *, status: int = 200, headers: Headers = ()
) -> MachineResponse:
    """A JSON answer that nobody may keep (RFC 6749 §5.1)."""
    return MachineResponse(status, JSON_HEADERS + headers, _encode(members))


def text_response(text: str, *, content_type: str, headers: Headers = ()) -> MachineResponse:
    """An answer that is one string, such as a signed JWT; nobody may keep it."""
    return MachineResponse(200, (("Content-Type", content_type), *NO_STORE, *headers), text.encode("ascii"))


def published_response(
    request: MachineRequest, body: bytes, *, content_type: str, etag: str, max_age_seconds: int
) -> MachineResponse:
    """A document for everybody, with its entity tag; 304 where the client has it (RFC 9110 §13.1.2)."""
    headers: Headers = (("Cache-Control", f"public, max-age={max_age_seconds}"), ("ETag", etag))
    asked = request.header("if-none-match")
    if asked is not None and _names(asked, etag):
        return MachineResponse(304, headers, b"")
    return MachineResponse(200, (("Content-Type", content_type), *headers), body)


def _names(asked: str, etag: str) -> bool:
    """Whether `If-None-Match` names this tag; weak comparison, since a proxy may have made it weak."""
    tags = (tag.strip().removeprefix("W/") for tag in asked.split(","))
    return any(tag in (etag, "*") for tag in tags)
