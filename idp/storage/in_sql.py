"""Consents, grants, what has been spent and ended sessions, in SQL."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, bindparam, delete, insert, select, text, update
from sqlalchemy.engine import Connection

from idp.records import OFFLINE_ACCESS, Citizen, Consent, Grant
from idp.storage.citizens_in_sql import citizen_from_row
from idp.storage.statements import Statement
from idp.storage.tables import UtcDateTime, citizens, consents, ended_sessions, grants, spent


class Consents:
    """Implements `ports.Consents`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def give(self, tx: Connection, consent: Consent) -> None:
        row = {
            "citizen_id": consent.citizen_id,
            "client_id": consent.client_id,
            "purpose_id": consent.purpose_id,
            "version": consent.version,
            "claims": " ".join(consent.claims),
            "given_at": consent.given_at,
            "revoked_at": None,
        }
        _FORGET_CONSENT.write(tx, row)
        _ADD_CONSENT.write(tx, row)

    def find(self, citizen_id: str, client_id: str, purpose_id: str) -> Consent | None:
        key = {"citizen_id": citizen_id, "client_id": client_id, "purpose_id": purpose_id}
        row = _CONSENT_IN_FORCE.first(self._engine, key)
        return None if row is None else _consent(row)

    def revoke(
        self, tx: Connection, citizen_id: str, client_id: str, purpose_id: str | None, at: datetime
    ) -> int:
        conditions = [
            consents.c.citizen_id == citizen_id,
            consents.c.client_id == client_id,
            consents.c.revoked_at.is_(None),
        ]
        if purpose_id is not None:
            conditions.append(consents.c.purpose_id == purpose_id)
        return tx.execute(update(consents).where(*conditions).values(revoked_at=at)).rowcount

    def of_citizen(self, citizen_id: str) -> list[Consent]:
        statement = select(consents).where(consents.c.citizen_id == citizen_id).order_by(consents.c.given_at)
        with self._engine.connect() as connection:
            return [_consent(row) for row in connection.execute(statement)]


_THIS_CONSENT = (
    consents.c.citizen_id == bindparam("citizen_id"),
    consents.c.client_id == bindparam("client_id"),
    consents.c.purpose_id == bindparam("purpose_id"),
)
_FORGET_CONSENT = Statement(delete(consents).where(*_THIS_CONSENT))
_ADD_CONSENT = Statement(insert(consents), sets=consents.c.keys())
_CONSENT_IN_FORCE = Statement(select(consents).where(*_THIS_CONSENT, consents.c.revoked_at.is_(None)))


def _consent(row: Any) -> Consent:
    return Consent(
        citizen_id=row.citizen_id,
        client_id=row.client_id,
        purpose_id=row.purpose_id,
        version=row.version,
        claims=tuple(row.claims.split()),
        given_at=row.given_at,
        revoked_at=row.revoked_at,
    )


