"""The key or the certificate for which a refresh token was issued."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("refresh_tokens", sa.Column("jkt", sa.String(43), nullable=True))
    op.add_column("refresh_tokens", sa.Column("x5t_s256", sa.String(43), nullable=True))
