"""Refresh tokens in SQL: each a digest with the grant that it goes on with.

A token that was rotated keeps its row until its grant is over, so that a second use is known for what it is (RFC 9700
§4.14.2). Which tokens are rotated and what a second use ends is the grant type's matter (idp/grants/refresh_token.py).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Engine, and_, bindparam, delete, func, insert, select, update
from sqlalchemy.engine import Connection

from idp.records import OFFLINE_ACCESS
from idp.refresh_records import LastingAccess, RefreshToken
from idp.storage.in_sql import grant_from_row
from idp.storage.statements import Statement
from idp.storage.tables import UtcDateTime, citizens, consents, ended_sessions, grants, refresh_tokens


class RefreshTokens:
    """Implements `ports.RefreshTokens`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, tx: Connection, token_digest: str, token: RefreshToken) -> None:
        row = {
            "token_digest": token_digest,
            "grant_id": token.grant.grant_id,
            "acr": token.acr,
            "amr": " ".join(token.amr),
            "authenticated_at": token.authenticated_at,
            "last_used_at": token.last_used_at,
            "expires_at": token.grant.expires_at,
            "spent_at": token.spent_at,
            "jkt": token.jkt,
            "x5t_s256": token.x5t_s256,
        }
        _ADD.write(tx, row)

    def find(self, token_digest: str) -> RefreshToken | None:
        row = _FIND.first(self._engine, {"token_digest": token_digest})
        if row is None:
            return None
        grant = grant_from_row(row, row.created_at)
        return RefreshToken(
            grant=grant,
            acr=row.acr,
            amr=tuple(row.amr.split()),
            authenticated_at=row.authenticated_at,
            last_used_at=row.last_used_at,
            spent_at=row.spent_at,
            obstacle=_obstacle(row, offline=grant.offline),
            jkt=row.jkt,
            x5t_s256=row.x5t_s256,
        )

    def use(self, tx: Connection, token_digest: str, at: datetime) -> bool:
        return _USE.write(tx, {"digest": token_digest, "at": at}) == 1

    def spend(self, tx: Connection, token_digest: str, at: datetime) -> bool:
        return _SPEND.write(tx, {"digest": token_digest, "at": at}) == 1

    def lasting_of(self, citizen_id: str, now: datetime) -> list[LastingAccess]:
        last_used = func.max(refresh_tokens.c.last_used_at, type_=UtcDateTime())
        statement = (
            select(*grants.c, last_used.label("last_used_at"))
            .join(refresh_tokens, refresh_tokens.c.grant_id == grants.c.grant_id)
            .where(
                grants.c.citizen_id == citizen_id,
                grants.c.revoked_at.is_(None),
                grants.c.expires_at > now,
                grants.c.scope.contains(OFFLINE_ACCESS, autoescape=True),
            )
            .group_by(*grants.c)
            .order_by(grants.c.created_at.desc())
        )
        with self._engine.connect() as connection:
            rows = connection.execute(statement)
            return [LastingAccess(grant_from_row(row, row.created_at), row.last_used_at) for row in rows]

    def sweep(self, tx: Connection, now: datetime) -> int:
        """Forget tokens whose grant is over."""
        return tx.execute(delete(refresh_tokens).where(refresh_tokens.c.expires_at < now)).rowcount


_ADD = Statement(insert(refresh_tokens), sets=refresh_tokens.c.keys())

# The conditional UPDATE decides who was first: a caller that is late waits for the commit and then changes nothing.
_UNSPENT = update(refresh_tokens).where(
    refresh_tokens.c.token_digest == bindparam("digest"), refresh_tokens.c.spent_at.is_(None)
)
_SPEND = Statement(_UNSPENT.values(spent_at=bindparam("at")))
_USE = Statement(_UNSPENT.values(last_used_at=bindparam("at")))

_KEPT = ("acr", "amr", "authenticated_at", "last_used_at", "spent_at", "jkt", "x5t_s256")
_FIND = Statement(
    select(
        *grants.c,
        *(refresh_tokens.c[name] for name in _KEPT),
        citizens.c.status,
        ended_sessions.c.ended_at,
        consents.c.revoked_at.label("consent_revoked_at"),
    )
    .select_from(
        refresh_tokens.join(grants, grants.c.grant_id == refresh_tokens.c.grant_id)
        .outerjoin(citizens, citizens.c.citizen_id == grants.c.citizen_id)
        .outerjoin(ended_sessions, ended_sessions.c.session_id == grants.c.session_id)
        .outerjoin(
            consents,
            and_(
                consents.c.citizen_id == grants.c.citizen_id,
                consents.c.client_id == grants.c.client_id,
                consents.c.purpose_id == grants.c.purpose_id,
            ),
        )
    )
    .where(refresh_tokens.c.token_digest == bindparam("token_digest"))
)


def _obstacle(row: Any, *, offline: bool) -> str | None:
    if row.revoked_at is not None:
        return "grant"
    if row.status != "active":
        return "citizen"
    if row.ended_at is not None and not offline:
        return "session"
    return None if row.consent_revoked_at is None else "consent"
