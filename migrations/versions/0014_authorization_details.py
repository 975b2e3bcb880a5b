"""Kinds of authorization details of APIs, and the details that a grant was given for."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "detail_types",
        sa.Column("type", sa.String(100), primary_key=True),
        sa.Column(
            "resource_id",
            sa.String(64),
            sa.ForeignKey("resources.resource_id", name="fk_detail_types_resource"),
            nullable=False,
        ),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_detail_types_resource_id", "detail_types", ["resource_id"])
    op.add_column("grants", sa.Column("authorization_details", sa.Text(), nullable=True))
