"""Who blocked a citizen: the citizen, who may open the access again by a recovery, or an operator."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("citizens", sa.Column("blocked_by", sa.String(length=10), nullable=True))
    op.execute("UPDATE citizens SET blocked_by = 'operator' WHERE status = 'blocked'")
