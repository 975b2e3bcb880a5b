"""Access tokens that were revoked by themselves, in SQL: by `jti`, until they would have expired anyway."""

from datetime import datetime, timedelta

from sqlalchemy import Engine, bindparam, delete, select, text
from sqlalchemy.engine import Connection

from idp.storage.statements import Statement
from idp.storage.tables import UtcDateTime, revoked_tokens

_SKEW = timedelta(hours=1)
"""Room for clocks that differ, before a row is forgotten."""

# The row's lock is held to the end of the transaction: those who revoke stand in line, and numbers rise in the order
# of commits. So whoever has read up to a number has missed none below it.
_NEXT_NUMBER = Statement(
    text(
        "INSERT INTO revoked_tokens_count (only_row, number) VALUES (1, 1) "
        "ON CONFLICT (only_row) DO UPDATE SET number = revoked_tokens_count.number + 1"
    )
)
_ADD = Statement(
    text(
        "INSERT INTO revoked_tokens (token_id, number, expires_at) "
        "SELECT :token_id, number, :expires_at FROM revoked_tokens_count WHERE only_row = 1 "
        "ON CONFLICT (token_id) DO NOTHING"
    ).bindparams(bindparam("expires_at", type_=UtcDateTime()))
)
_SINCE = (
    select(revoked_tokens.c.number, revoked_tokens.c.token_id, revoked_tokens.c.expires_at)
    .where(revoked_tokens.c.number > bindparam("number"), revoked_tokens.c.expires_at > bindparam("now"))
    .order_by(revoked_tokens.c.number)
)


class RevokedTokens:
    """Implements `idp.tokens.ports.RevokedTokenStore`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, tx: Connection, token_id: str, expires_at: datetime) -> bool:
        _NEXT_NUMBER.write(tx, {})
        return _ADD.write(tx, {"token_id": token_id, "expires_at": expires_at}) == 1

    def since(self, number: int, now: datetime) -> list[tuple[int, str, datetime]]:
        with self._engine.connect() as connection:
            rows = connection.execute(_SINCE, {"number": number, "now": now})
            return [(row.number, row.token_id, row.expires_at) for row in rows]

    def sweep(self, tx: Connection, now: datetime) -> int:
        """Forget tokens that have expired."""
        return tx.execute(delete(revoked_tokens).where(revoked_tokens.c.expires_at < now - _SKEW)).rowcount
