"""The database's tables, step by step (Alembic). Revisions are in versions/, numbered.

Run by `adgang migrate`. A revision is never altered once it has been released.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine


def _config(engine: Engine | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["engine"] = engine
    return config


def upgrade(engine: Engine) -> list[str]:
    """Bring the tables up to date; returns the revisions that were applied, oldest first."""
    applied = pending_revisions(engine)
    if applied:
        command.upgrade(_config(engine), "head")
    return applied


def pending_revisions(engine: Engine) -> list[str]:
    """Revisions that this database lacks, oldest first."""
    script = ScriptDirectory.from_config(_config())
    with engine.connect() as connection:
        present = MigrationContext.configure(connection).get_current_revision()
    revisions = [revision.revision for revision in script.iterate_revisions("head", present or "base")]
    return list(reversed(revisions))
