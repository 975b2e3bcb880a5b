"""The ledger in SQL: append and read, nothing else."""

import json
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Engine, func, insert, literal, select
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from idp.ledger.tables import ledger
from idp.records import LedgerEntry
from idp.storage.database import TransactionConflict


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
        next_number = select(
            literal(at, ledger.c.at.type),
            literal(event),
            literal(actor),
            literal(citizen_id),
            func.coalesce(func.max(ledger.c.citizen_number), 0) + 1,
            literal(written),
        ).where(ledger.c.citizen_id == citizen_id)
        columns = ["at", "event", "actor", "citizen_id", "citizen_number", "facts"]
        try:
            tx.execute(insert(ledger).from_select(columns, next_number))
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
        return [LedgerEntry(**{**row._mapping, "facts": json.loads(row.facts)}) for row in rows]
