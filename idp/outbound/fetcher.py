"""The one way to call an address that a client registered (RFC 9101 §10.4.1; S-178, S-180, S-181).

https alone; the name is looked up once, each of its addresses is judged, and that address is connected to, so that a
second look-up cannot lead elsewhere. Redirects are not followed, nothing is decompressed, size and time have one end.
It decides nothing about what came, and keeps nothing.
"""

import logging
import ssl
import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from http.client import HTTPException
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode

from clients_registry.policy import RegistrationPolicy
from clients_registry.uris import UnfitUri, Uri, check_public_url, parse_uri
from idp.clock import Clock
from idp.outbound.addresses import Network, are_loopback, may_be_called
from idp.outbound.connection import (
    Answer,
    Deadline,
    Request,
    Resolve,
    connect,
    exchange,
    resolve_by_system,
    secure,
)
from idp.outbound.errors import UNREACHED, FetchFailed, FetchRefused, OutboundError
from idp.outbound.hosts import Host, Hosts

MAX_BYTES = 64 * 1024
"""S-181: a JWK Set of twenty RSA keys has 12 KiB."""
_DEADLINE = timedelta(seconds=5)
"""S-181: for all of a call, the wait for a free place included."""

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_Count = Callable[[str, dict[str, str]], None]


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """What a deployment decides about calls; the defaults are safe in production."""

    urls: RegistrationPolicy = field(default_factory=RegistrationPolicy)
    """What a registration may name is what may be called: the same rule, looked at again."""
    internal_networks: tuple[Network, ...] = ()
    authority_file: Path | None = None
    """PEM of authorities that are trusted beside those of the system."""


