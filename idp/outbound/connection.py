"""One connection to one address that was looked up and judged before, with an end to everything (RFC 9112).

TLS verifies the name, not the address. Nothing is read from the environment: no proxy, no netrc. Every byte in or out is
waited for until the one deadline, so a server that sends a byte a second gains nothing by it (S-181).
"""

import io
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPResponse
from typing import Protocol, cast

from idp.outbound.errors import FetchFailed

HEAD_BYTES = 16 * 1024
"""Status line and headers."""


class Deadline:
    """The end of one call, by the machine's own steady time."""

    def __init__(self, after: timedelta) -> None:
        self.ends = time.monotonic() + after.total_seconds()

    def left(self) -> float:
        """Seconds, more than none.

        Raises:
            FetchFailed: `timeout`.
        """
        left = self.ends - time.monotonic()
        if left <= 0:
            raise FetchFailed("timeout")
        return left


class Resolve(Protocol):
    def __call__(self, host: str, port: int) -> list[str]:
        """The addresses of a name, in the order to try them; OSError where there is none."""


def resolve_by_system(host: str, port: int) -> list[str]:
    """As the machine is set up: hosts file and DNS."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent: `raw` are its bytes."""

    method: str
    raw: bytes


def connect(addresses: list[str], port: int, deadline: Deadline) -> socket.socket:
    """To the first address that answers; each has its share of the time that is left."""
    for index, address in enumerate(addresses):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.settimeout(deadline.left() / (len(addresses) - index))
            connection.connect((address, port))
        except OSError:
            connection.close()
            continue
        except BaseException:
            connection.close()
            raise
        return connection
    deadline.left()
    raise FetchFailed("unreachable")


def secure(
    connection: socket.socket, context: ssl.SSLContext, host: str, deadline: Deadline
) -> socket.socket:
    """The connection in TLS, with the server's certificate verified for `host`."""
    connection.settimeout(deadline.left())
    try:
        return context.wrap_socket(connection, server_hostname=host)
    except TimeoutError:
        raise FetchFailed("timeout") from None
    except (OSError, ValueError):
        raise FetchFailed("tls") from None


def exchange(connection: socket.socket, request: Request, deadline: Deadline) -> "Answer":
    """Send the request and read the head of the answer."""
    connection.settimeout(deadline.left())
    connection.sendall(request.raw)
    wire = _Wire(connection, deadline, HEAD_BYTES)
    response = HTTPResponse(cast(socket.socket, _Readable(wire)), method=request.method)
    response.begin()
    return Answer(response, wire.allow)


class Answer:
    """Status and headers; the body is read when somebody wants it."""

    def __init__(self, response: HTTPResponse, allow: Callable[[int], None]) -> None:
        self._response = response
        self._allow = allow
        self.status = response.status

    def header(self, name: str) -> str:
        """Its value in lower case without what follows a semicolon; empty where it is missing."""
        return (self._response.getheader(name) or "").partition(";")[0].strip().lower()

    def read(self, most: int) -> bytes:
        """The whole body.

        Raises:
            FetchFailed: `too_large`, or `broken` where it ends too early.
        """
        if self._response.length is not None and self._response.length > most:
            raise FetchFailed("too_large")
        self._allow(2 * most + HEAD_BYTES)  # chunks have a frame each
        body = self._response.read(most + 1)
        if len(body) > most:
            raise FetchFailed("too_large")
        if self._response.length:
            raise FetchFailed("broken")
        return body


class _Wire(io.RawIOBase):
    """What comes from the socket, until the deadline and up to a number of bytes."""

    def __init__(self, connection: socket.socket, deadline: Deadline, most: int) -> None:
        self._connection = connection
        self._deadline = deadline
        self._rest = most

    def allow(self, more: int) -> None:
        self._rest += more

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "io.WriteableBuffer", /) -> int:  # type: ignore[name-defined]
        if self._rest <= 0:
            raise FetchFailed("too_large")
        self._connection.settimeout(self._deadline.left())
        count = self._connection.recv_into(memoryview(buffer)[: self._rest])
        self._rest -= count
        return count


class _Readable:
    """The one thing that http.client asks of a socket."""

    def __init__(self, wire: _Wire) -> None:
        self._wire = wire

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self._wire)
