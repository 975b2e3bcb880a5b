"""The rest of the scope `profile` for a citizen, and when what services may be told last changed."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("citizens", sa.Column("profile", sa.Text(), nullable=True))
    op.add_column("citizens", sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True))
