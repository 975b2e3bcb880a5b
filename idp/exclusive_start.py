"""Only one provider serves from a state directory and on a port.

The kernel would let two share a port (granian listens with SO_REUSEPORT, which its workers need), and nothing would
keep two from sharing a directory whose contents each believes to be its own. So both are asked before anything is
opened or removed. Two starts in the same instant on one port but with two directories are not told apart.
"""

import errno
import fcntl
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from idp.errors import ConfigurationFaults


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where we are about to listen, and the settings that say so."""

    host: str
    """An IP address; settings.py has seen to that."""
    port: int
    host_setting: str
    port_setting: str


@contextmanager
def sole_use(state_directory: Path) -> Iterator[IO[bytes]]:
    """Hold the directory for as long as the block lasts; the kernel lets go of it if we die.

    A forked worker must close what this yields, or it would hold the directory after its parent's death.
    Raises: ConfigurationFaults.
    """
    path = state_directory / "serve.lock"
    try:
        state_directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = path.open("ab")
    except OSError as fault:
        raise ConfigurationFaults(
            [
                f"ADGANG_STATE_DIRECTORY cannot be written to ({fault.strerror}): {state_directory}. "
                "Give this user a directory of its own."
            ]
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigurationFaults(
                [
                    f"Another `adgang serve` uses {state_directory}. End it first, or give this one a directory of its "
                    "own with ADGANG_STATE_DIRECTORY."
                ]
            ) from None
        yield lock


def port_faults(addresses: Sequence[ListenAddress]) -> list[str]:
    """One sentence for each address that we could not listen on."""
    return [fault for address in addresses if (fault := _fault_of(address)) is not None]


def socket_family(host: str) -> socket.AddressFamily:
    """Of an IP address."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _fault_of(address: ListenAddress) -> str | None:
    with socket.socket(socket_family(address.host), socket.SOCK_STREAM) as probe:
        # Connections of an earlier run that linger do not matter; whoever listens does. Without SO_REUSEPORT on our
        # side, one who listens with it is in the way too.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except OSError as fault:
            return _told(address, fault)
    return None


def _told(address: ListenAddress, fault: OSError) -> str:
    if fault.errno == errno.EADDRINUSE:
        return (
            f"Port {address.port} is taken by another program. End that program, or set {address.port_setting} "
            "to a free port."
        )
    if fault.errno in (errno.EACCES, errno.EPERM):
        return f"This user may not listen on port {address.port}. Set {address.port_setting} to a port above 1023."
    if fault.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
        return f"{address.host} is no address of this machine. Set {address.host_setting} to one of its own."
    return f"Nobody can listen on {address.host}, port {address.port}: {fault.strerror}. Set {address.port_setting}."
