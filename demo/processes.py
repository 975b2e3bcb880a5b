"""The processes of a demo: each in a group of its own, all of them ended together, in order."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from demo.place import Trouble

_PR_SET_PDEATHSIG = 1
_GRACE_SECONDS = 10.0
_START_SECONDS = 60.0


class Family:
    """Every process that was started here."""

    def __init__(self) -> None:
        self._members: list[tuple[str, subprocess.Popen[bytes], Path]] = []

    def start(self, name: str, words: Sequence[str], *, environment: dict[str, str], log: Path) -> None:
        """Start one; it gets SIGTERM if we die without a word (Linux)."""
        log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with log.open("wb") as output:
            process = subprocess.Popen(
                words,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )
        self._members.append((name, process, log))

    def check(self) -> None:
        """Raises `Trouble` with the end of its log if one of them has ended."""
        for name, process, log in self._members:
            if process.poll() is not None:
                lines = log.read_text(errors="replace").strip().splitlines()[-12:]
                raise Trouble("\n".join([f"{name} has ended. The last lines of {log}:", *lines]))

    def wait_until(self, ready: Callable[[], bool], what: str) -> None:
        """Wait for a part that is starting."""
        deadline = time.monotonic() + _START_SECONDS
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise Trouble(f"{what} did not answer within {_START_SECONDS:.0f} seconds. Look at its log.")
            time.sleep(0.05)

    def end(self) -> None:
        """End all, the last started first; what does not end is killed, with its children."""
        for _, process, _ in reversed(self._members):
            _signal_group(process, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE_SECONDS)
            _signal_group(process, signal.SIGKILL)
            process.wait()
        self._members.clear()


def answers(url: str) -> bool:
    """Whether something says 200 there."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - our own loopback address
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def check_port(port: int, port_base: int) -> None:
    """Raises `Trouble` if somebody listens there already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            other = port_base + 1000
            raise Trouble(
                f"Port {port} is taken by another program. End that program, or choose other ports: "
                f"ADGANG_DEMO_PORT_BASE={other if other <= 65_000 else 9000} make demo"
            ) from None


def _signal_group(process: subprocess.Popen[bytes], which: signal.Signals) -> None:
    try:
        os.killpg(process.pid, which)
    except ProcessLookupError:
        return


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
