"""Accounts of the desk that belong to a person of the clinic's own sign-in service."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # Not in a batch, which copies the table on SQLite: dropping the old one would end every session.
    op.add_column("desk_accounts", sa.Column("subject", sa.String(600), nullable=True))
    op.create_index("ix_desk_accounts_subject", "desk_accounts", ["subject"], unique=True)
