"""At which API a grant may be used, and what for; NULL for userinfo alone."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("grants", sa.Column("resource", sa.Text(), nullable=True))
    op.add_column("grants", sa.Column("resource_scope", sa.Text(), nullable=True))
