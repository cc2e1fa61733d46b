"""Tallies: what became of the events of each hour

Revision: 0034, after 0033. Cells that are counted from rows, counters of what leaves no row, and how far the count is.
"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tallies",
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("known", sa.Boolean(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "hour", "stage", "source", "rule", "account", "sequence", "sender", "reason", "known", name="pk_tallies"
        ),
        comment="What became of the events that were received in each hour (UTC), counted from their rows.",
    )
    op.create_index("ix_tallies_stage_hour", "tallies", ["stage", "hour"])
    op.create_index("ix_tallies_rule_hour", "tallies", ["rule", "hour"])
    op.create_table(
        "tally_counters",
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("hour", "source", "result", "reason", "run", name="pk_tally_counters"),
        comment="What leaves no row, by the hour: the total of each run of a process. `run` is empty once summed up.",
    )
    op.create_index("ix_tally_counters_source_hour", "tally_counters", ["source", "hour"])
    op.create_index("ix_tally_counters_runs", "tally_counters", ["hour"], postgresql_where=sa.text("run <> ''"))
    op.create_table(
        "tally_state",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("turn", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("leased_by", sa.Text(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cursor", sa.BigInteger(), nullable=True),
        sa.Column("decided_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rebuild_next", sa.DateTime(timezone=True), nullable=True),
        sa.Column("frozen_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ran_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_tally_state"),
        comment="Whose turn it is to count, up to where the journal and decisions are counted, and which hours are kept.",
    )


def downgrade() -> None:
    op.drop_table("tally_state")
    op.drop_table("tally_counters")
    op.drop_table("tallies")
