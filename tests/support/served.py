"""`adgang serve` as operators start it, on files and ports of its own, until the end of the block."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.support.ports import free_ports
from tests.support.processes import start_server, stop_server, wait_until

ROOT = Path(__file__).resolve().parents[2]
ADGANG = (sys.executable, "-W", "error", "-m", "idp")


@dataclass
class Served:
    """A provider that answers."""

    environment: dict[str, str]
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def issuer(self) -> str:
        return self.environment["ADGANG_ISSUER"]

    @property
    def state_directory(self) -> Path:
        return Path(self.environment["ADGANG_STATE_DIRECTORY"])

    def get(self, path: str, **options: Any) -> requests.Response:
        return requests.get(self.issuer + path, timeout=10, allow_redirects=False, **options)

    def operators(self, path: str) -> requests.Response:
        """From the operators' listener."""
        return requests.get(f"http://127.0.0.1:{self.environment['ADGANG_ADMIN_PORT']}{path}", timeout=10)

    def events(self) -> list[dict[str, Any]]:
        """What was logged so far; a last line that is still being written is left out."""
        found = []
        for line in self.log.read_text().splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return found

    def workers(self) -> set[int]:
        """Process ids of the forked workers (Linux)."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        ours = Path(f"/proc/{self.process.pid}/cmdline").read_bytes()
        return {int(child) for child in children if Path(f"/proc/{child}/cmdline").read_bytes() == ours}


def serving_environment(folder: Path, **settings: str) -> dict[str, str]:
    """Of a deployment in `folder` on SQLite and the embedded Valkey."""
    port, admin_port = free_ports(2)
    return {
        "PATH": os.environ["PATH"],
        "ADGANG_ISSUER": f"http://localhost:{port}",
        "ADGANG_ENVIRONMENT": "demo",
        "ADGANG_INSECURE_ALLOW_HTTP_LOOPBACK": "true",
        "ADGANG_SECRETS_DIRECTORY": str(folder / "secrets"),
        "ADGANG_STATE_DIRECTORY": str(folder / "state"),
        "ADGANG_LISTEN_PORT": str(port),
        "ADGANG_ADMIN_PORT": str(admin_port),
        "ADGANG_WORKERS": "2",
        "ADGANG_KEY_ALGORITHMS": "ES256",
        **settings,
    }


def adgang(environment: Mapping[str, str], *words: str, told: str = "") -> subprocess.CompletedProcess[str]:
    """One command, with nobody at the terminal; `told` is its standard input."""
    return subprocess.run(
        [*ADGANG, *words], env=environment, cwd=ROOT, capture_output=True, text=True, input=told, timeout=60
    )


def prepare(environment: Mapping[str, str]) -> None:
    """Secrets, tables and keys."""
    for words in (("secrets", "create", environment["ADGANG_SECRETS_DIRECTORY"]), ("migrate",)):
        done = adgang(environment, *words)
        assert done.returncode == 0, done.stderr


@contextmanager
def serving(environment: dict[str, str], log: Path) -> Iterator[Served]:
    """Start it, wait until it can serve, and end it."""
    process = start_server([*ADGANG, "serve"], log, env=environment, cwd=ROOT)
    running = Served(environment, process, log)
    try:
        wait_until(lambda: _answers(running), process, log)
        yield running
    finally:
        if process.poll() is None:
            stop_server(process, signal.SIGTERM)


def within(seconds: float, holds: Callable[[], bool]) -> None:
    """Wait until it holds; another process decides when."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come in time"
        time.sleep(0.05)


def _answers(running: Served) -> bool:
    try:
        return running.operators("/readyz").ok and running.get("/healthz").ok
    except requests.ConnectionError:
        return False
