"""The outbox's tables: a message, and its way through each channel."""

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table, Text

from idp.storage.tables import UtcDateTime, metadata

messages = Table(
    "messages",
    metadata,
    Column("message_id", String(22), primary_key=True),
    Column("citizen_id", String(22), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("about", String(32), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("sealed_secret", LargeBinary),
    Index("messages_by_citizen", "citizen_id", "at"),
    Index("messages_by_time", "at"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("delivery_id", String(22), primary_key=True),
    Column("message_id", String(22), nullable=False),
    Column("channel", String(8), nullable=False),
    Column("recipient", Text, nullable=False),
    Column("status", String(10), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("written_at", UtcDateTime, nullable=False),
    Column("next_at", UtcDateTime, nullable=False),
    Column("done_at", UtcDateTime),
    Index("deliveries_by_message", "message_id"),
    Index("deliveries_due", "status", "channel", "next_at"),
)
