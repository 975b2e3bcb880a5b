"""mfa's ports on SQLite and PostgreSQL.

A verification locks the count of failures before it touches the factor, so that two of them never wait for each
other in a circle. Removing a factor locks the other way round; PostgreSQL then ends one, and `Transact` runs it again.
"""

from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, Table, and_, bindparam, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from mfa import lockout, tables
from mfa.factors import Factor, FactorKind
from mfa.ports import PasswordFactor, PendingTotp, TotpFactor

_factors = tables.factors
_FACTOR_FIELDS = [field.name for field in fields(Factor)]
FACTOR_COLUMNS = [_factors.c[name] for name in _FACTOR_FIELDS]


def upsert(dialect: str, table: Table) -> Any:
    """INSERT with ON CONFLICT: both databases speak it, each through its own construct."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def changed_one(result: CursorResult[Any]) -> bool:
    return result.rowcount == 1


def factor_of(row: Any) -> Factor:
    values = {name: row._mapping[name] for name in _FACTOR_FIELDS}
    return Factor(**{**values, "kind": FactorKind(values["kind"])})


def add_factor(tx: Connection, factor: Factor) -> None:
    tx.execute(
        _factors.insert().values({field.name: getattr(factor, field.name) for field in fields(Factor)})
    )


def remove_factor(tx: Connection, factor_id: str) -> bool:
    tx.execute(delete(tables.failures).where(tables.failures.c.authenticator == factor_id))
    return changed_one(tx.execute(delete(_factors).where(_factors.c.factor_id == factor_id)))


def end_earlier(tx: Connection, factor: Factor) -> None:
    """Remove the citizen's other factors of this kind, which exists once for each citizen."""
    earlier = select(_factors.c.factor_id).where(
        _factors.c.citizen_id == factor.citizen_id,
        _factors.c.kind == factor.kind.value,
        _factors.c.factor_id != factor.factor_id,
    )
    for (factor_id,) in tx.execute(earlier).all():
        remove_factor(tx, factor_id)


_OF_CITIZEN = (
    select(*FACTOR_COLUMNS)
    .where(_factors.c.citizen_id == bindparam("wanted"))
    .order_by(_factors.c.created_at, _factors.c.factor_id)
)
_LOCK_OF_CITIZEN = _OF_CITIZEN.with_for_update()
_USE = (
    update(_factors)
    .where(_factors.c.factor_id == bindparam("used_factor"), _factors.c.disabled_at.is_(None))
    .values(last_used_at=bindparam("used_at"))
)
_PASSWORD_OF = (
    select(*FACTOR_COLUMNS, tables.passwords.c.password_hash)
    .join(tables.passwords, tables.passwords.c.factor_id == _factors.c.factor_id)
    .where(tables.passwords.c.citizen_id == bindparam("wanted"))
)
_TOTPS_OF = (
    select(*FACTOR_COLUMNS, tables.totp.c.sealed_seed)
    .join(tables.totp, tables.totp.c.factor_id == _factors.c.factor_id)
    .where(_factors.c.citizen_id == bindparam("wanted"))
    .order_by(_factors.c.factor_id)
)


