"""What every measurement begins and ends with: a pair of stores in a folder of its own, and a file of figures."""

import json
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from idp.storage import embedded_valkey
from tests.support.needs import find_program
from tests.support.postgresql import find_postgres, running_postgresql
from tests.support.redis_servers import running_redis

PAIRS = ("sqlite+valkey", "postgresql+redis")
Urls = tuple[str, str]
"""Of the SQL database and of Redis."""


def each_pair(wanted: Sequence[str] | None, console: Console) -> Iterator[tuple[str, Path, Urls]]:
    """Every pair of stores that is wanted and can be had here, with an empty folder; gone when the next one begins."""
    for pair in wanted or PAIRS:
        with stores_in_a_folder(pair, console) as made:
            if made is not None:
                yield pair, *made


@contextmanager
def stores_in_a_folder(pair: str, console: Console) -> Iterator[tuple[Path, Urls] | None]:
    """None, and a line that says so, where a part is missing."""
    folder = Path(tempfile.mkdtemp(prefix="adgang-bench-"))
    try:
        with _stores(pair, folder) as urls:
            if urls is None:
                console.print(f"{pair} is not measured: PostgreSQL or redis-server is missing here.")
            yield None if urls is None else (folder, urls)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _stores(pair: str, folder: Path) -> Iterator[Urls | None]:
    """The stores with the durability that docs/architecture.md promises; on the generator's core."""
    if pair == PAIRS[0]:
        store = embedded_valkey.start(folder / "valkey")
        try:
            yield f"sqlite:///{folder / 'adgang.sqlite3'}", store.url
        finally:
            store.stop()
        return
    postgres, redis_server = find_postgres(), find_program("redis-server")
    if postgres is None or redis_server is None:
        yield None
        return
    with running_postgresql(postgres, durable=True) as database, running_redis(redis_server) as redis_url:
        yield database.new_database(), redis_url


def write_figures(name: str, found: Mapping[str, object], console: Console) -> None:
    """To `var/bench/NAME.json`."""
    target = Path("var/bench") / f"{name}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(found, indent=2) + "\n")
    console.print(f"Written to {target}.")


def machine() -> str:
    """What it ran on, for whoever compares."""
    model = ""
    if Path("/proc/cpuinfo").exists():
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
    return f"{os.cpu_count()} cores, {model or platform.machine()}, Python {platform.python_version()}."
