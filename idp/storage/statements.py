"""Statements of the hot paths: written in Core, compiled once, and then spoken to the driver itself.

What SQLAlchemy does around each execution costs several times what the databases do for these few statements. Here a
statement is compiled when it is first used, its parameters and rows pass the same type processors, and faults are told
in the same words (database.py). Everything that is not on a hot path goes on by way of Core.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from sqlalchemy import Dialect, Engine, Select
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement

from idp.storage.database import as_told

_Process = Callable[[Any], Any] | None
_CURSOR = "adgang.cursor"


class Statement:
    """One statement. `sets` names the columns that an INSERT without values of its own sets."""

    def __init__(self, core: ClauseElement, *, sets: Iterable[str] | None = None) -> None:
        self._core = core
        self._sets = None if sets is None else list(sets)
        self._spoken: dict[str, _Spoken] = {}

    def write(self, tx: Connection, values: Mapping[str, Any]) -> int:
        """Execute in the transaction; how many rows it changed.

        Raises: sqlalchemy.exc.IntegrityError, StoreUnavailable, TransactionConflict.
        """
        spoken = self._in(tx.dialect)
        try:
            cursor = _standing_cursor(tx.connection)
            cursor.execute(spoken.sql, spoken.bound(values))
            return int(cursor.rowcount)
        except spoken.error as fault:
            spoken.tell(fault)

    def first(self, engine: Engine, values: Mapping[str, Any]) -> Any | None:
        """The first row, with its columns as attributes, or None; the engine is in autocommit mode.

        Raises: StoreUnavailable.
        """
        spoken = self._in(engine.dialect)
        try:
            connection = engine.raw_connection()
        except spoken.error as fault:
            spoken.tell(fault)
        try:
            cursor = _standing_cursor(connection)
            cursor.execute(spoken.sql, spoken.bound(values))
            rows = cursor.fetchall()  # to the end: SQLite would hold its snapshot for a row not yet asked for
        except spoken.error as fault:
            if engine.dialect.is_disconnect(fault, connection.dbapi_connection, None):  # type: ignore[arg-type]
                connection.invalidate(fault)
                engine.dispose()  # what broke one connection broke them all
            spoken.tell(fault)
        finally:
            connection.close()
        return spoken.row(rows[0]) if rows else None

    def _in(self, dialect: Dialect) -> "_Spoken":
        found = self._spoken.get(dialect.name)
        if found is None:
            found = self._spoken[dialect.name] = _Spoken(self._core, self._sets, dialect)
        return found


def _standing_cursor(connection: PoolProxiedConnection) -> DBAPICursor:
    """One for the life of each of the driver's connections: a new one costs psycopg a quarter of a small statement."""
    found: DBAPICursor | None = connection.info.get(_CURSOR)
    if found is None:
        found = connection.info[_CURSOR] = connection.cursor()
    return found


class _Spoken:
    """A statement in the words of one database."""

    def __init__(self, core: ClauseElement, sets: list[str] | None, dialect: Dialect) -> None:
        compiled = core.compile(dialect=dialect, column_keys=sets)
        assert isinstance(compiled, SQLCompiler)
        self.sql = compiled.string
        self.error: type[Exception] = dialect.loaded_dbapi.Error
        self._dialect = dialect
        binds = {name: bind for bind, name in compiled.bind_names.items()}
        self._positional = compiled.positiontup is not None
        self._binds: list[tuple[str, Any, _Process]] = [
            (
                name,
                None if binds[name].required else binds[name].value,
                binds[name].type.dialect_impl(dialect).bind_processor(dialect),
            )
            for name in compiled.positiontup or binds
        ]
        """Name, the value that the statement itself gives or None, and what makes it the driver's."""
        columns = list(core.selected_columns) if isinstance(core, Select) else []
        self._row = namedtuple("_row", [column.key for column in columns])  # type: ignore[misc]
        readers = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
        self._readers = [(place, read) for place, read in enumerate(readers) if read is not None]

    def bound(self, values: Mapping[str, Any]) -> Any:
        """The parameters as the driver takes them."""
        made = [
            (name, given if process is None else process(given))
            for name, constant, process in self._binds
            for given in (values[name] if constant is None else constant,)
        ]
        return [value for _, value in made] if self._positional else dict(made)

    def row(self, found: Iterable[Any]) -> Any:
        """A row as Core would give it."""
        values = list(found)
        for place, read in self._readers:
            values[place] = read(values[place])
        return self._row(*values)

    def tell(self, fault: Exception) -> NoReturn:
        """Raise the driver's error as SQLAlchemy names it, or in our words for a failing store."""
        named = DBAPIError.instance(
            self.sql, None, fault, self.error, hide_parameters=True, dialect=self._dialect
        )
        raise as_told(named, fault) or named from fault
