"""Accounts of the desk, their sessions, tries to sign in, and the audit."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "desk_accounts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("password", sa.String(200), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_desk_accounts"),
        sa.UniqueConstraint("name", name="uq_desk_accounts_name"),
    )
    op.create_table(
        "desk_sessions",
        sa.Column("token", sa.String(64), nullable=False),
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("began_at", sa.DateTime(), nullable=False),
        sa.Column("seen_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("token", name="pk_desk_sessions"),
        sa.ForeignKeyConstraint(
            ["account"], ["desk_accounts.id"], name="fk_desk_sessions_account", ondelete="CASCADE"
        ),
    )  # fmt: skip
    op.create_index("ix_desk_sessions_account", "desk_sessions", ["account"])
    op.create_table(
        "desk_attempts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("try_id", sa.String(32), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_desk_attempts"),
    )
    for column in ("key", "try_id", "at"):
        op.create_index(f"ix_desk_attempts_{column}", "desk_attempts", [column])
    op.create_table(
        "desk_audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("who", sa.String(64), nullable=False),
        sa.Column("deed", sa.String(80), nullable=False),
        sa.Column("about", sa.String(200), nullable=False),
        sa.Column("place", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_desk_audit"),
    )
    for column in ("at", "who"):
        op.create_index(f"ix_desk_audit_{column}", "desk_audit", [column])
