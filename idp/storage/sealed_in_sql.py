"""Sealed columns, sealed anew under the present key-encryption key in batches. Implements `keys.ports.SealedElsewhere`.

What still waits is seen from the envelopes themselves, which name their key: so a run that was killed is gone on with by
the next, and two at once do no harm. A row that changes meanwhile is left as it is: whoever changed it sealed it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Engine, LargeBinary, Row, func, select, tuple_, update
from sqlalchemy.engine import Connection

from idp.storage.ports import Transact
from keys.errors import UnsealFailed
from keys.sealing import Sealer


@dataclass(frozen=True)
class SealedColumn:
    """`bound_to(row)` is what an envelope of this column is bound to; `needs` are the columns that it looks at."""

    name: str
    column: "Column[Any]"
    needs: Sequence["ColumnElement[Any]"]
    bound_to: Callable[[Row[Any]], bytes]
    sealer: Sealer
    engine: Engine
    transact: Transact

    def waiting(self) -> int:
        """How many envelopes another key-encryption key than the present one has sealed."""
        query = select(func.count()).select_from(self.column.table).where(self._is_old())
        with self.engine.connect() as connection:
            count: int = connection.execute(query).scalar_one()
        return count

    def reseal(self, after: Sequence[Any], limit: int) -> tuple[Sequence[Any] | None, int, list[str]]:
        """One batch of those that wait, in the order of their keys, beginning behind `after`.

        Returns the key of the last, or None at the end; how many were sealed anew; and the keys of those that do
        not open.
        """
        rows = self._batch(after, limit)
        renewed, closed = [], []
        for row in rows:
            identity = self._identity(row)
            try:
                plaintext = self.sealer.unseal(row.envelope, self.bound_to(row))
            except UnsealFailed:
                closed.append(" ".join(map(str, identity)))
                continue
            renewed.append((identity, row.envelope, self.sealer.seal(plaintext, self.bound_to(row))))

        def write(tx: Connection) -> int:
            return sum(self._replace(tx, *each) for each in renewed)

        done = self.transact(write) if renewed else 0
        return (self._identity(rows[-1]) if rows else None), done, closed

    def _batch(self, after: Sequence[Any], limit: int) -> list[Any]:
        keys = self._keys()
        wanted = {each.name: each for each in (*keys, *self.needs)}.values()
        query = select(*wanted, self.column.label("envelope")).where(self._is_old())
        if after:
            query = query.where(tuple_(*keys) > tuple_(*after))
        with self.engine.connect() as connection:
            return list(connection.execute(query.order_by(*keys).limit(limit)))

    def _replace(self, tx: Connection, identity: Sequence[Any], old: bytes, new: bytes) -> int:
        matches = [column == value for column, value in zip(self._keys(), identity, strict=True)]
        changed = tx.execute(
            update(self.column.table).where(*matches, self.column == old).values({self.column.name: new})
        )
        return changed.rowcount

    def _is_old(self) -> Any:
        prefix = self.sealer.present
        return func.substr(self.column, 1, len(prefix), type_=LargeBinary) != prefix

    def _keys(self) -> "list[Column[Any]]":
        return list(self.column.table.primary_key.columns)

    def _identity(self, row: Row[Any]) -> tuple[Any, ...]:
        return tuple(getattr(row, column.name) for column in self._keys())
