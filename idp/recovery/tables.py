"""Recoveries, proofings and orders for letters."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, Table, Text

from idp.storage.tables import UtcDateTime, metadata

recoveries = Table(
    "recoveries",
    metadata,
    Column("recovery_id", String(22), primary_key=True),
    Column("browser_digest", String(64), nullable=False, unique=True),
    Column("lost", String(10), nullable=False),
    Column("stage", String(10), nullable=False),
    Column("begun_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("citizen_id", String(22)),
    Column("unknown_key", String(64), nullable=False),
    Column("shown", Text, nullable=False),
    Column("letter_digest", String(64), nullable=False),
    Column("cooling_until", UtcDateTime),
    Column("lost_factors", Text),
    Column("password_set", Boolean, nullable=False),
    Column("stop_digest", String(64), unique=True),
    Index("recoveries_by_citizen", "citizen_id"),
    Index("recoveries_by_end", "expires_at"),
)

proofings = Table(
    "proofings",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("citizen_id", String(22), nullable=False),
    Column("officer", String(200), nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
    Index("proofings_by_citizen", "citizen_id"),
)

letter_orders = Table(
    "letter_orders",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
