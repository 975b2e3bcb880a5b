"""The fixtures that every test may ask for. What they start is started once per test process, and only if asked for.

`clock`, `sql_url`, `valkey_url`, `redis_url_each`, `chromium`, `page`. A need that this machine cannot meet is told
in the summary, and is a failure where `ADGANG_CI_REQUIRE_ALL=1` (tests/support/needs.py).
"""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.clock import FrozenClock
from tests.support.needs import PREFIX, find_program, needs


@pytest.fixture
def clock() -> FrozenClock:
    """Monday 23 November 2026, 12:00 UTC, until `clock.forward(…)`."""
    return FrozenClock()


@pytest.fixture(scope="session")
def _postgresql() -> Iterator[Any]:
    from tests.support.postgresql import find_postgres, running_postgresql

    program = needs(find_postgres(), "PostgreSQL")
    with running_postgresql(program) as server:
        yield server


@pytest.fixture
def postgresql_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a new, empty PostgreSQL database."""
    server = request.getfixturevalue("_postgresql")
    url = server.new_database()
    yield url
    server.drop_database(url)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a new, empty SQLite database."""
    return f"sqlite:///{tmp_path / 'adgang.sqlite3'}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def sql_url(request: pytest.FixtureRequest) -> str:
    """The URL of a new, empty database; the test runs on SQLite and on PostgreSQL."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture(scope="session")
def _valkey() -> Iterator[str]:
    from idp.storage import embedded_valkey

    folder = tempfile.mkdtemp(prefix="adgang-valkey-")
    store = embedded_valkey.start(Path(folder))
    yield store.url
    store.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def _system_redis() -> Iterator[str]:
    from tests.support.redis_servers import running_redis

    program = needs(find_program("redis-server"), "a redis-server from the system")
    with running_redis(program) as url:
        yield url


@pytest.fixture
def valkey_url(_valkey: str) -> str:
    """The URL of the embedded Valkey, empty."""
    from tests.support.redis_servers import flush

    flush(_valkey)
    return _valkey


@pytest.fixture
def system_redis_url(_system_redis: str) -> str:
    """The URL of a Redis from the system, empty."""
    from tests.support.redis_servers import flush

    flush(_system_redis)
    return _system_redis


@pytest.fixture(params=["valkey", pytest.param("system_redis", marks=pytest.mark.system_redis)])
def redis_url_each(request: pytest.FixtureRequest) -> str:
    """The URL of an empty store; the test runs on the embedded Valkey and on the system's Redis."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def deployment(tmp_path: Path, sqlite_url: str, valkey_url: str, clock: FrozenClock) -> Iterator[Any]:
    """A running provider on SQLite and the embedded Valkey (tests/support/deployment.py)."""
    from tests.support.deployment import running_deployment

    with running_deployment(tmp_path, sqlite_url, valkey_url, clock) as running:
        yield running


@pytest.fixture
def deployment_each(
    tmp_path: Path, sql_url: str, valkey_url: str, clock: FrozenClock, request: pytest.FixtureRequest
) -> Iterator[Any]:
    """A running provider on SQLite + Valkey, and on PostgreSQL + the system's Redis."""
    from tests.support.deployment import running_deployment

    on_postgresql = sql_url.startswith("postgresql")
    redis_url = str(request.getfixturevalue("system_redis_url")) if on_postgresql else valkey_url
    with running_deployment(tmp_path, sql_url, redis_url, clock) as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A Playwright `Browser`: real Chromium. Module-wide, since Playwright holds the thread's event loop."""
    from tests.support.chromium import find_chromium, running_chromium

    program = needs(find_chromium(), "Chromium")
    with running_chromium(program) as (_, browser):
        yield browser


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A Playwright `Page` in a fresh profile, in Danish, with times in Copenhagen."""
    context = chromium.new_context(locale="da-DK", timezone_id="Europe/Copenhagen")
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say loudly, once each, what was not tested here."""
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ")
        for report in terminalreporter.stats.get("skipped", [])
        if isinstance(report.longrepr, tuple) and PREFIX in report.longrepr[2]
    )
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"{reason}: {count} tests skipped", yellow=True, bold=True)
