"""The registry's tables. A client's metadata is one JSON document; columns of their own are what is searched by."""

from datetime import UTC, datetime

from sqlalchemy import Column, DateTime, Dialect, ForeignKey, Integer, MetaData, String, Table, Text
from sqlalchemy.types import TypeDecorator

metadata = MetaData()


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in, aware UTC out; SQLite by itself would forget the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("times are aware")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


organisations = Table(
    "organisations",
    metadata,
    Column("organisation_id", String(64), primary_key=True),
    Column("cvr_number", String(8), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("name", Text, nullable=False),
    Column("contacts", Text, nullable=False),
    Column("logo", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("disabled_at", UtcDateTime),
)

clients = Table(
    "clients",
    metadata,
    Column("client_id", String(64), primary_key=True),
    Column(
        "organisation_id",
        String(64),
        ForeignKey("organisations.organisation_id", name="fk_clients_organisation"),
        nullable=False,
        index=True,
    ),
    Column("sector", String(64), nullable=False),
    Column("metadata", Text, nullable=False),
    Column("secret_digest", String(64)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("disabled_at", UtcDateTime),
)

resources = Table(
    "resources",
    metadata,
    Column("resource_id", String(64), primary_key=True),
    Column("identifier", Text, nullable=False, unique=True),
    Column(
        "organisation_id",
        String(64),
        ForeignKey("organisations.organisation_id", name="fk_resources_organisation"),
        nullable=False,
        index=True,
    ),
    Column("metadata", Text, nullable=False),
    Column("secret_digest", String(64)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("disabled_at", UtcDateTime),
)

resource_scopes = Table(
    "resource_scopes",
    metadata,
    Column("word", String(100), primary_key=True),
    Column(
        "resource_id",
        String(64),
        ForeignKey("resources.resource_id", name="fk_resource_scopes_resource"),
        nullable=False,
        index=True,
    ),
    Column("document", Text, nullable=False),
)
"""A scope's word is the key: it belongs to one resource, so a word alone says at which API it counts."""

detail_types = Table(
    "detail_types",
    metadata,
    Column("type", String(100), primary_key=True),
    Column(
        "resource_id",
        String(64),
        ForeignKey("resources.resource_id", name="fk_detail_types_resource"),
        nullable=False,
        index=True,
    ),
    Column("document", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("disabled_at", UtcDateTime),
)
"""Kinds of authorization details: like a scope's word, a type belongs to one resource."""

scope_grants = Table(
    "scope_grants",
    metadata,
    Column(
        "word",
        String(100),
        ForeignKey("resource_scopes.word", name="fk_scope_grants_scope"),
        primary_key=True,
    ),
    Column(
        "client_id",
        String(64),
        ForeignKey("clients.client_id", name="fk_scope_grants_client"),
        primary_key=True,
        index=True,
    ),
    Column("purpose", Text, nullable=False),
    Column("granted_by", Text, nullable=False),
    Column("granted_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
    Column("revoked_at", UtcDateTime),
)
"""One row for each scope and client: the last that was granted. What was before it stands in the ledger."""

registry_version = Table(
    "registry_version",
    metadata,
    Column("only_row", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
)
"""One row, raised by every transaction that writes the tables above; absent before the first."""

client_uses = Table(
    "client_uses",
    metadata,
    Column("client_id", String(64), primary_key=True),
    Column("used_at", UtcDateTime, nullable=False),
)
"""When each client last authenticated: one row a client, some minutes behind the truth."""
