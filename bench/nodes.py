"""Several nodes of one deployment: each an `adgang serve` of its own, asked over a connection that stays open."""

import socket
import subprocess
import sys
import time
from http.client import HTTPResponse, RemoteDisconnected
from pathlib import Path

from tests.support.ports import free_port


class Node:
    """One `adgang serve`, on the port that is given or on a free one."""

    def __init__(self, environment: dict[str, str], folder: Path, *, port: int = 0) -> None:
        self.port, self.admin_port = port or free_port(), free_port()
        folder.mkdir()
        self.log = folder / "log"
        self.environment = {
            **environment,
            "ADGANG_LISTEN_PORT": str(self.port),
            "ADGANG_ADMIN_PORT": str(self.admin_port),
            "ADGANG_STATE_DIRECTORY": str(folder),
        }
        self._connection: socket.socket | None = None
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "idp", "serve"],
                env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip

    def wait(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                self.ask(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"The node did not start:\n{self.log.read_text()[-3000:]}") from None
                time.sleep(0.05)

    def ask(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (lower case) and body of a GET, over a connection that stays open.

        A server may close an idle connection at any time; a GET that meets this is asked again (RFC 9110 §9.2.2).
        """
        if self._connection is not None:
            try:
                return self._ask(request)
            except (RemoteDisconnected, ConnectionError):
                pass
        return self._ask(request)

    def _ask(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        if self._connection is None:
            self._connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        try:
            self._connection.sendall(request)
            answer = HTTPResponse(self._connection)
            answer.begin()
            return answer.status, {n.lower(): v for n, v in answer.getheaders()}, answer.read()
        except (OSError, ValueError):
            self._connection.close()
            self._connection = None
            raise

    def get(self, path: str) -> tuple[int, dict[str, str], bytes]:
        return self.ask(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

    def stop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
