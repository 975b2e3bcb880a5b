"""`ports.RecoverySets` on SQLite and PostgreSQL."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, Engine, and_, func, select, update

from mfa import tables
from mfa.factors import Factor
from mfa.in_sql import FACTOR_COLUMNS, add_factor, changed_one, end_earlier, factor_of, upsert

_codes, _sets = tables.recovery_codes, tables.recovery_sets


class RecoverySets:
    """`ports.RecoverySets`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def replace(self, tx: Connection, factor: Factor, digests: Iterable[str]) -> None:
        add_factor(tx, factor)
        kept = {"factor_id": factor.factor_id}
        statement = upsert(tx.dialect.name, _sets).values(citizen_id=factor.citizen_id, **kept)
        tx.execute(statement.on_conflict_do_update(index_elements=["citizen_id"], set_=kept))
        end_earlier(tx, factor)
        tx.execute(_codes.insert(), [{"factor_id": factor.factor_id, "digest": digest} for digest in digests])

    def of_citizen(self, tx: Connection, citizen_id: str) -> Factor | None:
        statement = (
            select(*FACTOR_COLUMNS)
            .join(_sets, _sets.c.factor_id == tables.factors.c.factor_id)
            .where(_sets.c.citizen_id == citizen_id)
        )
        row = tx.execute(statement).one_or_none()
        return None if row is None else factor_of(row)

    def spend(self, tx: Connection, factor_id: str, digest: str, at: datetime) -> bool:
        unspent = and_(
            _codes.c.factor_id == factor_id, _codes.c.digest == digest, _codes.c.spent_at.is_(None)
        )
        return changed_one(tx.execute(update(_codes).where(unspent).values(spent_at=at)))

    def knows(self, tx: Connection, factor_id: str, digest: str) -> bool:
        this = and_(_codes.c.factor_id == factor_id, _codes.c.digest == digest)
        return tx.execute(select(_codes.c.digest).where(this)).one_or_none() is not None

    def left(self, citizen_id: str) -> int:
        statement = (
            select(func.count())
            .select_from(_codes)
            .join(_sets, _sets.c.factor_id == _codes.c.factor_id)
            .where(_sets.c.citizen_id == citizen_id, _codes.c.spent_at.is_(None))
        )
        with self._engine.connect() as connection:
            return int(connection.execute(statement).scalar_one())