class Fetcher:
    """Shared by all threads of a process."""

    def __init__(
        self,
        policy: FetchPolicy,
        clock: Clock,
        count: _Count,
        *,
        resolve: Resolve = resolve_by_system,
        deadline: timedelta = _DEADLINE,
    ) -> None:
        self._policy = policy
        self._hosts = Hosts(clock)
        self._count = count
        self._resolve = resolve
        self._deadline = deadline
        if policy.authority_file is not None:
            _ = self._tls  # a fault in the file is told at once

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Made at the first need: the system's authorities take long to load."""
        return _tls_context(self._policy.authority_file)

    def get(self, url: str, *, accept: Collection[str], max_bytes: int = MAX_BYTES) -> bytes:
        """The document at `url`, of one of the media types in `accept`.

        Raises:
            FetchRefused: we do not call there.
            FetchFailed: it did not come, or not as asked for.
        """

        def read(answer: Answer) -> bytes:
            _check_status(answer.status)
            if answer.header("Content-Encoding") not in ("", "identity"):
                raise FetchFailed("encoding")
            if answer.header("Content-Type") not in accept:
                raise FetchFailed("content_type")
            return answer.read(max_bytes)

        return self._call("GET", url, {"Accept": ", ".join(accept)}, b"", read)

    def post_form(self, url: str, fields: Mapping[str, str]) -> int:
        """Send a form to `url`; the status of the answer, a redirect's too. What it says beside that is not read.

        Raises:
            FetchRefused: we do not call there.
            FetchFailed: no answer came.
        """
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "*/*"}
        return self._call("POST", url, headers, urlencode(fields).encode("ascii"), lambda a: a.status)

    def _call(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, read: Callable[[Answer], _T]
    ) -> _T:
        host: Host | None = None
        try:
            uri = self._checked(url)
            host = (str(uri.host), uri.port or (443 if uri.scheme == "https" else 80))
            request = _request(method, uri, headers, body)
            result = self._in_time(uri.scheme, host, request, read)
        except OutboundError as fault:
            self._count("outbound_calls", {"outcome": fault.reason})
            named = f"{host[0]}:{host[1]}" if host is not None else ""
            _log.warning("outbound call failed", extra={"host": named, "reason": fault.reason})
            raise
        self._count("outbound_calls", {"outcome": "answered"})
        return result

    def _checked(self, url: str) -> Uri:
        try:
            return parse_uri(check_public_url(url, self._policy.urls))
        except UnfitUri:
            raise FetchRefused("url") from None

    def _in_time(self, scheme: str, host: Host, request: Request, read: Callable[[Answer], _T]) -> _T:
        """In a thread of its own: a look-up of a name has no end that we could set.

        Its place is given back at the deadline, whatever the thread still waits for: what a system allows a look-up,
        half a minute or so, and the number of places bound how many threads can wait.
        """
        deadline = Deadline(self._deadline)
        self._hosts.enter(host, deadline.ends)
        done: Future[_T] = Future()
        once = threading.Lock()

        def leave(*, reached: bool) -> None:
            if once.acquire(blocking=False):
                self._hosts.leave(host, reached=reached)

        def work() -> None:
            reached = True
            try:
                done.set_result(self._exchanged(scheme, host, request, read, deadline))
            except OutboundError as fault:
                reached = fault.reason not in UNREACHED
                done.set_exception(fault)
            except BaseException as fault:  # noqa: BLE001  raised where it was called
                done.set_exception(fault)
            finally:
                leave(reached=reached)

        _start(work, lambda: leave(reached=True))
        try:
            return done.result(timeout=deadline.left())
        except TimeoutError:
            leave(reached=False)
            raise FetchFailed("timeout") from None

    def _exchanged(
        self, scheme: str, host: Host, request: Request, read: Callable[[Answer], _T], deadline: Deadline
    ) -> _T:
        addresses = self._addresses(scheme, host)
        try:
            with closing(connect(addresses, host[1], deadline)) as plain:
                if scheme == "http":
                    return read(exchange(plain, request, deadline))
                with closing(secure(plain, self._tls, host[0].strip("[]"), deadline)) as connection:
                    return read(exchange(connection, request, deadline))
        except TimeoutError:
            raise FetchFailed("timeout") from None
        except (HTTPException, OSError, ValueError):
            raise FetchFailed("broken") from None

    def _addresses(self, scheme: str, host: Host) -> list[str]:
        try:
            addresses = self._resolve(host[0].strip("[]"), host[1])
        except (OSError, UnicodeError):
            raise FetchFailed("name") from None
        loopback = self._policy.urls.insecure_allow_loopback_http
        if not may_be_called(addresses, self._policy.internal_networks, loopback=loopback):
            raise FetchRefused("address")
        if scheme == "http" and not are_loopback(addresses):
            raise FetchRefused("address")  # `localhost` is a name like others
        return addresses


def _start(work: Callable[[], None], give_back: Callable[[], None]) -> None:
    try:
        threading.Thread(target=work, name="outbound", daemon=True).start()
    except RuntimeError:  # the system has no thread to give
        give_back()
        raise FetchFailed("busy") from None


def _check_status(status: int) -> None:
    if 300 <= status < 400:
        raise FetchFailed("redirect")  # S-180
    if status != 200:
        raise FetchFailed("status")


def _request(method: str, uri: Uri, headers: Mapping[str, str], body: bytes) -> Request:
    """RFC 9112 §3. Every part comes from a URI that was read strictly, or is a constant: no line can be slipped in."""
    lines = {
        "Host": str(uri.host) if uri.port is None else f"{uri.host}:{uri.port}",
        "User-Agent": "Adgang",
        "Accept-Encoding": "identity",
        "Connection": "close",
        **headers,
    }
    if method == "POST":
        lines["Content-Length"] = str(len(body))
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return Request(method, f"{method} {uri.target} HTTP/1.1\r\n{head}\r\n".encode("ascii") + body)


def _tls_context(authority_file: Path | None) -> ssl.SSLContext:
    """Not ssl.create_default_context, which would write session keys where the environment says."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_default_certs()
    if authority_file is not None:
        context.load_verify_locations(cafile=authority_file)
    return context
