"""Recoveries, proofings by officers, and orders for letters."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "recoveries",
        sa.Column("recovery_id", sa.String(length=22), nullable=False),
        sa.Column("browser_digest", sa.String(length=64), nullable=False),
        sa.Column("lost", sa.String(length=10), nullable=False),
        sa.Column("stage", sa.String(length=10), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("citizen_id", sa.String(length=22), nullable=True),
        sa.Column("unknown_key", sa.String(length=64), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("letter_digest", sa.String(length=64), nullable=False),
        sa.Column("cooling_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lost_factors", sa.Text(), nullable=True),
        sa.Column("password_set", sa.Boolean(), nullable=False),
        sa.Column("stop_digest", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("recovery_id"),
        sa.UniqueConstraint("browser_digest"),
        sa.UniqueConstraint("stop_digest"),
    )
    op.create_index("recoveries_by_citizen", "recoveries", ["citizen_id"], unique=False)
    op.create_index("recoveries_by_end", "recoveries", ["expires_at"], unique=False)
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "proofings",
        sa.Column("number", number, autoincrement=True, nullable=False),
        sa.Column("citizen_id", sa.String(length=22), nullable=False),
        sa.Column("officer", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("proofings_by_citizen", "proofings", ["citizen_id"], unique=False)
    op.create_table(
        "letter_orders",
        sa.Column("number", number, autoincrement=True, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
