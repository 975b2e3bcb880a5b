"""Servers of others on loopback, as they are or as an attacker would have them: real sockets, real TLS."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Behaviour = Callable[["Conversation"], None]


@dataclass
class Conversation:
    """One connection: what was asked, and the socket to answer on. It is closed when the behaviour returns."""

    connection: socket.socket
    request: bytes
    over: threading.Event
    """Set when the test ends: what a server that hangs waits for."""

    def send(self, raw: bytes) -> None:
        with suppress(OSError):
            self.connection.sendall(raw)

    def answer(
        self, body: bytes = b"", *, status: str = "200 OK", content_type: str = "application/json"
    ) -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        self.send(head.encode() + body)


@dataclass
class ForeignServer:
    """What it got. `behave` may be changed while it runs."""

    behave: Behaviour
    port: int
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    """One may wait in it for the end, and nobody else must."""


@contextmanager
def running_server(behave: Behaviour, tls: ssl.SSLContext | None = None) -> Iterator[ForeignServer]:
    """Listens on 127.0.0.1; each connection in a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = ForeignServer(behave, listener.getsockname()[1])
    threads: list[threading.Thread] = []

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            server.connections += 1
            thread = threading.Thread(target=_converse, args=(server, connection, tls), daemon=True)
            thread.start()
            threads.append(thread)

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield server
    finally:
        server.over.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()
        for thread in threads:
            thread.join(timeout=10)


def _converse(server: ForeignServer, plain: socket.socket, tls: ssl.SSLContext | None) -> None:
    plain.settimeout(10)
    try:
        connection = tls.wrap_socket(plain, server_side=True) if tls is not None else plain
    except OSError:
        plain.close()
        return
    with connection, suppress(OSError):
        request = _read_request(connection)
        if request:
            server.requests.append(request)
            server.behave(Conversation(connection, request, server.over))


def _read_request(connection: socket.socket) -> bytes:
    raw = b""
    while b"\r\n\r\n" not in raw:
        more = connection.recv(65536)
        if not more:
            return raw
        raw += more
    head, _, body = raw.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            while len(body) < int(value):
                body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def certificate_for(folder: Path, *names: str) -> tuple[Path, ssl.SSLContext]:
    """A certificate that signs itself, for these names: the file by which it is believed, and the server's context."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / f"{names[0]}.pem", folder / f"{names[0]}-key.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return public, context
