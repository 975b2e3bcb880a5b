"""Which services must be told of a session's end, and what came of it; ended sessions by when they ended."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "logout_notices",
        sa.Column("session_id", sa.String(length=43), nullable=False),
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("citizen_id", sa.String(length=22), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("last_fault", sa.String(length=32), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("session_id", "client_id"),
    )
    op.create_index("logout_notices_due", "logout_notices", ["outcome", "next_at"], unique=False)
    op.create_index("logout_notices_by_citizen", "logout_notices", ["citizen_id", "ended_at"], unique=False)
    op.create_index("logout_notices_by_time", "logout_notices", ["ended_at"], unique=False)
    op.create_index("ended_sessions_by_time", "ended_sessions", ["ended_at"], unique=False)
