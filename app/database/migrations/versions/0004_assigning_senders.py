"""Senders are assigned when an enrollment is worked on; pools, sticky senders, pauses, and an end by a deadline

Revision: 0004, after 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SENDER = ("sender", "sender_user_id", "sender_email")


def upgrade() -> None:
    op.add_column("enrollments", sa.Column("plan", JSONB(), server_default=sa.text("'{}'"), nullable=False))
    op.add_column("enrollments", sa.Column("assignment", JSONB(), nullable=True))
    op.add_column("enrollments", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE enrollments SET plan = jsonb_build_object('sender', sender)")
    for name in SENDER:
        op.alter_column("enrollments", name, nullable=True)
    op.create_index(
        "ix_enrollments_waiting_for_sender",
        "enrollments",
        ["account", "sender_email"],
        postgresql_where=sa.text("state IN ('held', 'ready', 'working')"),
    )
    op.create_index(
        "ix_enrollments_expires",
        "enrollments",
        ["expires_at"],
        postgresql_where=sa.text("expires_at IS NOT NULL AND state IN ('held', 'ready')"),
    )
    op.create_table(
        "pool_turns",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("turn", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("account", "pool", name=op.f("pk_pool_turns")),
        comment="Whose turn it is in each pool. The row is the pool's lock: choices are made one after the other.",
    )
    op.create_table(
        "sticky_senders",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("chosen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account", "pool", "subject", name=op.f("pk_sticky_senders")),
        comment="Which sender of a pool a person (an address) or a company (a domain) was given.",
    )
    op.create_table(
        "sender_pauses",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("inbox", sa.Text(), nullable=False),
        sa.Column("refusals", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("account", "inbox", name=op.f("pk_sender_pauses")),
        comment="Refusals in a row that are a sender's own fault, and since when nothing is sent by it.",
    )


def downgrade() -> None:
    for table in ("sender_pauses", "sticky_senders", "pool_turns"):
        op.drop_table(table)
    for index in ("ix_enrollments_expires", "ix_enrollments_waiting_for_sender"):
        op.drop_index(index, table_name="enrollments")
    op.execute("UPDATE enrollments SET sender = '', sender_user_id = '', sender_email = '' WHERE sender IS NULL")
    for name in SENDER:
        op.alter_column("enrollments", name, nullable=False)
    for name in ("expires_at", "assignment", "plan"):
        op.drop_column("enrollments", name)
