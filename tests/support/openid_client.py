"""openid-client (npm), a certified FAPI 2.0 client library that nobody here wrote, driven by tests/support/node/client.mjs.

Node runs it in a process of its own, one for each client; the library finds the endpoints, signs, pushes, proves
possession and checks every answer by itself. `OpenidClient.refused` is what it, or the provider, would not take. The
Node is the one that comes with Playwright, so it is the same on every machine.
"""

import fcntl
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import playwright

from tests.support.needs import find_program, needs

_FOLDER = Path(__file__).with_name("node")


class ClientFault(Exception):
    """The library gave up. `told` has its `code`, and the provider's `error` where that was the reason."""

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__(json.dumps(told))
        self.told = told

    @property
    def error(self) -> str | None:
        """The provider's registered error code."""
        return self.told.get("error")


class OpenidClient:
    """One client, in one Node process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def __call__(self, command: str, **arguments: Any) -> Any:
        """One command of client.mjs. Raises: ClientFault."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": command, **arguments}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the client's process has ended"
        answer = json.loads(line)
        if "failed" in answer:
            raise ClientFault(answer["failed"])
        return answer["done"]

    def refused(self, command: str, **arguments: Any) -> ClientFault:
        """The fault with which this command must end."""
        try:
            done = self(command, **arguments)
        except ClientFault as fault:
            return fault
        raise AssertionError(f"{command} was taken: {done}")


@contextmanager
def openid_client() -> Iterator[OpenidClient]:
    """A client that knows nothing yet."""
    node = Path(playwright.__file__).parent / "driver" / "node"
    _install(needs(find_program("npm"), "npm"))
    with subprocess.Popen(
        [node, str(_FOLDER / "client.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield OpenidClient(process)
        finally:
            process.kill()


def _install(npm: Path) -> None:
    """What package-lock.json lists, once for all test processes."""
    lock, mark = _FOLDER / "package-lock.json", _FOLDER / "node_modules" / ".installed"
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if mark.exists() and mark.read_bytes() == lock.read_bytes():
            return
        words = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(words, cwd=_FOLDER, check=True, timeout=100)
        mark.write_bytes(lock.read_bytes())
