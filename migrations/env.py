"""Alembic's entry: runs the revisions on the engine that `migrations.upgrade` was given."""

from alembic import context

engine = context.config.attributes["engine"]

with engine.begin() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
