"""HTTP/2 frame by frame (RFC 9113), for requests that no client library would send. Header blocks without compression."""

import socket
import ssl
import struct
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, CONTINUATION = 0, 1, 3, 4, 6, 7, 9
END_STREAM, END_HEADERS, ACK = 0x1, 0x4, 0x1

Fields = Iterable[tuple[bytes, bytes]]


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def header_block(fields: Fields) -> bytes:
    """Literal fields without indexing (RFC 7541 §6.2.2)."""
    return b"".join(b"\x00" + _text(name) + _text(value) for name, value in fields)


def _text(raw: bytes) -> bytes:
    """RFC 7541 §5.1, §5.2: a length in seven bits and more, then the octets."""
    if len(raw) < 127:
        return bytes([len(raw)]) + raw
    rest, size = len(raw) - 127, b""
    while rest >= 128:
        size, rest = size + bytes([rest % 128 + 128]), rest // 128
    return b"\x7f" + size + bytes([rest]) + raw


@dataclass
class Http2:
    """One connection."""

    port: int
    seconds: float = 3
    received: list[tuple[int, int, int, bytes]] = field(default_factory=list)
    """Frames that came: kind, flags, stream, payload."""

    def __enter__(self) -> "Http2":
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=self.seconds)
        self._socket = context.wrap_socket(plain, server_hostname="adgang.localhost")
        assert self._socket.selected_alpn_protocol() == "h2"
        self.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0))
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, *frames: bytes) -> bool:
        """False where the other side has closed."""
        try:
            self._socket.sendall(b"".join(frames))
        except OSError:
            return False
        return True

    def read(self, *, until_stream: int | None = None) -> None:
        """What comes, until the stream has ended, the connection is closed or nothing comes for a while."""
        buffered = b""
        with suppress(OSError):
            while chunk := self._socket.recv(65536):
                buffered += chunk
                while len(buffered) >= 9 and len(buffered) >= 9 + (
                    size := int.from_bytes(buffered[:3], "big")
                ):
                    stream = int.from_bytes(buffered[5:9], "big") & 0x7FFFFFFF
                    self.received.append((buffered[3], buffered[4], stream, buffered[9 : 9 + size]))
                    buffered = buffered[9 + size :]
                if until_stream is not None and self.ended(until_stream):
                    return

    def ended(self, stream: int) -> bool:
        return any(
            (kind == RST_STREAM and of == stream)
            or kind == GOAWAY
            or (kind in (DATA, HEADERS) and of == stream and flags & END_STREAM)
            for kind, flags, of, _ in self.received
        )

    def status(self, stream: int) -> int | None:
        """The status of an answer, as far as it can be told without a decoder: `:status` in the static table."""
        known = {0x88: 200, 0x89: 204, 0x8A: 206, 0x8B: 304, 0x8C: 400, 0x8D: 404, 0x8E: 500}
        for kind, _, of, payload in self.received:
            if kind == HEADERS and of == stream:
                if payload[0] in known:
                    return known[payload[0]]
                digits = payload[2:5] if payload[1] == 3 else b""
                return int(digits) if digits.isdigit() else -1
        return None
