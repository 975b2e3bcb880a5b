"""The ledger in SQL: append and read, nothing else."""

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, bindparam, func, insert, select
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from idp.ledger.tables import ledger
from idp.records import LedgerEntry
from idp.storage.database import TransactionConflict
from idp.storage.statements import Statement

_APPEND = Statement(
    insert(ledger).from_select(
        ["at", "event", "actor", "citizen_id", "citizen_number", "facts"],
        select(
            bindparam("entry_at", type_=ledger.c.at.type),
            bindparam("entry_event", type_=ledger.c.event.type),
            bindparam("entry_actor", type_=ledger.c.actor.type),
            bindparam("entry_citizen", type_=ledger.c.citizen_id.type),
            func.coalesce(func.max(ledger.c.citizen_number), 0) + 1,
            bindparam("entry_facts", type_=ledger.c.facts.type),
        ).where(ledger.c.citizen_id == bindparam("entry_citizen", type_=ledger.c.citizen_id.type)),
    )
)
"""One statement: the entry, and with it the citizen's next number."""


class Ledger:
    """Implements `idp.storage.ports.Ledger`, and thereby the `Journal` of keys, mfa and clients_registry."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def append(
        self,
        tx: Connection,
        *,
        event: str,
        actor: str,
        at: datetime,
        citizen_id: str | None = None,
        facts: Mapping[str, str | int | list[str]] | None = None,
    ) -> None:
        written = json.dumps(dict(facts or {}), ensure_ascii=False, sort_keys=True)
        if citizen_id is None:
            tx.execute(insert(ledger).values(at=at, event=event, actor=actor, facts=written))
            return
        row = {
            "entry_at": at,
            "entry_event": event,
            "entry_actor": actor,
            "entry_citizen": citizen_id,
            "entry_facts": written,
        }
        try:
            _APPEND.write(tx, row)
        except IntegrityError as conflict:  # another transaction took the same number: run again
            raise TransactionConflict from conflict

    def of_citizen(self, citizen_id: str, *, after: int = 0, limit: int = 100) -> list[LedgerEntry]:
        statement = (
            select(ledger)
            .where(ledger.c.citizen_id == citizen_id, ledger.c.citizen_number > after)
            .order_by(ledger.c.citizen_number)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(statement).all()
        return [_entry(row) for row in rows]

    def last_time(self, citizen_id: str, event: str) -> datetime | None:
        statement = select(func.max(ledger.c.at)).where(
            ledger.c.citizen_id == citizen_id, ledger.c.event == event
        )
        with self._engine.connect() as connection:
            found: datetime | None = connection.execute(statement).scalar_one()
        return found


class History:
    """Implements `idp.storage.ports.History`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def latest(
        self, citizen_id: str, *, events: Collection[str], before: int | None = None, limit: int = 50
    ) -> list[LedgerEntry]:
        wanted = [ledger.c.citizen_id == citizen_id, ledger.c.event.in_(list(events))]
        if before is not None:
            wanted.append(ledger.c.citizen_number < before)
        statement = select(ledger).where(*wanted).order_by(ledger.c.citizen_number.desc()).limit(limit)
        with self._engine.connect() as connection:
            return [_entry(row) for row in connection.execute(statement)]

    def find(self, citizen_id: str, citizen_number: int) -> LedgerEntry | None:
        this = [ledger.c.citizen_id == citizen_id, ledger.c.citizen_number == citizen_number]
        with self._engine.connect() as connection:
            row = connection.execute(select(ledger).where(*this)).first()
        return None if row is None else _entry(row)


def _entry(row: Any) -> LedgerEntry:
    return LedgerEntry(**{**row._mapping, "facts": json.loads(row.facts)})
