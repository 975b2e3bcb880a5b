"""The migrations make exactly the tables that the code speaks of."""

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import MetaData

import clients_registry.tables
import idp.ledger.tables
import idp.letters.tables
import idp.logout.tables
import idp.messages.tables
import idp.recovery.tables
import idp.storage.tables
import keys.tables
import mfa.tables
from idp.storage.database import Database
from migrations import pending_revisions, upgrade

ALL_TABLES: list[MetaData] = [
    idp.storage.tables.metadata,
    keys.tables.metadata,
    mfa.tables.metadata,
    clients_registry.tables.metadata,
]


def test_migrated_tables_are_those_of_the_code(sql_url: str) -> None:
    assert idp.ledger.tables.ledger.metadata is idp.storage.tables.metadata
    assert idp.letters.tables.letters.metadata is idp.storage.tables.metadata
    assert idp.logout.tables.logout_notices.metadata is idp.storage.tables.metadata
    assert idp.messages.tables.messages.metadata is idp.storage.tables.metadata
    assert idp.recovery.tables.recoveries.metadata is idp.storage.tables.metadata
    database = Database(sql_url)
    upgrade(database.writing)
    with database.reading.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, ALL_TABLES)  # type: ignore[arg-type]
    database.close()
    assert differences == []


def test_migrating_twice_does_nothing(sql_url: str) -> None:
    database = Database(sql_url)
    assert pending_revisions(database.reading)[0] == "0001"
    upgrade(database.writing)
    assert upgrade(database.writing) == []
    assert pending_revisions(database.reading) == []
    database.close()
