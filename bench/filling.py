"""A store as large as a country's: copies of what was added in the ordinary way, written in bulk.

Each copied citizen has identifiers, indexes, a password and a first ledger row of its own; the password's hash and the
sealed number are the template's, since nobody signs in as one of them.
"""

import base64
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.engine import Connection

from idp.storage.database import Database

_AT_ONCE = 50_000
"""Citizens in one transaction."""


def citizen_id(number: int) -> str:
    """The identifier of the copied citizen with this number; 22 characters, spread like ours."""
    return _spread("citizen", number)[:22]


def fill_citizens(database: Database, template_id: str, count: int) -> None:
    """Add so many copies of a citizen who has a password."""
    with database.reading.connect() as connection:
        copies = [_Copy.of(connection, table, where, template_id) for table, where in _TABLES.items()]
    engine = create_engine(database.writing.url)  # patient: the provider's own gives up after two seconds
    for start in range(0, count, _AT_ONCE):
        with engine.begin() as tx:
            _write_all(tx, copies, range(start, min(start + _AT_ONCE, count)))
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("ANALYZE"))  # as autovacuum has done in any store that grew to this size
    engine.dispose()


def _write_all(tx: Connection, copies: Sequence["_Copy"], numbers: range) -> None:
    if tx.dialect.name == "sqlite":
        tx.exec_driver_sql("PRAGMA cache_size=-1000000")  # KiB: the indexes grow in no order
    for copy in copies:
        copy.write(tx, numbers)


def _spread(what: str, number: int) -> str:
    raw = hashlib.sha256(f"{what} {number}".encode()).digest()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


_TABLES = {
    "citizens": "citizen_id = :wanted",
    "mfa_factors": "citizen_id = :wanted AND kind = 'password'",
    "mfa_passwords": "citizen_id = :wanted",
    "ledger": "citizen_id = :wanted AND citizen_number = 1",
}
"""In this order, since a password belongs to its factor."""

_OWN: dict[str, Callable[[int], str]] = {
    "citizen_id": citizen_id,
    "factor_id": lambda number: _spread("factor", number)[:22],
    "user_id": lambda number: f"fyld{number:08}",
    "canonical_user_id": lambda number: f"fyld{number:08}",
    "cpr_index": lambda number: hashlib.sha256(f"cpr {number}".encode()).hexdigest(),
}
"""The columns in which a copy differs; they are called the same in every table."""


@dataclass(frozen=True, slots=True)
class _Copy:
    """One row of a table as the driver gave it, and how to write many like it."""

    table: str
    columns: tuple[str, ...]
    values: tuple[Any, ...]

    @classmethod
    def of(cls, connection: Connection, table: str, where: str, wanted: str) -> "_Copy":
        found = connection.execute(text(f"SELECT * FROM {table} WHERE {where}"), {"wanted": wanted}).one()
        row = {name: value for name, value in found._mapping.items() if (table, name) != ("ledger", "number")}
        return cls(table, tuple(row), tuple(row.values()))

    def write(self, tx: Connection, numbers: range) -> None:
        columns, raw = ", ".join(self.columns), tx.connection.cursor()
        if tx.dialect.name == "sqlite":
            places = ", ".join("?" * len(self.columns))
            raw.executemany(
                f"INSERT INTO {self.table} ({columns}) VALUES ({places})", list(self._rows(numbers))
            )
            return
        with raw.copy(f"COPY {self.table} ({columns}) FROM STDIN") as copy:
            for row in self._rows(numbers):
                copy.write_row(row)

    def _rows(self, numbers: range) -> Iterator[list[Any]]:
        own = [(place, _OWN[name]) for place, name in enumerate(self.columns) if name in _OWN]
        for number in numbers:
            row = list(self.values)
            for place, make in own:
                row[place] = make(number)
            yield row
