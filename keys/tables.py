"""The tables of this package (SQLAlchemy Core). No foreign keys to other packages."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    text,
)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC, on every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A time without a zone is not stored.")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        aware: datetime = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return aware


metadata = MetaData()

key_set = Table(
    "signing_key_set",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
)
"""One row: the version of the set. Every process reads it to learn of changes."""

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", String(64), primary_key=True),
    Column("algorithm", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("public_jwk", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("published_at", UtcDateTime),
    Column("activated_at", UtcDateTime),
    Column("deactivated_at", UtcDateTime),
    Column("destroyed_at", UtcDateTime),
    Column("compromised_at", UtcDateTime),
    Column("serve_until", UtcDateTime),
)

Index(
    "one_active_signing_key",
    signing_keys.c.algorithm,
    unique=True,
    sqlite_where=text("state = 'active'"),
    postgresql_where=text("state = 'active'"),
)
"""Never two active keys of an algorithm, whatever a program does (S-377)."""

signing_key_moves = Table(
    "signing_key_moves",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("kid", String(64), nullable=False, index=True),
    Column("algorithm", String(16), nullable=False),
    Column("before", String(16)),
    Column("after", String(16), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("reason", Text, nullable=False),
)

signing_key_refusals = Table(
    "signing_key_refusals",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("act", String(16), nullable=False),
    Column("unsealed", Boolean, nullable=False),
    Column("why", Text, nullable=False),
)
"""What operators asked for and were refused; `unsealed` is false where a row did not open."""

jwks_fetches = Table(
    "jwks_fetches",
    metadata,
    Column("client_id", String(200), primary_key=True),
    Column("fetched_at", UtcDateTime, nullable=False),
)
"""The last fetch of the JWKS by each client that can be told apart: one row a client."""
