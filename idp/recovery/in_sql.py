"""Recoveries, proofings and orders for letters in SQL."""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, and_, delete, distinct, func, insert, select, update
from sqlalchemy.engine import Connection

from idp.recovery.ports import LetterOrder
from idp.recovery.recovery import Recovery, ShownProof, Stage
from idp.recovery.rules import Lost, Proof
from idp.recovery.tables import letter_orders, proofings, recoveries

_LIVING = (Stage.PROVING.value, Stage.COOLING.value, Stage.ALLOWED.value)
_WAITING = (Stage.COOLING.value, Stage.ALLOWED.value)


class Recoveries:
    """Implements `ports.Recoveries`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, tx: Connection, recovery: Recovery, *, browser_digest: str) -> None:
        tx.execute(insert(recoveries).values(_row(recovery) | {"browser_digest": browser_digest}))

    def find(self, browser_digest: str) -> Recovery | None:
        statement = select(recoveries).where(recoveries.c.browser_digest == browser_digest)
        with self._engine.connect() as connection:
            row = connection.execute(statement).first()
        return None if row is None else _recovery(row)

    def lock(self, tx: Connection, recovery_id: str) -> Recovery | None:
        statement = select(recoveries).where(recoveries.c.recovery_id == recovery_id).with_for_update()
        row = tx.execute(statement).first()
        return None if row is None else _recovery(row)

    def keep(self, tx: Connection, recovery: Recovery, *, stop_digest: str | None = None) -> None:
        values = _row(recovery) | ({} if stop_digest is None else {"stop_digest": stop_digest})
        tx.execute(update(recoveries).where(recoveries.c.recovery_id == recovery.recovery_id).values(values))

    def stop(self, tx: Connection, stop_digest: str, now: datetime) -> Recovery | None:
        living = and_(
            recoveries.c.stop_digest == stop_digest,
            recoveries.c.stage.in_(_WAITING),
            recoveries.c.expires_at > now,
        )
        statement = update(recoveries).where(living).values(stage=Stage.STOPPED.value).returning(recoveries)
        row = tx.execute(statement).first()
        return None if row is None else _recovery(row)

    def stop_all_of(self, tx: Connection, citizen_id: str, now: datetime, *, but: str = "") -> int:
        theirs = and_(
            recoveries.c.citizen_id == citizen_id,
            recoveries.c.recovery_id != but,
            recoveries.c.stage.in_(_LIVING),
            recoveries.c.expires_at > now,
            recoveries.c.shown
            != "[]",  # else whoever typed a user ID would learn what its citizen does (S-238)
        )
        ended = update(recoveries).where(theirs).values(stage=Stage.STOPPED.value)
        rows = tx.execute(ended.returning(recoveries.c.cooling_until)).all()
        return sum(row.cooling_until is not None for row in rows)

    def waiting_of(self, citizen_id: str, now: datetime) -> Recovery | None:
        waiting = and_(
            recoveries.c.citizen_id == citizen_id,
            recoveries.c.stage.in_(_WAITING),
            recoveries.c.cooling_until.is_not(None),
            recoveries.c.expires_at > now,
        )
        statement = select(recoveries).where(waiting).order_by(recoveries.c.cooling_until)
        with self._engine.connect() as connection:
            row = connection.execute(statement).first()
        return None if row is None else _recovery(row)

    def sweep(self, tx: Connection, before: datetime) -> int:
        return tx.execute(delete(recoveries).where(recoveries.c.expires_at < before)).rowcount


def _row(recovery: Recovery) -> dict[str, Any]:
    row = asdict(recovery)
    row["lost"], row["stage"] = recovery.lost.value, recovery.stage.value
    row["shown"] = json.dumps([[s.proof.value, s.at.isoformat(), s.factor_id] for s in recovery.shown])
    lost = recovery.lost_factors
    row["lost_factors"] = None if lost is None else json.dumps(list(lost))
    return row


def _recovery(row: Any) -> Recovery:
    kept = {name: row._mapping[name] for name in Recovery.__dataclass_fields__}
    kept["lost"], kept["stage"] = Lost(row.lost), Stage(row.stage)
    kept["shown"] = tuple(
        ShownProof(Proof(proof), datetime.fromisoformat(at), factor_id)
        for proof, at, factor_id in json.loads(row.shown)
    )
    kept["lost_factors"] = None if row.lost_factors is None else tuple(json.loads(row.lost_factors))
    return Recovery(**kept)


class Proofings:
    """Implements `ports.Proofings`. `needed`: how many different officers must say it."""

    def __init__(self, engine: Engine, needed: int) -> None:
        self._engine = engine
        self._needed = needed

    def add(
        self,
        tx: Connection,
        citizen_id: str,
        *,
        officer: str,
        reason: str,
        at: datetime,
        expires_at: datetime,
    ) -> None:
        row = {"citizen_id": citizen_id, "officer": officer, "reason": reason}
        tx.execute(insert(proofings).values(**row, at=at, expires_at=expires_at))

    def missing(self, citizen_id: str, now: datetime) -> int:
        statement = select(func.count(distinct(proofings.c.officer))).where(_living(citizen_id, now))
        with self._engine.connect() as connection:
            return max(0, self._needed - connection.execute(statement).scalar_one())

    def spend(self, tx: Connection, citizen_id: str, now: datetime) -> bool:
        spent = update(proofings).where(_living(citizen_id, now)).values(used_at=now)
        return len(set(tx.execute(spent.returning(proofings.c.officer)).scalars())) >= self._needed


def _living(citizen_id: str, now: datetime) -> Any:
    return and_(
        proofings.c.citizen_id == citizen_id,
        proofings.c.used_at.is_(None),
        proofings.c.at <= now,
        proofings.c.expires_at > now,
    )


class LetterOrders:
    """Implements `ports.LetterOrders`."""

    def add(self, tx: Connection, sealed: bytes, at: datetime) -> None:
        tx.execute(insert(letter_orders).values(sealed=sealed, at=at))

    def take(self, tx: Connection, limit: int) -> list[LetterOrder]:
        oldest = (
            select(letter_orders.c.number)
            .order_by(letter_orders.c.number)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        statement = delete(letter_orders).where(letter_orders.c.number.in_(oldest)).returning(letter_orders)
        rows = sorted(tx.execute(statement).all(), key=lambda row: row.number)
        return [LetterOrder(row.number, row.sealed, row.at) for row in rows]
