"""The neighbour's process: installed once under var/bench/neighbour, by its lock file; on the core that ours has."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from bench.provider import MeasuredProcess
from tests.support.needs import find_program

_SOURCE = Path(__file__).parent
_FILES = ("package.json", "package-lock.json", "server.mjs", "redis_adapter.mjs")
_INSTALLED = Path("var/bench/neighbour")


def node_version() -> str | None:
    """Of the Node that would run it; None: there is no neighbour here."""
    node = find_program("node")
    if node is None or find_program("npm") is None:
        return None
    return subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()


def neighbour_version() -> str:
    """Of oidc-provider, as it is locked."""
    locked = json.loads((_SOURCE / "package-lock.json").read_text())
    return str(locked["packages"]["node_modules/oidc-provider"]["version"])


def install() -> Path:
    """Fetch what the lock file lists, unless it is there; the folder to run in."""
    lock = _INSTALLED / "package-lock.json"
    current = lock.exists() and lock.read_bytes() == (_SOURCE / lock.name).read_bytes()
    _INSTALLED.mkdir(parents=True, exist_ok=True)
    for name in _FILES:
        shutil.copyfile(_SOURCE / name, _INSTALLED / name)
    if not current or not (_INSTALLED / "node_modules").exists():
        subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"],
            cwd=_INSTALLED,
            check=True,
        )
    return _INSTALLED


class RunningNeighbour(MeasuredProcess):
    """`node server.mjs`: one process, as Node is."""

    def __init__(self, configuration: dict[str, Any], folder: Path) -> None:
        installed, told = install(), folder / "neighbour.json"
        told.write_text(json.dumps(configuration))
        super().__init__(
            ["node", "server.mjs", str(told)],
            f"http://localhost:{configuration['port']}",
            environment={**os.environ, "NODE_ENV": "production"},
            log=folder / "neighbour.log",
            directory=installed,
        )
