"""The provider's own tables. Factors, keys and clients have theirs in their packages; no foreign key crosses."""

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
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
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator

metadata = MetaData()


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime, also on SQLite, which keeps no zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


citizens = Table(
    "citizens",
    metadata,
    Column("citizen_id", String(22), primary_key=True),
    Column("user_id", String(200), nullable=False),
    Column("canonical_user_id", String(200), nullable=False, unique=True),
    Column("status", String(10), nullable=False),
    Column("blocked_by", String(10)),
    Column("cpr_sealed", LargeBinary, nullable=False),
    Column("cpr_index", String(64), nullable=False, unique=True),
    Column("given_name", Text, nullable=False),
    Column("family_name", Text, nullable=False),
    Column("birthdate", String(10), nullable=False),
    Column("locale", String(2), nullable=False),
    Column("email", Text),
    Column("email_verified", Boolean, nullable=False),
    Column("phone_number", Text),
    Column("phone_number_verified", Boolean, nullable=False),
    Column("address", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("profile", Text),
    Column("changed_at", UtcDateTime),
)

consents = Table(
    "consents",
    metadata,
    Column("citizen_id", String(22), primary_key=True),
    Column("client_id", String(64), primary_key=True),
    Column("purpose_id", String(64), primary_key=True),
    Column("version", String(64), nullable=False),
    Column("claims", Text, nullable=False),
    Column("given_at", UtcDateTime, nullable=False),
    Column("revoked_at", UtcDateTime),
)

grants = Table(
    "grants",
    metadata,
    Column("grant_id", String(43), primary_key=True),
    Column("citizen_id", String(22), nullable=False),
    Column("client_id", String(64), nullable=False),
    Column("session_id", String(43), nullable=False),
    Column("scope", Text, nullable=False),
    Column("claims", Text, nullable=False),
    Column("purpose_id", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("revoked_at", UtcDateTime),
    Column("authorization_details", Text),
    Column("resource", Text),
    Column("resource_scope", Text),
    Index("grants_by_citizen", "citizen_id"),
    Index("grants_by_session", "session_id"),
    Index("grants_by_end", "expires_at"),
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("token_digest", String(64), primary_key=True),
    Column("grant_id", String(43), nullable=False),
    Column("acr", Text, nullable=False),
    Column("amr", Text, nullable=False),
    Column("authenticated_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("spent_at", UtcDateTime),
    Column("jkt", String(43)),
    Column("x5t_s256", String(43)),
    Index("refresh_tokens_by_grant", "grant_id"),
    Index("refresh_tokens_by_end", "expires_at"),
)

spent = Table(
    "spent",
    metadata,
    Column("kind", String(32), primary_key=True),
    Column("key_digest", String(64), primary_key=True),
    Column("spent_at", UtcDateTime, nullable=False),
    Column("keep_until", UtcDateTime, nullable=False),
    Column("gave", String(64), nullable=False),
    Index("spent_by_end", "keep_until"),
)

ended_sessions = Table(
    "ended_sessions",
    metadata,
    Column("session_id", String(43), nullable=False),
    Column("ended_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    UniqueConstraint("session_id"),
    Index("ended_sessions_by_end", "expires_at"),
    Index("ended_sessions_by_time", "ended_at"),
)

revoked_tokens = Table(
    "revoked_tokens",
    metadata,
    Column("token_id", String(64), primary_key=True),
    Column("number", BigInteger, nullable=False, unique=True),
    Column("expires_at", UtcDateTime, nullable=False),
    Index("revoked_tokens_by_end", "expires_at"),
)
"""Access tokens that ended before their time, by `jti`, numbered in the order of their commits."""

revoked_tokens_count = Table(
    "revoked_tokens_count",
    metadata,
    Column("only_row", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
)
"""One row, the last number given; it is locked to the end of the transaction that gives one. Absent before the first."""

citizen_safety = Table(
    "citizen_safety",
    metadata,
    Column("citizen_id", String(22), primary_key=True),
    Column("phrase", Text),
    Column("recovered_at", UtcDateTime),
)
