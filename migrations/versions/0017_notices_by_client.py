"""Logout notices are found client by client, however many one of them has."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

_KINDS = {
    "logout_notices_first": "tries = 0",
    "logout_notices_again": "tries > 0",
}


def upgrade() -> None:
    for name, kind in _KINDS.items():
        op.create_index(
            name,
            "logout_notices",
            ["outcome", "client_id", "next_at"],
            unique=False,
            sqlite_where=sa.text(kind),
            postgresql_where=sa.text(kind),
        )
    op.drop_index("logout_notices_by_tries", table_name="logout_notices")
