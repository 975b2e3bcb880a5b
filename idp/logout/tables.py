"""The queue's table: the row is found by whose session it was, by the client, and by when it is due."""

from sqlalchemy import Column, Index, Integer, String, Table, TextClause, text

from idp.storage.tables import UtcDateTime, metadata

FIRST, AGAIN = text("tries = 0"), text("tries > 0")
"""What the two indexes of whose turn it is hold; a query must say it in the same words."""


def _turns(name: str, kind: TextClause) -> Index:
    return Index(name, "outcome", "client_id", "next_at", sqlite_where=kind, postgresql_where=kind)


logout_notices = Table(
    "logout_notices",
    metadata,
    Column("session_id", String(43), primary_key=True),
    Column("client_id", String(64), primary_key=True),
    Column("citizen_id", String(22), nullable=False),
    Column("outcome", String(10), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("last_fault", String(32), nullable=False),
    Column("ended_at", UtcDateTime, nullable=False),
    Column("next_at", UtcDateTime, nullable=False),
    Column("done_at", UtcDateTime),
    Index("logout_notices_due", "outcome", "next_at"),
    _turns("logout_notices_first", FIRST),
    _turns("logout_notices_again", AGAIN),
    Index("logout_notices_by_citizen", "citizen_id", "ended_at"),
    Index("logout_notices_by_time", "ended_at"),
)
