"""Alembic's entry point: runs on the connection that app.database.migrate (or a test) hands over."""

from alembic import context

from app.database.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=False,
    compare_server_default=False,
)
with context.begin_transaction():
    context.run_migrations()