class Factors:
    """`ports.Factors`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of_citizen(self, citizen_id: str) -> list[Factor]:
        with self._engine.connect() as connection:
            return [factor_of(row) for row in connection.execute(_OF_CITIZEN, {"wanted": citizen_id})]

    def lock_of_citizen(self, tx: Connection, citizen_id: str) -> list[Factor]:
        return [factor_of(row) for row in tx.execute(_LOCK_OF_CITIZEN, {"wanted": citizen_id})]

    def add(self, tx: Connection, factor: Factor) -> None:
        add_factor(tx, factor)

    def rename(self, tx: Connection, factor_id: str, name: str) -> bool:
        return changed_one(
            tx.execute(update(_factors).where(_factors.c.factor_id == factor_id).values(name=name))
        )

    def remove(self, tx: Connection, factor_id: str) -> bool:
        return remove_factor(tx, factor_id)

    def use(self, tx: Connection, factor_id: str, at: datetime) -> bool:
        return changed_one(tx.execute(_USE, {"used_factor": factor_id, "used_at": at}))

    def disable(self, tx: Connection, factor_id: str, at: datetime) -> None:
        tx.execute(update(_factors).where(_factors.c.factor_id == factor_id).values(disabled_at=at))

    def set_password(self, tx: Connection, factor: Factor, password_hash: str) -> None:
        add_factor(tx, factor)
        kept = {"factor_id": factor.factor_id, "password_hash": password_hash}
        statement = upsert(tx.dialect.name, tables.passwords).values(citizen_id=factor.citizen_id, **kept)
        tx.execute(statement.on_conflict_do_update(index_elements=["citizen_id"], set_=kept))
        end_earlier(tx, factor)

    def password_of(self, tx: Connection, citizen_id: str) -> PasswordFactor | None:
        row = tx.execute(_PASSWORD_OF, {"wanted": citizen_id}).one_or_none()
        return None if row is None else PasswordFactor(factor_of(row), row.password_hash)

    def replace_hash(self, tx: Connection, factor_id: str, *, old: str, new: str) -> bool:
        same = and_(tables.passwords.c.factor_id == factor_id, tables.passwords.c.password_hash == old)
        return changed_one(tx.execute(update(tables.passwords).where(same).values(password_hash=new)))

    def add_totp(self, tx: Connection, factor: Factor, sealed_seed: bytes, *, used_step: int) -> None:
        add_factor(tx, factor)
        row = {"factor_id": factor.factor_id, "sealed_seed": sealed_seed, "last_step": used_step}
        tx.execute(tables.totp.insert().values(row))

    def totps_of(self, tx: Connection, citizen_id: str) -> list[TotpFactor]:
        rows = tx.execute(_TOTPS_OF, {"wanted": citizen_id})
        return [TotpFactor(factor_of(row), row.sealed_seed) for row in rows]


_ADVANCE = (
    update(tables.totp)
    .where(tables.totp.c.factor_id == bindparam("advanced"), tables.totp.c.last_step < bindparam("step"))
    .values(last_step=bindparam("step"))
)
"""Of many callers with the same step, one advances (S-251)."""


class TotpSteps:
    """`ports.TotpSteps`."""

    def advance(self, tx: Connection, factor_id: str, step: int) -> bool:
        return changed_one(tx.execute(_ADVANCE, {"advanced": factor_id, "step": step}))


class PendingTotps:
    """`ports.PendingTotps`."""

    def put(self, tx: Connection, pending: PendingTotp, *, now: datetime) -> PendingTotp:
        table = tables.pending_totp
        row = {field.name: getattr(pending, field.name) for field in fields(PendingTotp)}
        kept = {name: row[name] for name in ("factor_id", "sealed_seed", "expires_at")}
        tx.execute(
            upsert(tx.dialect.name, table)
            .values(row)
            .on_conflict_do_update(
                index_elements=["citizen_id", "binding"], set_=kept, where=table.c.expires_at <= now
            )
        )
        return _pending(
            tx.execute(select(table).where(_is_pending(pending.citizen_id, pending.binding))).one()
        )

    def find(self, tx: Connection, citizen_id: str, binding: str) -> PendingTotp | None:
        row = tx.execute(select(tables.pending_totp).where(_is_pending(citizen_id, binding))).one_or_none()
        return None if row is None else _pending(row)

    def take(self, tx: Connection, citizen_id: str, binding: str) -> PendingTotp | None:
        statement = delete(tables.pending_totp).where(_is_pending(citizen_id, binding))
        row = tx.execute(statement.returning(tables.pending_totp)).one_or_none()
        return None if row is None else _pending(row)

    def sweep(self, tx: Connection, before: datetime) -> int:
        return tx.execute(
            delete(tables.pending_totp).where(tables.pending_totp.c.expires_at < before)
        ).rowcount


def _is_pending(citizen_id: str, binding: str) -> Any:
    table = tables.pending_totp
    return and_(table.c.citizen_id == citizen_id, table.c.binding == binding)


def _pending(row: Any) -> PendingTotp:
    return PendingTotp(**{field.name: row._mapping[field.name] for field in fields(PendingTotp)})


class Failures:
    """`ports.Failures`: one row for each authenticator, which is also the lock that makes counting exact."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def lock(self, tx: Connection, authenticator: str, *, citizen_id: str | None) -> lockout.Failures:
        row = {"authenticator": authenticator, "citizen_id": citizen_id, **_EMPTY}
        return _failures_of(tx.execute(_lock(tx.dialect.name), row).one())

    def keep(self, tx: Connection, authenticator: str, failures: lockout.Failures) -> None:
        new = {f"new_{name}": value for name, value in _columns_of(failures).items()}
        tx.execute(_KEEP, {"kept": authenticator, **new})

    def of(self, authenticators: Iterable[str]) -> dict[str, lockout.Failures]:
        some = tables.failures.c.authenticator.in_(list(authenticators))
        with self._engine.connect() as connection:
            rows = connection.execute(select(tables.failures).where(some))
            return {row.authenticator: _failures_of(row) for row in rows}

    def sweep(self, tx: Connection, before: datetime) -> int:
        last = tables.failures.c.strangers_last_at, tables.failures.c.known_last_at
        silent = [or_(column.is_(None), column < before) for column in last]
        nobody = tables.failures.c.citizen_id.is_(None)
        return tx.execute(delete(tables.failures).where(nobody, *silent)).rowcount


_GROUPS = ("strangers", "known")
_COUNT_FIELDS = tuple(field.name for field in fields(lockout.FailureCount))


def _columns_of(failures: lockout.Failures) -> dict[str, Any]:
    return {
        f"{group}_{name}": getattr(getattr(failures, group), name)
        for group in _GROUPS
        for name in _COUNT_FIELDS
    }


def _failures_of(row: Any) -> lockout.Failures:
    return lockout.Failures(
        *(
            lockout.FailureCount(**{name: row._mapping[f"{group}_{name}"] for name in _COUNT_FIELDS})
            for group in _GROUPS
        )
    )


_EMPTY = _columns_of(lockout.Failures())
_KEEP = (
    update(tables.failures)
    .where(tables.failures.c.authenticator == bindparam("kept"))
    .values({name: bindparam(f"new_{name}") for name in _EMPTY})
)


@cache
def _lock(dialect: str) -> Any:
    """The update changes nothing. It takes the row's lock, and returns the row as it stands under that lock."""
    statement = upsert(dialect, tables.failures)
    return statement.on_conflict_do_update(
        index_elements=["authenticator"], set_={"citizen_id": statement.excluded.citizen_id}
    ).returning(tables.failures)
