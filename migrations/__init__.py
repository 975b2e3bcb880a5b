"""The database's tables, step by step (Alembic). Revisions are in versions/, numbered.

Run by `adgang migrate`. A revision is never altered once it has been released.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine


def _config(engine: Engine | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["engine"] = engine
    return config


class UnknownTables(Exception):
    """The database's tables were made by another release than this one, or by something else."""


def upgrade(engine: Engine) -> list[str]:
    """Bring the tables up to date; returns the revisions that were applied, oldest first."""
    applied = pending_revisions(engine)
    if applied:
        command.upgrade(_config(engine), "head")
    return applied


def pending_revisions(engine: Engine) -> list[str]:
    """Revisions that this database lacks, oldest first.

    Raises: UnknownTables.
    """
    script = ScriptDirectory.from_config(_config())
    with engine.connect() as connection:
        present = MigrationContext.configure(connection).get_current_revision()
    try:
        revisions = [revision.revision for revision in script.iterate_revisions("head", present or "base")]
    except CommandError:
        raise UnknownTables(
            "The database's tables are newer than this program. Run the release that made them, or a later one."
        ) from None
    return list(reversed(revisions))
