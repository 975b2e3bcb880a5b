"""The APIs that take our access tokens, with their scopes."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "resources",
        sa.Column("resource_id", sa.String(64), primary_key=True),
        sa.Column("identifier", sa.Text(), nullable=False, unique=True),
        sa.Column(
            "organisation_id",
            sa.String(64),
            sa.ForeignKey("organisations.organisation_id", name="fk_resources_organisation"),
            nullable=False,
        ),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("secret_digest", sa.String(64)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_resources_organisation_id", "resources", ["organisation_id"])
    op.create_table(
        "resource_scopes",
        sa.Column("word", sa.String(100), primary_key=True),
        sa.Column(
            "resource_id",
            sa.String(64),
            sa.ForeignKey("resources.resource_id", name="fk_resource_scopes_resource"),
            nullable=False,
        ),
        sa.Column("document", sa.Text(), nullable=False),
    )
    op.create_index("ix_resource_scopes_resource_id", "resource_scopes", ["resource_id"])
