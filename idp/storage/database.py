"""One SQL database: how it is opened, how a transaction runs, how its failures are told.

SQLite: WAL, `synchronous=FULL`, `BEGIN IMMEDIATE`, one writer at a time in each process. PostgreSQL: read committed,
`synchronous_commit=on` as it comes. Reads use a second engine in autocommit mode, so that no read holds a transaction.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Engine, ExceptionContext, create_engine, event, text
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from idp.errors import StoreUnavailable
from idp.storage.fair_lock import FairLock

T = TypeVar("T")

_ATTEMPTS = 20
"""Of transactions that meet, one goes on at a time: enough for as many as a citizen can have at once."""
_PATIENCE_SECONDS = 2
"""A sign-in waits no longer than this for a lock or a connection (S-332, S-409)."""

_QUEUE_SECONDS = 0.9
"""Before that, for the writers of the same process; both together are within the 3 s of S-332."""

_CONFLICT_STATES = frozenset({"40001", "40P01"})
"""PostgreSQL: serialization failure and deadlock; the whole transaction may be run again (S-336)."""


class TransactionConflict(Exception):
    """This transaction met another; running it again from the start will do."""


class Database:
    """The engines of one database, and the one way to write to it."""

    def __init__(self, url: str, *, connections: int = 12) -> None:
        parsed = make_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self.writing = self._open(url, connections)
        self.reading = self._open(url, connections, autocommit=True)
        self._writer = FairLock()
        if self.is_sqlite:
            event.listen(self.writing, "begin", _begin_immediate)

    def transact(self, work: Callable[[Connection], T]) -> T:
        """Run `work(tx)` in one transaction; see `idp.storage.ports.Transact`.

        Raises:
            StoreUnavailable: the database did not answer, or conflicts did not end.
        """
        for _ in range(_ATTEMPTS):
            try:
                with self._turn(), self.writing.begin() as tx:
                    return work(tx)
            except TransactionConflict:
                continue
        raise StoreUnavailable("transactions kept conflicting")

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """SQLite's one writer in this process: queueing here is fairer than its busy handler, and has an end."""
        if not self.is_sqlite:
            yield
            return
        if not self._writer.acquire(timeout=_QUEUE_SECONDS):
            raise StoreUnavailable("the database did not take this transaction in time")
        try:
            yield
        finally:
            self._writer.release()

    def check(self) -> None:
        """Raises StoreUnavailable where a trivial read gets no answer."""
        with self.reading.connect() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        self.writing.dispose()
        self.reading.dispose()

    def _open(self, url: str, connections: int, *, autocommit: bool = False) -> Engine:
        arguments: dict[str, object] = (
            {"timeout": _PATIENCE_SECONDS, "check_same_thread": False}
            if self.is_sqlite
            else {
                "connect_timeout": _PATIENCE_SECONDS,
                "options": f"-c statement_timeout={_PATIENCE_SECONDS}s -c lock_timeout={_PATIENCE_SECONDS}s",
            }
        )
        # A read in autocommit mode leaves nothing to roll back when its connection is returned.
        isolation = {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True} if autocommit else {}
        engine = create_engine(
            url,
            connect_args=arguments,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=_PATIENCE_SECONDS,
            hide_parameters=True,  # statements may carry digests and sealed values; logs carry neither
            **isolation,
        )
        event.listen(engine, "handle_error", _translate)
        if self.is_sqlite:
            event.listen(engine, "connect", _prepare_sqlite)
        else:
            from idp.storage import bounded_postgresql  # with its driver, for those who have PostgreSQL

            event.listen(engine, "do_connect", bounded_postgresql.connect)
        event.listen(engine.pool, "invalidate", lambda *_: self._forget_connections(engine))
        return engine

    def _forget_connections(self, of: Engine) -> None:
        """A server that ended one connection has ended all, those of the other engine too: one failure tells both."""
        for engine in (self.writing, self.reading):
            if engine is not of:
                engine.dispose()


def _prepare_sqlite(connection: object, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]  # the DBAPI's own connection
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "trusted_schema=OFF"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    """Take the write lock at the start: a deferred transaction that upgrades can fail half-way.

    Asked of the driver itself, since every transaction begins with it (statements.py).
    """
    try:
        connection.connection.cursor().execute("BEGIN IMMEDIATE")
    except sqlite3.Error as fault:
        raise StoreUnavailable("the database did not take this transaction") from fault


def _translate(context: ExceptionContext) -> None:
    told = as_told(context.sqlalchemy_exception, context.original_exception)
    if told is not None:
        raise told from context.original_exception


def as_told(fault: BaseException | None, original: BaseException) -> Exception | None:
    """Our word for a failing store, for every layer; None for what keeps its name, such as a violated constraint."""
    if isinstance(fault, IntegrityError):
        return None
    state = getattr(original, "sqlstate", None)
    if state in _CONFLICT_STATES:
        return TransactionConflict()
    if isinstance(fault, DBAPIError) and _is_outage(fault, state):
        return StoreUnavailable("the database did not answer")
    return None


def _is_outage(fault: SQLAlchemyError, state: str | None) -> bool:
    """Connection trouble, locks and full disks; not a mistake in a statement of ours."""
    name = type(fault).__name__
    if state is not None:
        return state[:2] in {"08", "53", "55", "57"} or name == "InterfaceError"
    words = str(getattr(fault, "orig", ""))
    return name in {"OperationalError", "InterfaceError"} and "no such" not in words and "syntax" not in words
