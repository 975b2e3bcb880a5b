"""The ledger's table. Triggers, made by the first migration, refuse UPDATE and DELETE on both databases (S-369)."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text, UniqueConstraint

from idp.storage.tables import UtcDateTime, metadata

ledger = Table(
    "ledger",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False),
    Column("event", String(64), nullable=False),
    Column("actor", String(200), nullable=False),
    Column("citizen_id", String(22)),
    Column("citizen_number", Integer),
    Column("facts", Text, nullable=False),
    UniqueConstraint("citizen_id", "citizen_number", name="ledger_citizen_number"),
    Index("ledger_by_time", "at"),
)
