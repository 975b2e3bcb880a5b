"""Messages to citizens with their ways through each channel; a citizen's phrase and last recovery."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "citizen_safety",
        sa.Column("citizen_id", sa.String(length=22), nullable=False),
        sa.Column("phrase", sa.Text(), nullable=True),
        sa.Column("recovered_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("citizen_id"),
    )
    op.create_table(
        "messages",
        sa.Column("message_id", sa.String(length=22), nullable=False),
        sa.Column("citizen_id", sa.String(length=22), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("about", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("message_id"),
    )
    op.create_index("messages_by_citizen", "messages", ["citizen_id", "at"], unique=False)
    op.create_index("messages_by_time", "messages", ["at"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("delivery_id", sa.String(length=22), nullable=False),
        sa.Column("message_id", sa.String(length=22), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("delivery_id"),
    )
    op.create_index("deliveries_by_message", "deliveries", ["message_id"], unique=False)
    op.create_index("deliveries_due", "deliveries", ["status", "channel", "next_at"], unique=False)
