"""PostgreSQL frozen, killed, out of connections or lagging behind itself: 503 in time, no half grant, back by itself."""

import itertools
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from idp.settings import Settings
from idp.storage.database import Database
from tests.attacks.test_faults_stores import (
    MOMENTS,
    check_documents,
    check_goes_on,
    check_unavailable,
    send,
)
from tests.support.clock import FrozenClock
from tests.support.deployment import Deployment, running_deployment
from tests.support.journey import party
from tests.support.needs import needs
from tests.support.postgresql import PostgreSQL, find_postgres, running_postgresql
from tests.support.signed_in import code_for

pytestmark = pytest.mark.postgresql

BACK_WITHIN_SECONDS = 10
"""S-408."""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    """A server of this file's own, since it is frozen and killed."""
    with running_postgresql(needs(find_postgres(), "PostgreSQL")) as running:
        yield running


@pytest.fixture
def on_postgresql(
    tmp_path: Path, server: PostgreSQL, valkey_url: str, clock: FrozenClock
) -> Iterator[Deployment]:
    url = server.new_database()
    with running_deployment(tmp_path, url, valkey_url, clock) as running:
        yield running


def processes(server: PostgreSQL) -> list[int]:
    """The server and all that it has started."""
    first = int((server.folder / "data" / "postmaster.pid").read_text().split()[0])
    found = [first]
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == first:
                found.append(int(entry.name))
    return found


@contextmanager
def frozen(server: PostgreSQL) -> Iterator[None]:
    """Nothing of it runs; its sockets stay open, as behind a network that lost the way."""
    stopped = processes(server)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)


def operators(url: str) -> psycopg.Connection[tuple[object, ...]]:
    parts = make_url(url)
    return psycopg.connect(
        host=str(parts.query["host"]), user=parts.username, dbname="postgres", autocommit=True
    )


def cut_all(url: str) -> None:
    """End every connection to the database, as a fail-over or a restart does."""
    with operators(url) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            [make_url(url).database],
        )


def goes_on_soon(act: Callable[[], int], expected: int) -> None:
    begun = time.monotonic()
    while (status := act()) != expected:
        assert status == 503
        assert time.monotonic() - begun < BACK_WITHIN_SECONDS


@pytest.mark.parametrize("step", MOMENTS)
def test_a_frozen_server_is_a_503_in_time_and_the_same_form_works_afterwards(
    on_postgresql: Deployment, server: PostgreSQL, step: str
) -> None:
    """S-408, S-332: no worker waits for an answer that does not come."""
    journey = MOMENTS[step][0](on_postgresql)
    with frozen(server):
        check_unavailable(journey, step)
        check_unavailable(journey, step)
        check_documents(on_postgresql)
    check_goes_on(journey, step)


def test_a_frozen_server_lets_no_token_out_and_keeps_the_code(
    on_postgresql: Deployment, server: PostgreSQL
) -> None:
    """S-408: 0 half grants."""
    service = party(on_postgresql)
    asked = service.ask()
    code = code_for(service, asked)
    with frozen(server):
        begun = time.monotonic()
        answer = service.redeem(code, asked.verifier)
        assert (answer.status_code, "access_token" in answer.json()) == (503, False)
        assert time.monotonic() - begun < 3.5
    goes_on_soon(lambda: service.redeem(code, asked.verifier).status_code, 200)


@pytest.mark.parametrize("step", MOMENTS)
def test_connections_that_were_cut_cost_at_most_one_answer(on_postgresql: Deployment, step: str) -> None:
    """S-408: every pooled connection is dead; nothing is half done, and the next try works."""
    journey = MOMENTS[step][0](on_postgresql)
    cut_all(on_postgresql.settings.sql_url)
    page = send(journey, step)
    if page.status == 503:
        check_goes_on(journey, step)
    else:
        assert page.status == 200
    check_documents(on_postgresql)


def test_a_server_without_a_free_connection_is_a_503_and_then_serves(
    on_postgresql: Deployment, server: PostgreSQL
) -> None:
    """S-408: somebody else holds every connection."""
    service, url = party(on_postgresql), on_postgresql.settings.sql_url
    asked = service.ask()
    code = code_for(service, asked)
    with ExitStack() as held:
        on_postgresql.wiring.database.close()
        parts = make_url(url)
        for _ in itertools.count():
            try:
                taken = psycopg.connect(host=str(parts.query["host"]), user=parts.username, dbname="postgres")
            except psycopg.OperationalError:
                break
            held.enter_context(taken)
        begun = time.monotonic()
        answer = service.redeem(code, asked.verifier)
        assert answer.status_code == 503 and time.monotonic() - begun < 3.5
        check_documents(on_postgresql)
    goes_on_soon(lambda: service.redeem(code, asked.verifier).status_code, 200)


def test_a_connection_that_dies_inside_a_redemption_leaves_nothing_or_all(on_postgresql: Deployment) -> None:
    """S-408, S-410: killed by a trigger at the ledger's row, in the transaction that spends the code."""
    service = party(on_postgresql)
    asked = service.ask()
    code = code_for(service, asked)
    with on_postgresql.wiring.database.writing.begin() as tx:
        tx.exec_driver_sql(
            "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$"
        )
        tx.exec_driver_sql(
            "CREATE TRIGGER dies BEFORE INSERT ON ledger FOR EACH ROW "
            "WHEN (NEW.event = 'token-issued') EXECUTE FUNCTION die()"
        )
    assert service.redeem(code, asked.verifier).status_code == 503
    with on_postgresql.wiring.database.reading.connect() as connection:
        for table in ("spent", "grants"):
            kind = " WHERE kind = 'code'" if table == "spent" else ""
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}{kind}").scalar_one() == 0
    with on_postgresql.wiring.database.writing.begin() as tx:
        tx.exec_driver_sql("DROP TRIGGER dies ON ledger")
    tokens = service.redeem(code, asked.verifier)
    assert tokens.status_code == 200
    assert service.userinfo(tokens.json()["access_token"]).status_code == 200


def test_what_was_written_is_read_where_it_was_written(on_postgresql: Deployment) -> None:
    """S-337: there is one database; no setting names a replica, and what is revoked is revoked in the next request."""
    database = on_postgresql.wiring.database
    assert database.reading.url == database.writing.url
    assert [
        name for name in Settings.__dataclass_fields__ if "replica" in name or name.endswith("read_url")
    ] == []
    service = party(on_postgresql)
    asked = service.ask()
    tokens = service.redeem(code_for(service, asked), asked.verifier).json()
    services = on_postgresql.wiring.services
    assert service.userinfo(tokens["access_token"]).status_code == 200
    services.transact(
        lambda tx: services.grants.revoke_all_of(
            tx, at=on_postgresql.clock(), client_id=service.client.client_id
        )
    )
    assert service.userinfo(tokens["access_token"]).status_code == 401


def test_a_standby_is_no_database_to_serve_from(server: PostgreSQL) -> None:
    """S-337, S-409: one that only reads refuses the first write, and that is told as an outage."""
    url = server.new_database()
    with operators(url) as connection:
        connection.execute(
            f'ALTER DATABASE "{make_url(url).database}" SET default_transaction_read_only = on'.encode()
        )
    database = Database(url)
    with pytest.raises(Exception, match=r"(?i)read-only|did not answer"):
        database.transact(lambda tx: tx.exec_driver_sql("CREATE TABLE x (y int)"))
    database.close()
