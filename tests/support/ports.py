"""Ports of this machine for servers of tests and of the bench, which nobody else here takes between the choice and the start.

A port that the system chooses (port 0) is free again as soon as it is let go, and goes to whoever asks next: another test's
server, which then may even share it (HAProxy and granian set SO_REUSEPORT), or a client's connection. So each process that runs
tests has a block of its own, below those that the system lends to clients, and goes through it in turn. None holds a port
that browsers refuse to visit (the Fetch standard's "bad ports", of which 10080 is the highest).
"""

import socket
from contextlib import ExitStack
from functools import cache

_FIRST, _END, _BLOCK = 11_000, 32_000, 500


def free_port() -> int:
    """One that nobody listens on, and that nobody else is given."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """As many in a row."""
    return _block().next(count)


class _Block:
    """A process's ports: its own for as long as it holds the UDP port of the first number."""

    def __init__(self, held: socket.socket) -> None:
        self._held = held
        self._first = held.getsockname()[1] + 1
        self._used = 0

    def next(self, count: int) -> list[int]:
        for _ in range(_BLOCK):
            if self._used + count > _BLOCK - 1:
                self._used = 0
            ports = [self._first + self._used + place for place in range(count)]
            self._used += count
            if _are_free(ports):
                return ports
        raise RuntimeError(f"no {count} free ports from {self._first} on: see who listens with `ss -ltnp`")


@cache
def _block() -> _Block:
    for first in range(_FIRST, _END, _BLOCK):
        held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            held.bind(("127.0.0.1", first))
        except OSError:
            held.close()
        else:
            return _Block(held)
    raise RuntimeError(
        f"more than {(_END - _FIRST) // _BLOCK} processes run tests here: wait for some to end"
    )


def _are_free(ports: list[int]) -> bool:
    with ExitStack() as held:
        try:
            for port in ports:
                held.enter_context(socket.create_server(("127.0.0.1", port)))
        except OSError:
            return False
    return True
