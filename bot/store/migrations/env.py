"""What Alembic runs to migrate: over the connection that bot/store/database.py gives it, in its transaction."""

from alembic import context

from bot.store.desk import Account  # noqa: F401 (its tables stand on the same base)
from bot.store.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite can change a table only by copying it
    compare_type=True,
)
context.run_migrations()
