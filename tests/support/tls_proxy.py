"""Debian's HAProxy with the configuration of the compose set-up, before a server of a test; and TLS clients of it."""

import re
import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from demo import compose
from tests.support.needs import find_program, needs
from tests.support.ports import free_port
from tests.support.processes import start_server, stop_server, wait_until

HOST = "adgang.localhost"
CONFIGURATION = Path(__file__).parents[2] / "deploy" / "haproxy.cfg"


@dataclass
class TlsProxy:
    """A proxy that runs."""

    port: int
    """Of browsers."""
    mtls_port: int
    """Where a certificate is asked for."""
    authority: Path
    """Of the proxy's own certificate."""
    log: Path
    pid: int


@contextmanager
def running_proxy(
    folder: Path, behind: int, *, mtls_port: int | None = None, connections: int = 500
) -> Iterator[TlsProxy]:
    """haproxy with the configuration as it is, but for addresses, health checks and how many connections it takes.

    `behind` is the server's port.
    """
    program = needs(find_program("haproxy", also=["/usr/sbin/haproxy"]), "haproxy")
    ports = free_port(), mtls_port or free_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compose, "_TLS", folder)
        compose._make_certificate([HOST])
    text = CONFIGURATION.read_text()
    for old, new in zip(("bind :8443", "bind :8444"), ports, strict=True):
        text = text.replace(old, f"bind 127.0.0.1:{new}")
    text = text.replace("/run/adgang/tls", str(folder)).replace("maxconn 20000", f"maxconn {connections}")
    text = re.sub(r"(?m)^(\s+server \S+) \S+ check.*$", rf"\1 127.0.0.1:{behind}", text)
    (folder / "haproxy.cfg").write_text(text)
    log = folder / "haproxy.log"
    process = start_server([program, "-db", "-f", folder / "haproxy.cfg"], log)
    try:
        wait_until(lambda: _listens(ports[0]), process, log)
        yield TlsProxy(*ports, folder / "authority.pem", log, process.pid)
    finally:
        stop_server(process, signal.SIGINT)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


class _ByName(HTTPAdapter):
    """To 127.0.0.1, as if the name had led there."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options, server_hostname=HOST, assert_hostname=HOST)


def over_tls(proxy: TlsProxy, certificate: tuple[str, str] | None = None) -> requests.Session:
    """A client that knows the proxy's authority, with a certificate of its own (files of it and its key) or without."""
    session = requests.Session()
    arm(session, proxy, certificate)
    return session


def arm(session: requests.Session, proxy: TlsProxy, certificate: tuple[str, str] | None) -> None:
    """What a developer would set, and the way to this machine by the proxy's name."""
    session.mount("https://", _ByName())
    session.trust_env = False
    session.verify, session.cert = str(proxy.authority), certificate
    session.headers["Host"] = HOST


def handshake(proxy: TlsProxy, port: int, version: ssl.TLSVersion) -> str | None:
    """The version that was agreed on where the client knows only this one.

    Raises: ssl.SSLError.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(proxy.authority)
    context.set_ciphers("ALL:@SECLEVEL=0")  # else OpenSSL itself would not offer the old ones
    context.minimum_version = context.maximum_version = version
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as connection,
        context.wrap_socket(connection, server_hostname=HOST) as wrapped,
    ):
        return wrapped.version()
