"""The generator: a few keep-alive connections, each sending its next request when its answer is whole."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

CONNECTIONS = 8
"""As many as a worker has threads: more only wait in a queue, fewer leave the worker idle."""


@dataclass(frozen=True, slots=True)
class Outcome:
    requests: int
    seconds: float
    latencies: tuple[float, ...]
    failed: int
    """Answers with another status than the one that was wanted, and requests without an answer."""

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    def percentile(self, share: float) -> float:
        """In milliseconds."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class _Connection(asyncio.Protocol):
    def __init__(self, requests: Iterator[bytes], done: asyncio.Future[None], wanted: bytes) -> None:
        self._requests, self._done, self._wanted = requests, done, wanted
        self._received = b""
        self._missing = -1
        self.latencies: list[float] = []
        self.failed = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._transport.close()
            return
        self._received, self._missing = b"", -1
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._missing < 0:
            head, separator, body = self._received.partition(b"\r\n\r\n")
            if not separator:
                return
            length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
            self._missing = int(length) - len(body)
        else:
            self._missing -= len(data)
        if self._missing == 0:
            self.latencies.append(time.perf_counter() - self._sent_at)
            self.failed += not self._received.startswith(b"HTTP/1.1 " + self._wanted)
            self._next()

    def connection_lost(self, _: Exception | None) -> None:
        if not self._done.done():
            self._done.set_result(None)


def run(
    port: int, requests: Sequence[bytes], *, wanted: str = "200", connections: int = CONNECTIONS
) -> Outcome:
    """Send each request once, over all connections; the answers must have the status `wanted`."""
    return run_at_each([(port, requests)], wanted=wanted, connections=connections)


def run_at_each(
    asked: Sequence[tuple[int, Sequence[bytes]]], *, wanted: str = "200", connections: int = CONNECTIONS
) -> Outcome:
    """The same at several ports at once, each with requests of its own; so many connections to each."""
    return asyncio.run(_run(asked, wanted.encode(), connections))


async def _run(asked: Sequence[tuple[int, Sequence[bytes]]], wanted: bytes, connections: int) -> Outcome:
    loop = asyncio.get_running_loop()
    begun = time.perf_counter()
    made = []
    for port, requests in asked:
        shared = iter(requests)
        for _ in range(connections):
            done = loop.create_future()
            _, protocol = await loop.create_connection(
                partial(_Connection, shared, done, wanted), "127.0.0.1", port
            )
            made.append((done, protocol))
    await asyncio.gather(*(done for done, _ in made))
    seconds = time.perf_counter() - begun
    latencies = tuple(latency for _, protocol in made for latency in protocol.latencies)
    unanswered = sum(len(requests) for _, requests in asked) - len(latencies)
    failed = sum(protocol.failed for _, protocol in made)
    return Outcome(len(latencies), seconds, latencies, failed + unanswered)
