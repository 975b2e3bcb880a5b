"""A small proxy before a store that delays, loses or breaks off what comes back. Loopback only."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class TcpProxy:
    """What it does to replies; each may be changed while it runs."""

    port: int
    delay_seconds: float = 0
    reset_every: int = 0
    """Break the connection off at every n-th reply; 0 never."""
    swallow: int = 0
    """So many of the next replies are lost: the store got the command and carried it out."""
    _replies: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def pass_on(self, reply: bytes, client: socket.socket) -> None:
        """Raises ConnectionError where the connection ends here."""
        with self._lock:
            self._replies += 1
            reset = self.reset_every and self._replies % self.reset_every == 0
            lost, self.swallow = self.swallow > 0, max(0, self.swallow - 1)
        if self.delay_seconds:
            time.sleep(self.delay_seconds)
        if reset:
            raise ConnectionError
        if not lost:
            client.sendall(reply)


@contextmanager
def tcp_proxy(url: str) -> Iterator[TcpProxy]:
    """Before the Redis or Valkey at `url` (a Unix socket or TCP), until the end of the block."""
    with socket.create_server(("127.0.0.1", 0)) as listener, contextlib.ExitStack() as sockets:
        proxy = TcpProxy(listener.getsockname()[1])
        sockets.callback(_close, listener)  # shut down: a thread that waits in accept would keep it open

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    server = _connect(url)
                    for each in (client, server):
                        sockets.callback(_close, each)
                    _pump(client, server, server.sendall)
                    _pump(server, client, lambda reply, client=client: proxy.pass_on(reply, client))  # type: ignore[misc]

        threading.Thread(target=accept, daemon=True).start()
        yield proxy


def _connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        server = socket.socket(socket.AF_UNIX)
        server.connect(parts.path)
        return server
    return socket.create_connection((parts.hostname or "", parts.port or 0))


def _pump(source: socket.socket, target: socket.socket, send: Callable[[bytes], None]) -> None:
    def run() -> None:
        with suppress(OSError):
            while chunk := source.recv(65536):
                send(chunk)
        for each in (source, target):
            _close(each)

    threading.Thread(target=run, daemon=True).start()


def _close(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
