"""A private Redis from the system, beside the embedded Valkey: both speak what the product may use."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.support.processes import start_server, stop_server, wait_until

NO_RETRY = Retry(NoBackoff(), 0)
"""redis-py would otherwise try ten times, for seconds."""


@contextmanager
def running_redis(program: Path) -> Iterator[str]:
    """The URL of a fresh server on a Unix socket, until the end of the block."""
    folder = Path(tempfile.mkdtemp(prefix="adgang-redis-"))
    path = folder / "redis.sock"
    log = folder / "redis.log"
    options: list[str | Path] = [
        "--port",
        "0",
        "--unixsocket",
        path,
        "--dir",
        folder,
        "--save",
        "",
        "--appendonly",
        "yes",
    ]
    process = start_server([program, *options], log)
    try:
        wait_until(lambda: _answers(path), process, log)
        yield f"unix://{path}"
    finally:
        stop_server(process)
        shutil.rmtree(folder, ignore_errors=True)


def flush(url: str) -> None:
    """Forget everything in that store."""
    with redis.Redis.from_url(url) as client:
        client.flushall()


def _answers(path: Path) -> bool:
    try:
        with redis.Redis(unix_socket_path=str(path), retry=NO_RETRY) as client:
            return bool(client.ping())
    except redis.ConnectionError:
        return False
