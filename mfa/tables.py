"""The tables of mfa. No foreign key leaves the package; a citizen is known by id only."""

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
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


factors = Table(
    "mfa_factors",
    metadata,
    Column("factor_id", String(32), primary_key=True),
    Column("citizen_id", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("name", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
    Column("disabled_at", UtcDateTime),
    Column("proves_two", Boolean, nullable=False),
    Index("mfa_factors_by_citizen", "citizen_id"),
)


def _factor_id(*, primary_key: bool) -> Column[str]:
    """The factor that a row belongs to; it goes with its factor."""
    target = ForeignKey("mfa_factors.factor_id", ondelete="CASCADE")
    return Column("factor_id", String(32), target, primary_key=primary_key, nullable=False)


passwords = Table(
    "mfa_passwords",
    metadata,
    Column("citizen_id", String(64), primary_key=True),  # one password each
    _factor_id(primary_key=False),
    Column("password_hash", String(255), nullable=False),
    Index("mfa_passwords_by_factor", "factor_id", unique=True),
)

totp = Table(
    "mfa_totp",
    metadata,
    _factor_id(primary_key=True),
    Column("sealed_seed", LargeBinary, nullable=False),
    Column("last_step", BigInteger, nullable=False),
)

pending_totp = Table(
    "mfa_pending_totp",
    metadata,
    Column("citizen_id", String(64), primary_key=True),
    Column("binding", String(64), primary_key=True),
    Column("factor_id", String(32), nullable=False),
    Column("sealed_seed", LargeBinary, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Index("mfa_pending_totp_by_end", "expires_at"),
)

failures = Table(
    "mfa_failures",
    metadata,
    Column("authenticator", String(96), primary_key=True),
    Column("citizen_id", String(64)),
    Column("strangers_in_a_row", Integer, nullable=False),
    Column("strangers_in_window", Integer, nullable=False),
    Column("strangers_window_started_at", UtcDateTime),
    Column("strangers_last_at", UtcDateTime),
    Column("known_in_a_row", Integer, nullable=False),
    Column("known_in_window", Integer, nullable=False),
    Column("known_window_started_at", UtcDateTime),
    Column("known_last_at", UtcDateTime),
    Index("mfa_failures_by_citizen", "citizen_id"),
)

user_handles = Table(
    "mfa_user_handles",
    metadata,
    Column("citizen_id", String(64), primary_key=True),
    Column("user_handle", LargeBinary, nullable=False),
)

webauthn = Table(
    "mfa_webauthn",
    metadata,
    _factor_id(primary_key=True),
    Column("credential_id", LargeBinary, nullable=False, unique=True),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("aaguid", String(36), nullable=False),
    Column("backup_eligible", Boolean, nullable=False),
    Column("backed_up", Boolean, nullable=False),
    Column("attested", Boolean, nullable=False),
    Column("suspected_at", UtcDateTime),
)

recovery_sets = Table(
    "mfa_recovery_sets",
    metadata,
    Column("citizen_id", String(64), primary_key=True),  # one set each
    _factor_id(primary_key=False),
    Index("mfa_recovery_sets_by_factor", "factor_id", unique=True),
)

recovery_codes = Table(
    "mfa_recovery_codes",
    metadata,
    _factor_id(primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("spent_at", UtcDateTime),
)
