"""What is kept about citizens' own safety, in SQL."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from idp.safety import CAP, Safety
from idp.storage.statements import Statement
from idp.storage.tables import citizen_safety

_FIND = Statement(select(citizen_safety).where(citizen_safety.c.citizen_id == bindparam("wanted")))


class Safeties:
    """Implements `ports.Safeties`."""

    def __init__(self, engine: Engine, cap: timedelta = CAP) -> None:
        self._engine = engine
        self._cap = cap

    def find(self, citizen_id: str) -> Safety:
        row = _FIND.first(self._engine, {"wanted": citizen_id})
        return Safety(citizen_id, cap=self._cap) if row is None else Safety(**row._asdict(), cap=self._cap)

    def set_phrase(self, tx: Connection, citizen_id: str, phrase: str) -> None:
        _keep(tx, citizen_id, phrase=phrase)

    def set_recovered(self, tx: Connection, citizen_id: str, at: datetime) -> None:
        _keep(tx, citizen_id, recovered_at=at)


def _keep(tx: Connection, citizen_id: str, **values: Any) -> None:
    insert = sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert
    statement = insert(citizen_safety).values(citizen_id=citizen_id, **values)
    tx.execute(statement.on_conflict_do_update(index_elements=["citizen_id"], set_=values))
