"""Letters in SQL. Invitations are in invitations_in_sql.py."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Engine,
    Row,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from idp.letters.letter import Addressee, Letter, LetterKind
from idp.letters.ports import KeptLetter, QueuedLetter
from idp.letters.tables import invitations, letters
from idp.records import Address
from idp.storage.database import TransactionConflict
from idp.storage.tables import citizens

_KEPT_AFTER_EXPIRY = timedelta(days=90)
"""So long a late citizen is told that the letter expired, and not that we never knew it."""

_BY_DIGEST = select(letters).where(letters.c.code_digest == bindparam("wanted"))


class Letters:
    """Implements `ports.Letters`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(
        self,
        tx: Connection,
        *,
        kind: LetterKind,
        citizen_id: str,
        code_digest: str,
        sealed_code: bytes,
        issued_at: datetime,
        expires_at: datetime,
    ) -> Letter:
        self.end(tx, kind, citizen_id, issued_at)
        row = {
            "kind": kind.value,
            "citizen_id": citizen_id,
            "living": _living(kind, citizen_id),
            "code_digest": code_digest,
            "sealed_code": sealed_code,
            "issued_at": issued_at,
            "expires_at": expires_at,
        }
        try:
            number = tx.execute(insert(letters).values(**row).returning(letters.c.number)).scalar_one()
        except IntegrityError as conflict:  # another transaction issued one at the same moment: run again
            raise TransactionConflict from conflict
        return Letter(number, kind, citizen_id, issued_at, expires_at)

    def find(self, code_digest: str) -> KeptLetter | None:
        with self._engine.connect() as connection:
            row = connection.execute(_BY_DIGEST, {"wanted": code_digest}).first()
        return None if row is None else KeptLetter(_letter(row), row.spent_at, row.ended_at)

    def find_by_number(self, number: int) -> KeptLetter | None:
        statement = select(letters).where(letters.c.number == number)
        with self._engine.connect() as connection:
            row = connection.execute(statement).first()
        return None if row is None else KeptLetter(_letter(row), row.spent_at, row.ended_at)

    def spend(self, tx: Connection, code_digest: str, kind: LetterKind, now: datetime) -> str | None:
        return _spend(tx, letters.c.code_digest == code_digest, kind, now)

    def spend_number(self, tx: Connection, number: int, kind: LetterKind, now: datetime) -> str | None:
        return _spend(tx, letters.c.number == number, kind, now)

    def end(self, tx: Connection, kind: LetterKind, citizen_id: str, now: datetime) -> bool:
        statement = update(letters).where(letters.c.living == _living(kind, citizen_id))
        return tx.execute(statement.values(ended_at=now, living=None, sealed_code=None)).rowcount == 1

    def last_issued(self, kind: LetterKind, citizen_id: str) -> datetime | None:
        statement = (
            select(letters.c.issued_at)
            .where(letters.c.kind == kind.value, letters.c.citizen_id == citizen_id)
            .order_by(letters.c.number.desc())
            .limit(1)
        )
        with self._engine.connect() as connection:
            return connection.execute(statement).scalar()

    def unprinted(
        self, now: datetime, limit: int, kind: LetterKind | None = None, *, after: int = 0
    ) -> list[QueuedLetter]:
        statement = (
            select(
                letters,
                *(invitations.c[name].label(f"invited_{name}") for name in _INVITED),
                *(citizens.c[name].label(f"citizen_{name}") for name in _CITIZEN),
            )
            .select_from(_WITH_PEOPLE)
            .where(*_queued(now, kind), letters.c.number > after)
            .order_by(letters.c.number)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(statement).all()
        return [QueuedLetter(_letter(row), _addressee(row), row.sealed_code) for row in rows]

    def count_unprinted(self, now: datetime, kind: LetterKind | None = None) -> int:
        statement = select(func.count()).select_from(_WITH_PEOPLE).where(*_queued(now, kind))
        with self._engine.connect() as connection:
            return int(connection.execute(statement).scalar_one())

    def printed(self, tx: Connection, numbers: Sequence[int], at: datetime) -> None:
        statement = update(letters).where(letters.c.number.in_(numbers))
        tx.execute(statement.values(printed_at=at, sealed_code=None))

    def sweep(self, tx: Connection, now: datetime) -> int:
        """Forget letters that expired long ago, and whoever was invited by them and never came."""
        before = now - _KEPT_AFTER_EXPIRY
        removed = tx.execute(delete(letters).where(letters.c.expires_at < before)).rowcount
        still = select(letters.c.citizen_id).where(letters.c.citizen_id == invitations.c.citizen_id)
        tx.execute(delete(invitations).where(invitations.c.invited_at < before, ~still.exists()))
        return removed


def _spend(tx: Connection, which: ColumnElement[bool], kind: LetterKind, now: datetime) -> str | None:
    statement = update(letters).where(
        which,
        letters.c.kind == kind.value,
        letters.c.spent_at.is_(None),
        letters.c.ended_at.is_(None),
        letters.c.expires_at > now,
    )
    spent = tx.execute(
        statement.values(spent_at=now, living=None, sealed_code=None).returning(letters.c.citizen_id)
    )
    return spent.scalar_one_or_none()


_WITH_PEOPLE = letters.outerjoin(invitations, invitations.c.citizen_id == letters.c.citizen_id).outerjoin(
    citizens, citizens.c.citizen_id == letters.c.citizen_id
)
_INVITED = ("given_name", "family_name", "address", "language")
_CITIZEN = ("given_name", "family_name", "address", "locale")


def _queued(now: datetime, kind: LetterKind | None) -> list[ColumnElement[bool]]:
    conditions = [
        letters.c.printed_at.is_(None),
        letters.c.living.is_not(None),
        letters.c.sealed_code.is_not(None),
        letters.c.expires_at > now,
        or_(invitations.c.address.is_not(None), citizens.c.address.is_not(None)),
    ]
    return conditions if kind is None else [*conditions, letters.c.kind == kind.value]


def _addressee(row: Row[*tuple[Any, ...]]) -> Addressee:
    """The registered address, and no other (S-303)."""
    if row.invited_address is not None:
        name = f"{row.invited_given_name} {row.invited_family_name}".strip()
        return Addressee(name, Address(**json.loads(row.invited_address)), row.invited_language)
    name = f"{row.citizen_given_name} {row.citizen_family_name}".strip()
    return Addressee(name, Address(**json.loads(row.citizen_address)), row.citizen_locale)


def _living(kind: LetterKind, citizen_id: str) -> str:
    return f"{kind.value}:{citizen_id}"


def _letter(row: Row[*tuple[Any, ...]]) -> Letter:
    return Letter(
        number=row.number,
        kind=LetterKind(row.kind),
        citizen_id=row.citizen_id,
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        printed_at=row.printed_at,
    )
