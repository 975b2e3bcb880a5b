"""What a machine endpoint takes and gives: a `MachineRequest` in, a `MachineResponse` out.

An endpoint is a plain function between the two. It knows no framework, no cookie and no session. How a request comes
off the wire, and how an error becomes an answer, is `entry.py`'s.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from idp.protocol.strict_form import parse_form, parse_query


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
    reference: str = ""
    """Told to the client when something fails, and found in the log."""

    def header(self, name: str) -> str | None:
        """The value of a header, or None."""
        return self.headers.get(name)

    def form(self) -> dict[str, str]:
        """The parameters of the body.

        Raises: InvalidRequest for anything that is not one clean form.
        """
        return parse_form(self.body, self.headers.get("content-type"))

    def query(self) -> dict[str, str]:
        """The parameters of the query string.

        Raises: InvalidRequest for anything that is not clean.
        """
        return parse_query(self.query_string)


Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class MachineResponse:
    """An answer, complete but for the headers that every answer carries."""

    status: int
    headers: Headers
    body: bytes = field(repr=False)


MachineFunction = Callable[[MachineRequest], MachineResponse]

NO_STORE: Headers = (("Cache-Control", "no-store"),)
JSON_HEADERS: Headers = (("Content-Type", "application/json"), *NO_STORE)

_encode = msgspec.json.Encoder().encode


def json_response(
    members: Mapping[str, object], *, status: int = 200, headers: Headers = ()
) -> MachineResponse:
    """A JSON answer that nobody may keep (RFC 6749 §5.1)."""
    return MachineResponse(status, JSON_HEADERS + headers, _encode(members))


def text_response(
    text: str, *, content_type: str, status: int = 200, headers: Headers = ()
) -> MachineResponse:
    """An answer that is one string, such as a signed JWT; nobody may keep it."""
    return MachineResponse(
        status, (("Content-Type", content_type), *NO_STORE, *headers), text.encode("ascii")
    )
