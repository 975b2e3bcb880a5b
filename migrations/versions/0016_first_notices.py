"""Logout notices that were never tried are found beside however many that wait for another try."""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_index(
        "logout_notices_by_tries", "logout_notices", ["outcome", "tries", "next_at"], unique=False
    )
