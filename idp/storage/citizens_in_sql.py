"""Citizens in SQL. CPR numbers are sealed; a keyed digest (blind index) finds them without opening any."""

import hashlib
import hmac
import json
import unicodedata
from dataclasses import asdict
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Engine, and_, bindparam, insert, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from idp.records import Address, Citizen, ProfileClaims
from idp.storage.ports import AlreadyKnown
from idp.storage.statements import Statement
from idp.storage.tables import citizens


class Sealer(Protocol):
    """Authenticated encryption; `keys.sealing.Sealer` is one."""

    def seal(self, plaintext: bytes, associated: bytes) -> bytes: ...

    def unseal(self, envelope: bytes, associated: bytes) -> bytes: ...


def canonical_user_id(user_id: str) -> str:
    """One spelling for all ways to type a user ID, the same on every database (S-243, S-338).

    NFKC, case-folded, outer white space dropped; computed here because collations differ between databases.
    """
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", user_id).strip().casefold())


_BY_ID = Statement(select(citizens).where(citizens.c.citizen_id == bindparam("wanted")))
_BY_USER_ID = Statement(select(citizens).where(citizens.c.canonical_user_id == bindparam("wanted")))
_BY_CPR = Statement(select(citizens).where(citizens.c.cpr_index == bindparam("wanted")))


class Citizens:
    """Implements `ports.Citizens`."""

    def __init__(self, engine: Engine, sealer: Sealer, index_secret: bytes) -> None:
        self._engine = engine
        self._sealer = sealer
        self._index_secret = index_secret

    def add(self, tx: Connection, citizen: Citizen, *, cpr: str) -> None:
        values = asdict(citizen)
        for name in ("address", "profile"):
            values[name] = _as_document(values[name])
        values["canonical_user_id"] = canonical_user_id(citizen.user_id)
        values["cpr_sealed"] = self._sealer.seal(cpr.encode(), bound_to(citizen.citizen_id))
        values["cpr_index"] = self.cpr_index(cpr)
        try:
            with tx.begin_nested():
                tx.execute(insert(citizens).values(**values))
        except IntegrityError:
            raise AlreadyKnown from None

    def find(self, citizen_id: str) -> Citizen | None:
        return self._find(_BY_ID, citizen_id)

    def find_by_user_id(self, user_id: str) -> Citizen | None:
        return self._find(_BY_USER_ID, canonical_user_id(user_id))

    def find_by_cpr(self, cpr: str) -> Citizen | None:
        return self._find(_BY_CPR, self.cpr_index(cpr))

    def load_cpr(self, citizen_id: str) -> str:
        statement = select(citizens.c.cpr_sealed).where(citizens.c.citizen_id == citizen_id)
        with self._engine.connect() as connection:
            sealed = connection.execute(statement).scalar_one()
        return self._sealer.unseal(sealed, bound_to(citizen_id)).decode()

    def set_status(
        self, tx: Connection, citizen_id: str, status: str, *, blocked_by: str | None = None
    ) -> bool:
        statement = update(citizens).where(citizens.c.citizen_id == citizen_id)
        return tx.execute(statement.values(status=status, blocked_by=blocked_by)).rowcount == 1

    def block_oneself(self, tx: Connection, citizen_id: str) -> bool:
        active = and_(citizens.c.citizen_id == citizen_id, citizens.c.status == "active")
        statement = update(citizens).where(active).values(status="blocked", blocked_by="citizen")
        return tx.execute(statement).rowcount == 1

    def open_own_block(self, tx: Connection, citizen_id: str) -> bool:
        own = and_(
            citizens.c.citizen_id == citizen_id,
            citizens.c.status == "blocked",
            citizens.c.blocked_by == "citizen",
        )
        return tx.execute(update(citizens).where(own).values(status="active", blocked_by=None)).rowcount == 1

    def set_contact(
        self, tx: Connection, citizen_id: str, *, email: str | None, phone_number: str | None, at: datetime
    ) -> None:
        for column, value in ((citizens.c.email, email), (citizens.c.phone_number, phone_number)):
            changed = and_(citizens.c.citizen_id == citizen_id, column.is_distinct_from(value))
            statement = update(citizens).where(changed)
            changes = {column.name: value, f"{column.name}_verified": False, "changed_at": at}
            tx.execute(statement.values(changes))

    def _find(self, statement: Statement, wanted: str) -> Citizen | None:
        row = statement.first(self._engine, {"wanted": wanted})
        return None if row is None else citizen_from_row(row)

    def cpr_index(self, cpr: str) -> str:
        """The blind index, for invitations too: a number has one, whoever asks."""
        return hmac.new(self._index_secret, cpr.encode(), hashlib.sha256).hexdigest()


def citizen_from_row(row: Any) -> Citizen:
    """A citizen from a row that has the columns of `citizens` (its own, or joined to another table's)."""
    return Citizen(
        citizen_id=row.citizen_id,
        user_id=row.user_id,
        status=row.status,
        given_name=row.given_name,
        family_name=row.family_name,
        birthdate=row.birthdate,
        locale=row.locale,
        created_at=row.created_at,
        email=row.email,
        email_verified=row.email_verified,
        phone_number=row.phone_number,
        phone_number_verified=row.phone_number_verified,
        address=None if row.address is None else Address(**json.loads(row.address)),
        blocked_by=row.blocked_by,
        profile=ProfileClaims() if row.profile is None else ProfileClaims(**json.loads(row.profile)),
        changed_at=row.changed_at,
    )


def _as_document(members: dict[str, str | None] | None) -> str | None:
    """What there is of them as JSON; None where there is nothing."""
    present = {name: value for name, value in (members or {}).items() if value is not None}
    return json.dumps(present, ensure_ascii=False) if present else None


def bound_to(citizen_id: str) -> bytes:
    """Binds a sealed number to its citizen: two citizens' envelopes cannot be swapped."""
    return b"cpr:" + citizen_id.encode()
