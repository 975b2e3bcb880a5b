"""`ports.Credentials` on SQLite and PostgreSQL."""

from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, and_, or_, select, update

from mfa import tables
from mfa.in_sql import FACTOR_COLUMNS, add_factor, changed_one, factor_of, remove_factor, upsert
from mfa.ports import StoredCredential

_webauthn = tables.webauthn
_OWN = tuple(field.name for field in fields(StoredCredential) if field.name in _webauthn.c)


class Credentials:
    """`ports.Credentials`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def user_handle(self, tx: Connection, citizen_id: str, *, new: bytes) -> bytes:
        table = tables.user_handles
        tx.execute(
            upsert(tx.dialect.name, table)
            .values(citizen_id=citizen_id, user_handle=new)
            .on_conflict_do_nothing()
        )
        kept: bytes = tx.execute(
            select(table.c.user_handle).where(table.c.citizen_id == citizen_id)
        ).scalar_one()
        return kept

    def add(self, tx: Connection, credential: StoredCredential) -> bool:
        add_factor(tx, credential.factor)
        row = {name: getattr(credential, name) for name in _OWN}
        statement = upsert(tx.dialect.name, _webauthn).values(factor_id=credential.factor.factor_id, **row)
        new = statement.on_conflict_do_nothing(index_elements=["credential_id"]).returning(
            _webauthn.c.factor_id
        )
        if tx.execute(new).one_or_none() is not None:
            return True
        remove_factor(tx, credential.factor.factor_id)
        return False

    def find(self, tx: Connection, credential_id: bytes) -> StoredCredential | None:
        row = tx.execute(_stored().where(_webauthn.c.credential_id == credential_id)).one_or_none()
        return None if row is None else _credential_of(row)

    def of_citizen(self, citizen_id: str) -> list[StoredCredential]:
        factors = tables.factors.c
        statement = (
            _stored().where(factors.citizen_id == citizen_id).order_by(factors.created_at, factors.factor_id)
        )
        with self._engine.connect() as connection:
            return [_credential_of(row) for row in connection.execute(statement)]

    def owner(self, credential_id: bytes) -> str | None:
        statement = (
            select(tables.factors.c.citizen_id)
            .join(_webauthn, _webauthn.c.factor_id == tables.factors.c.factor_id)
            .where(_webauthn.c.credential_id == credential_id)
        )
        with self._engine.connect() as connection:
            found: str | None = connection.execute(statement).scalar_one_or_none()
        return found

    def advance(self, tx: Connection, factor_id: str, sign_count: int, *, backed_up: bool) -> bool:
        # WebAuthn Level 3 §7.2 (22): a key without a counter stays at 0
        rises = or_(_webauthn.c.sign_count < sign_count, _webauthn.c.sign_count == 0)
        statement = update(_webauthn).where(and_(_webauthn.c.factor_id == factor_id, rises))
        return changed_one(tx.execute(statement.values(sign_count=sign_count, backed_up=backed_up)))

    def suspect(self, tx: Connection, factor_id: str, at: datetime) -> None:
        first = and_(_webauthn.c.factor_id == factor_id, _webauthn.c.suspected_at.is_(None))
        tx.execute(update(_webauthn).where(first).values(suspected_at=at))


def _stored() -> Any:
    return (
        select(*FACTOR_COLUMNS, *(_webauthn.c[name] for name in _OWN), tables.user_handles.c.user_handle)
        .join(_webauthn, _webauthn.c.factor_id == tables.factors.c.factor_id)
        .join(tables.user_handles, tables.user_handles.c.citizen_id == tables.factors.c.citizen_id)
    )


def _credential_of(row: Any) -> StoredCredential:
    return StoredCredential(
        factor=factor_of(row),
        user_handle=row.user_handle,
        **{name: row._mapping[name] for name in _OWN},
    )
