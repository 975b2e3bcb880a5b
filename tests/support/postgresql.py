"""A private PostgreSQL: one per test process, on a Unix socket in a temporary folder, without durability.

PostgreSQL refuses to run as root; there it runs as the system's `postgres` or `nobody`.
"""

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tests.support.needs import find_program
from tests.support.processes import start_server, stop_server, wait_until

_INITDB = ["-U", "adgang", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync", "--no-instructions"]

_OPTIONS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "autovacuum": "off",
}


def find_postgres() -> Path | None:
    """The `postgres` program, which Debian keeps off the PATH."""
    return find_program("postgres", also=["/usr/lib/postgresql/*/bin/postgres"])


@dataclass
class PostgreSQL:
    """A running server. Each database it makes is new and empty."""

    folder: Path
    _names: Iterator[int] = field(default_factory=itertools.count)

    def new_database(self) -> str:
        """The SQLAlchemy URL of a new, empty database."""
        name = f"test_{next(self._names)}"
        self._execute(f'CREATE DATABASE "{name}"')
        return f"postgresql+psycopg://adgang@/{name}?host={self.folder}"

    def drop_database(self, url: str) -> None:
        """Drop it, with whatever connections a pool still holds."""
        name = url.rpartition("/")[2] if "?" not in url else url.partition("?")[0].rpartition("/")[2]
        self._execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def answers(self) -> bool:
        try:
            self._execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _execute(self, statement: str) -> None:
        with psycopg.connect(
            host=str(self.folder), user="adgang", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement.encode())


@contextmanager
def running_postgresql(program: Path, *, durable: bool = False) -> Iterator[PostgreSQL]:
    """A fresh server until the end of the block; `durable` leaves its durability as PostgreSQL ships it."""
    user = _unprivileged_user()
    folder = Path(tempfile.mkdtemp(prefix="adgang-pg-"))
    try:
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
        identity: dict[str, Any] = (
            {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        )
        command: list[str | Path] = [program.with_name("initdb"), "-D", folder / "data", *_INITDB]
        made = subprocess.run(command, cwd=folder, capture_output=True, check=False, **identity)
        if made.returncode:
            raise RuntimeError(f"initdb failed:\n{made.stderr.decode()}")
        options = _OPTIONS if not durable else {"listen_addresses": ""}
        settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        log = Path(tempfile.gettempdir()) / f"{folder.name}.log"
        process = start_server(
            [program, "-D", folder / "data", "-k", folder, *settings], log, cwd=folder, **identity
        )
        server = PostgreSQL(folder)
        try:
            wait_until(server.answers, process, log)
            yield server
        finally:
            stop_server(process, signal.SIGINT)
            log.unlink()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged_user() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return known.get("postgres") or known["nobody"]
