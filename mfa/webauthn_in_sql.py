"""`ports.Credentials` on SQLite and PostgreSQL."""

from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, and_, bindparam, or_, select, update

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
        row = tx.execute(_BY_CREDENTIAL_ID, {"wanted": credential_id}).one_or_none()
        return None if row is None else _credential_of(row)

    def of_citizen(self, citizen_id: str) -> list[StoredCredential]:
        with self._engine.connect() as connection:
            return [_credential_of(row) for row in connection.execute(_OF_CITIZEN, {"wanted": citizen_id})]

    def owner(self, credential_id: bytes) -> str | None:
        with self._engine.connect() as connection:
            found: str | None = connection.execute(_OWNER, {"wanted": credential_id}).scalar_one_or_none()
        return found

    def advance(self, tx: Connection, factor_id: str, sign_count: int, *, backed_up: bool) -> bool:
        new = {"advanced": factor_id, "new_count": sign_count, "new_backed_up": backed_up}
        return changed_one(tx.execute(_ADVANCE, new))

    def suspect(self, tx: Connection, factor_id: str, at: datetime) -> None:
        first = and_(_webauthn.c.factor_id == factor_id, _webauthn.c.suspected_at.is_(None))
        tx.execute(update(_webauthn).where(first).values(suspected_at=at))


_STORED = (
    select(*FACTOR_COLUMNS, *(_webauthn.c[name] for name in _OWN), tables.user_handles.c.user_handle)
    .join(_webauthn, _webauthn.c.factor_id == tables.factors.c.factor_id)
    .join(tables.user_handles, tables.user_handles.c.citizen_id == tables.factors.c.citizen_id)
)
_BY_CREDENTIAL_ID = _STORED.where(_webauthn.c.credential_id == bindparam("wanted"))
_OF_CITIZEN = _STORED.where(tables.factors.c.citizen_id == bindparam("wanted")).order_by(
    tables.factors.c.created_at, tables.factors.c.factor_id
)
_OWNER = (
    select(tables.factors.c.citizen_id)
    .join(_webauthn, _webauthn.c.factor_id == tables.factors.c.factor_id)
    .where(_webauthn.c.credential_id == bindparam("wanted"))
)
_ADVANCE = (
    update(_webauthn)
    .where(
        _webauthn.c.factor_id == bindparam("advanced"),
        # WebAuthn Level 3 §7.2 (22): a key without a counter stays at 0
        or_(_webauthn.c.sign_count < bindparam("new_count"), _webauthn.c.sign_count == 0),
    )
    .values(sign_count=bindparam("new_count"), backed_up=bindparam("new_backed_up"))
)


def _credential_of(row: Any) -> StoredCredential:
    return StoredCredential(
        factor=factor_of(row),
        user_handle=row.user_handle,
        **{name: row._mapping[name] for name in _OWN},
    )
