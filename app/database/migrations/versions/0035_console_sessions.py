"""Sessions of the console, logins in progress, and sign-in links

Revision: 0035, after 0034. Each is found by the SHA-256 of what a browser holds, and swept by the time at which it ends.
"""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "console_sessions",
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("token_mark", sa.LargeBinary(), nullable=True),
        sa.Column("zone", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_console_sessions")),
        comment="People who are signed in to the console: hashed cookies. A session ends when its row is deleted.",
    )
    op.create_index(op.f("ix_console_sessions_expires_at"), "console_sessions", ["expires_at"])
    op.create_index(op.f("ix_console_sessions_subject"), "console_sessions", ["subject"])
    op.create_table(
        "console_logins",
        sa.Column("state_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("return_to", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("state_sha256", name=op.f("pk_console_logins")),
        comment="People at the identity provider: hashed states, each good once and for 10 minutes.",
    )
    op.create_index(op.f("ix_console_logins_created_at"), "console_logins", ["created_at"])
    op.create_table(
        "console_links",
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_console_links")),
        comment="Links that sign one browser in to the console: hashed, each good once and for 10 minutes.",
    )
    op.create_index(op.f("ix_console_links_expires_at"), "console_links", ["expires_at"])


def downgrade() -> None:
    op.drop_table("console_links")
    op.drop_table("console_logins")
    op.drop_table("console_sessions")
