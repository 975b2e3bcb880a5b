"""Invitations in SQL. CPR numbers are sealed, and found by the citizens' own blind index."""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from idp.letters.ports import Invitation, Sealer
from idp.letters.tables import invitations
from idp.records import Address
from idp.storage.ports import AlreadyKnown


class Invitations:
    """Implements `ports.Invitations`."""

    def __init__(self, engine: Engine, sealer: Sealer, cpr_index: Callable[[str], str]) -> None:
        self._engine = engine
        self._sealer = sealer
        self._cpr_index = cpr_index

    def known(self, cprs: Iterable[str]) -> dict[str, str]:
        by_index = {self._cpr_index(cpr): cpr for cpr in cprs}
        statement = select(invitations.c.cpr_index, invitations.c.citizen_id).where(
            invitations.c.cpr_index.in_(by_index)
        )
        with self._engine.connect() as connection:
            return {by_index[row.cpr_index]: row.citizen_id for row in connection.execute(statement)}

    def add(self, tx: Connection, invitation: Invitation, *, cpr: str, at: datetime) -> None:
        sealed = self._sealer.seal(cpr.encode(), bound_to(invitation.citizen_id))
        values = _values(invitation) | {
            "citizen_id": invitation.citizen_id,
            "cpr_sealed": sealed,
            "cpr_index": self._cpr_index(cpr),
            "invited_at": at,
        }
        try:
            with tx.begin_nested():
                tx.execute(insert(invitations).values(**values))
        except IntegrityError:
            raise AlreadyKnown from None

    def renew(self, tx: Connection, invitation: Invitation, *, at: datetime) -> None:
        statement = update(invitations).where(invitations.c.citizen_id == invitation.citizen_id)
        tx.execute(statement.values(**_values(invitation), invited_at=at))

    def find(self, citizen_id: str) -> Invitation | None:
        statement = select(invitations).where(invitations.c.citizen_id == citizen_id)
        with self._engine.connect() as connection:
            row = connection.execute(statement).first()
        if row is None:
            return None
        return Invitation(
            citizen_id=row.citizen_id,
            given_name=row.given_name,
            family_name=row.family_name,
            birthdate=row.birthdate,
            address=Address(**json.loads(row.address)),
            language=row.language,
        )

    def load_cpr(self, citizen_id: str) -> str:
        statement = select(invitations.c.cpr_sealed).where(invitations.c.citizen_id == citizen_id)
        with self._engine.connect() as connection:
            sealed = connection.execute(statement).scalar_one()
        return self._sealer.unseal(sealed, bound_to(citizen_id)).decode()

    def remove(self, tx: Connection, citizen_id: str) -> bool:
        return tx.execute(delete(invitations).where(invitations.c.citizen_id == citizen_id)).rowcount == 1


def _values(invitation: Invitation) -> dict[str, str]:
    return {
        "given_name": invitation.given_name,
        "family_name": invitation.family_name,
        "birthdate": invitation.birthdate,
        "address": json.dumps(asdict(invitation.address), ensure_ascii=False),
        "language": invitation.language,
    }


def bound_to(citizen_id: str) -> bytes:
    """Binds a sealed number to its invitation."""
    return b"invitation-cpr:" + citizen_id.encode()
