"""Which client may use which scope of an API, for what and until when."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "scope_grants",
        sa.Column(
            "word",
            sa.String(100),
            sa.ForeignKey("resource_scopes.word", name="fk_scope_grants_scope"),
            primary_key=True,
        ),
        sa.Column(
            "client_id",
            sa.String(64),
            sa.ForeignKey("clients.client_id", name="fk_scope_grants_client"),
            primary_key=True,
        ),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("granted_by", sa.Text(), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_scope_grants_client_id", "scope_grants", ["client_id"])
