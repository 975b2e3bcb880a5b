"""The queue in SQL."""

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from itertools import islice, zip_longest
from typing import Any

from sqlalchemy import (
    Engine,
    TextClause,
    and_,
    bindparam,
    delete,
    func,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.engine import Connection

from idp.logout.notice import LogoutNotice, Outcome
from idp.logout.ports import Waiting
from idp.logout.tables import AGAIN, FIRST
from idp.logout.tables import logout_notices as notices
from idp.storage.tables import UtcDateTime

# One row for each client, whatever it was given and whatever became of that: also where a grant was revoked before, the
# client may hold a session of its own. What `catch_up` finds again is there already.
_WRITE = text(
    "INSERT INTO logout_notices "
    "(session_id, client_id, citizen_id, outcome, tries, last_fault, ended_at, next_at) "
    "SELECT DISTINCT session_id, client_id, citizen_id, 'waiting', 0, '', :at, :at "
    "FROM grants WHERE session_id = :session_id ON CONFLICT DO NOTHING"
).bindparams(bindparam("at", type_=UtcDateTime()))

_CATCH_UP = text(
    "INSERT INTO logout_notices "
    "(session_id, client_id, citizen_id, outcome, tries, last_fault, ended_at, next_at) "
    "SELECT DISTINCT grants.session_id, grants.client_id, grants.citizen_id, 'waiting', 0, '', "
    "ended_sessions.ended_at, ended_sessions.ended_at "
    "FROM ended_sessions JOIN grants ON grants.session_id = ended_sessions.session_id "
    "WHERE ended_sessions.ended_at > :since AND NOT EXISTS (SELECT 1 FROM logout_notices "
    "WHERE logout_notices.session_id = grants.session_id AND logout_notices.client_id = grants.client_id) "
    "ON CONFLICT DO NOTHING"
).bindparams(bindparam("since", type_=UtcDateTime()))

# From one client to the next in the index of this kind: one with a million notices costs no more than any other.
_CLIENTS = """
WITH RECURSIVE waiting (client_id) AS (
  SELECT min(client_id) FROM logout_notices WHERE outcome = 'waiting' AND {kind}
  UNION ALL
  SELECT (SELECT min(client_id) FROM logout_notices
    WHERE outcome = 'waiting' AND {kind} AND client_id > waiting.client_id)
  FROM waiting WHERE waiting.client_id IS NOT NULL
)
SELECT client_id FROM (
  SELECT client_id, (SELECT min(next_at) FROM logout_notices
    WHERE outcome = 'waiting' AND {kind} AND client_id = waiting.client_id) AS oldest
  FROM waiting WHERE client_id IS NOT NULL
) AS clients WHERE oldest <= :now ORDER BY random() LIMIT :limit
"""

_WAITING = text("outcome = 'waiting'")


class _Turns:
    """Whose turn it is, among the notices of one kind."""

    def __init__(self, kind: TextClause) -> None:
        now = bindparam("now", type_=UtcDateTime())
        self._clients = text(_CLIENTS.format(kind=kind.text)).bindparams(now)
        self._of_client = (
            select(notices)
            .where(_WAITING, kind, notices.c.client_id == bindparam("client_id"), notices.c.next_at <= now)
            .order_by(notices.c.next_at)
            .limit(bindparam("part"))
        )

    def due(self, connection: Connection, now: datetime, limit: int, part: int) -> list[LogoutNotice]:
        """First one of each client, in no order that lets many hide one; then the second of each, up to its part."""
        clients = connection.execute(self._clients, {"now": now, "limit": limit}).scalars().all()
        of_each = [
            connection.execute(self._of_client, {"client_id": client, "now": now, "part": part}).all()
            for client in clients
        ]
        in_turn = (_notice(row) for rows in zip_longest(*of_each) for row in rows if row is not None)
        return list(islice(in_turn, limit))


_FIRST, _AGAIN = _Turns(FIRST), _Turns(AGAIN)


class LogoutNotices:
    """Implements `ports.LogoutQueue`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def write(self, tx: Connection, session_id: str, *, at: datetime) -> int:
        return tx.execute(_WRITE, {"session_id": session_id, "at": at}).rowcount

    def catch_up(self, tx: Connection, since: datetime) -> int:
        return tx.execute(_CATCH_UP, {"since": since}).rowcount

    def due(self, now: datetime, limit: int, *, per_client: int, retries: bool = True) -> list[LogoutNotice]:
        parts: Counter[str] = Counter()
        found = []
        with self._engine.connect() as connection:
            for kind in (_FIRST, _AGAIN) if retries else (_FIRST,):
                for notice in kind.due(connection, now, limit, per_client):
                    parts[notice.client_id] += 1
                    if parts[notice.client_id] <= per_client:
                        found.append(notice)
        return found

    def claim(self, tx: Connection, notice: LogoutNotice, next_at: datetime) -> bool:
        as_seen = and_(_this(notice), notices.c.tries == notice.tries)
        claimed = update(notices).where(as_seen).values(tries=notice.tries + 1, next_at=next_at)
        return tx.execute(claimed).rowcount == 1

    def settle(self, tx: Connection, notice: LogoutNotice, outcome: Outcome, at: datetime) -> bool:
        settled = update(notices).where(_this(notice)).values(outcome=outcome.value, done_at=at)
        return tx.execute(settled).rowcount == 1

    def note_fault(self, tx: Connection, notice: LogoutNotice, fault: str) -> None:
        tx.execute(update(notices).where(_this(notice)).values(last_fault=fault))

    def of_sessions(self, session_ids: Collection[str]) -> list[LogoutNotice]:
        of_these = notices.c.session_id.in_(list(session_ids))
        return self._read(select(notices).where(of_these).order_by(notices.c.client_id))

    def of_citizen(self, citizen_id: str, since: datetime) -> list[LogoutNotice]:
        own = and_(notices.c.citizen_id == citizen_id, notices.c.ended_at > since)
        newest_first = (notices.c.ended_at.desc(), notices.c.session_id, notices.c.client_id)
        return self._read(select(notices).where(own).order_by(*newest_first))

    def waiting(self) -> list[Waiting]:
        statement = (
            select(
                notices.c.client_id,
                func.count().label("number"),
                func.min(notices.c.ended_at).label("oldest"),
                func.max(notices.c.last_fault).label("last_fault"),
            )
            .where(notices.c.outcome == Outcome.WAITING.value)
            .group_by(notices.c.client_id)
            .order_by(literal_column("oldest"), notices.c.client_id)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(statement)
            return [Waiting(row.client_id, row.number, row.oldest, row.last_fault) for row in rows]

    def sweep(self, tx: Connection, before: datetime) -> int:
        return tx.execute(delete(notices).where(notices.c.ended_at < before)).rowcount

    def _read(self, statement: Any) -> list[LogoutNotice]:
        with self._engine.connect() as connection:
            return [_notice(row) for row in connection.execute(statement)]


def _this(notice: LogoutNotice) -> Any:
    return and_(
        notices.c.session_id == notice.session_id,
        notices.c.client_id == notice.client_id,
        notices.c.outcome == Outcome.WAITING.value,
    )


def _notice(row: Any) -> LogoutNotice:
    return LogoutNotice(
        session_id=row.session_id,
        client_id=row.client_id,
        citizen_id=row.citizen_id,
        outcome=Outcome(row.outcome),
        tries=row.tries,
        last_fault=row.last_fault,
        ended_at=row.ended_at,
        next_at=row.next_at,
        done_at=row.done_at,
    )
