"""What is in the way of a code's redemption, in SQL: one read."""

from sqlalchemy import Engine, and_, bindparam, select

from idp.records import AuthorizationCode
from idp.storage.statements import Statement
from idp.storage.tables import citizens, consents, ended_sessions

_OBSTACLES = Statement(
    select(citizens.c.status, ended_sessions.c.session_id, consents.c.revoked_at)
    .select_from(
        citizens.outerjoin(ended_sessions, ended_sessions.c.session_id == bindparam("session_id")).outerjoin(
            consents,
            and_(
                consents.c.citizen_id == citizens.c.citizen_id,
                consents.c.client_id == bindparam("client_id"),
                consents.c.purpose_id == bindparam("purpose_id"),
            ),
        )
    )
    .where(citizens.c.citizen_id == bindparam("citizen_id"))
)


class Redemptions:
    """Implements `ports.Redemptions`: one statement, three questions (S-076)."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def obstacle(self, code: AuthorizationCode) -> str | None:
        asked = {
            "citizen_id": code.citizen_id,
            "session_id": code.session_id,
            "client_id": code.client_id,
            "purpose_id": code.purpose_id,
        }
        row = _OBSTACLES.first(self._engine, asked)
        if row is None or row.status != "active":
            return "citizen"
        if row.session_id is not None:
            return "session"
        return None if row.revoked_at is None else "consent"