class Grants:
    """Implements `ports.Grants`."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._clock = clock

    def add(self, tx: Connection, grant: Grant) -> None:
        row = {
            "grant_id": grant.grant_id,
            "citizen_id": grant.citizen_id,
            "client_id": grant.client_id,
            "session_id": grant.session_id,
            "scope": " ".join(grant.scope),
            "claims": " ".join(grant.claims),
            "purpose_id": grant.purpose_id,
            "created_at": grant.created_at,
            "expires_at": grant.expires_at,
            "revoked_at": grant.revoked_at,
            "authorization_details": json.dumps(grant.authorization_details)
            if grant.authorization_details
            else None,
            "resource": grant.resource,
            "resource_scope": " ".join(grant.resource_scope) or None,
        }
        _ADD_GRANT.write(tx, row)

    def find_live(self, grant_id: str, *, issued_at: datetime | None = None) -> tuple[Grant, Citizen] | None:
        row = _LIVE_GRANT.first(self._engine, {"grant_id": grant_id})
        if row is None or row.expires_at <= self._clock():
            return None
        grant = grant_from_row(row, row.granted_at)
        # A redemption that ran beside the sign-out may have committed after it: its grant is dead all the same.
        if row.ended_at is not None and not _outlives(grant, issued_at, row.ended_at):
            return None
        return grant, citizen_from_row(row)

    def of_session(self, session_id: str) -> list[Grant]:
        statement = (
            select(grants).where(grants.c.session_id == session_id).order_by(grants.c.created_at.desc())
        )
        with self._engine.connect() as connection:
            return [grant_from_row(row, row.created_at) for row in connection.execute(statement)]

    def revoke(self, tx: Connection, grant_id: str, at: datetime) -> bool:
        statement = update(grants).where(grants.c.grant_id == grant_id, grants.c.revoked_at.is_(None))
        return tx.execute(statement.values(revoked_at=at)).rowcount == 1

    def revoke_all_of(
        self,
        tx: Connection,
        *,
        at: datetime,
        citizen_id: str | None = None,
        session_id: str | None = None,
        client_id: str | None = None,
        offline: bool = True,
        kept_session_id: str | None = None,
    ) -> list[Grant]:
        wanted = {"citizen_id": citizen_id, "session_id": session_id, "client_id": client_id}
        conditions = [grants.c[name] == value for name, value in wanted.items() if value is not None]
        if not conditions:
            raise ValueError("name a citizen, a session or a client")
        if kept_session_id is not None:
            conditions.append(grants.c.session_id != kept_session_id)
        if not offline:
            conditions.append(~grants.c.scope.contains(OFFLINE_ACCESS, autoescape=True))
        statement = update(grants).where(*conditions, grants.c.revoked_at.is_(None), grants.c.expires_at > at)
        rows = tx.execute(statement.values(revoked_at=at).returning(*grants.c))
        return [grant_from_row(row, row.created_at) for row in rows]

    def sweep(self, tx: Connection, now: datetime) -> int:
        """Forget grants whose tokens all expired a day ago; the ledger remembers that they were."""
        return tx.execute(delete(grants).where(grants.c.expires_at < now - timedelta(days=1))).rowcount


_ADD_GRANT = Statement(insert(grants), sets=grants.c.keys())

_LIVE_GRANT = Statement(
    select(
        *(column for column in grants.c if column.name != "created_at"),
        grants.c.created_at.label("granted_at"),
        ended_sessions.c.ended_at,
        *(column for column in citizens.c if column.name != "citizen_id"),
    )
    .select_from(
        grants.join(citizens, citizens.c.citizen_id == grants.c.citizen_id).outerjoin(
            ended_sessions, ended_sessions.c.session_id == grants.c.session_id
        )
    )
    .where(
        grants.c.grant_id == bindparam("grant_id"),
        grants.c.revoked_at.is_(None),
        citizens.c.status == "active",
    )
)


def _outlives(grant: Grant, issued_at: datetime | None, ended_at: datetime) -> bool:
    return grant.offline and (issued_at is None or issued_at > ended_at)


def grant_from_row(row: Any, created_at: datetime) -> Grant:
    """A row that has the columns of `grants`."""
    return Grant(
        grant_id=row.grant_id,
        citizen_id=row.citizen_id,
        client_id=row.client_id,
        session_id=row.session_id,
        scope=tuple(row.scope.split()),
        claims=tuple(row.claims.split()),
        purpose_id=row.purpose_id,
        created_at=created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        authorization_details=tuple(json.loads(row.authorization_details or "[]")),
        resource=row.resource,
        resource_scope=tuple((row.resource_scope or "").split()),
    )


_GAVE = Statement(
    select(spent.c.gave).where(
        spent.c.kind == bindparam("kind"), spent.c.key_digest == bindparam("key_digest")
    )
)
# Both databases speak this; a caller that is late waits for the first one's commit and then changes nothing.
_SPEND = Statement(
    text(
        "INSERT INTO spent (kind, key_digest, spent_at, keep_until, gave) "
        "VALUES (:kind, :key_digest, :spent_at, :keep_until, :gave) ON CONFLICT DO NOTHING"
    ).bindparams(bindparam("spent_at", type_=UtcDateTime()), bindparam("keep_until", type_=UtcDateTime()))
)


class Spent:
    """Implements `ports.Spent`: the primary key decides who was first."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def spend(
        self,
        tx: Connection,
        kind: str,
        key_digest: str,
        *,
        now: datetime,
        keep_until: datetime,
        gave: str = "",
    ) -> bool:
        row = {
            "kind": kind,
            "key_digest": key_digest,
            "spent_at": now,
            "keep_until": keep_until,
            "gave": gave,
        }
        return _SPEND.write(tx, row) == 1

    def gave_what(self, kind: str, key_digest: str) -> str | None:
        row = _GAVE.first(self._engine, {"kind": kind, "key_digest": key_digest})
        return None if row is None else row.gave

    def sweep(self, tx: Connection, now: datetime) -> int:
        """Forget what could no longer be presented anyway."""
        return tx.execute(delete(spent).where(spent.c.keep_until < now)).rowcount


_ENDED = Statement(
    select(ended_sessions.c.session_id).where(ended_sessions.c.session_id == bindparam("session_id"))
)

_END = text(
    "INSERT INTO ended_sessions (session_id, ended_at, expires_at) "
    "VALUES (:session_id, :ended_at, :expires_at) ON CONFLICT DO NOTHING"
).bindparams(bindparam("ended_at", type_=UtcDateTime()), bindparam("expires_at", type_=UtcDateTime()))


class EndedSessions:
    """Implements `ports.EndedSessions`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def end(self, tx: Connection, session_id: str, *, at: datetime, expires_at: datetime) -> None:
        tx.execute(_END, {"session_id": session_id, "ended_at": at, "expires_at": expires_at})

    def has_ended(self, session_id: str) -> bool:
        return _ENDED.first(self._engine, {"session_id": session_id}) is not None

    def sweep(self, tx: Connection, now: datetime) -> int:
        """Forget sessions past their absolute end, with room for clocks that differ."""
        return tx.execute(
            delete(ended_sessions).where(ended_sessions.c.expires_at < now - timedelta(hours=1))
        ).rowcount
