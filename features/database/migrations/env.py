"""Alembic's entry point: runs on the connection that `features.database.engines` hands over."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
