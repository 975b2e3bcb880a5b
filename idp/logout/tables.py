"""The queue's table: the row is found by whose session it was, by the client, and by when it is due."""

from sqlalchemy import Column, Index, Integer, String, Table

from idp.storage.tables import UtcDateTime, metadata

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
    Index("logout_notices_by_tries", "outcome", "tries", "next_at"),
    Index("logout_notices_by_citizen", "citizen_id", "ended_at"),
    Index("logout_notices_by_time", "ended_at"),
)
