"""What pages of rules, senders, suppressions and accounts read

Revision: 0038, after 0037. Who put rules in force, why the last ones were rejected, who paused and who suppressed, what
the doctor found, and the audit log by what it is about.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rulebooks", sa.Column("installed_by", sa.Text(), nullable=True))
    op.add_column("sender_pauses", sa.Column("paused_by", sa.Text(), nullable=True))
    op.add_column("suppressions", sa.Column("added_by", sa.Text(), nullable=True))
    op.create_table(
        "rejected_rules",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rejected_by", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("mistakes", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_rejected_rules"),
        comment="The last rules that were rejected, one row; the next rules that are put in force delete it.",
    )
    op.create_table(
        "doctor_runs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("leased_by", sa.Text(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("findings", JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_doctor_runs"),
        comment="What the doctor found of each account: its last 5 runs, and those that are asked for.",
    )
    op.create_index("ix_doctor_runs_account_id", "doctor_runs", ["account", "id"])
    op.create_index("ix_audit_target_id", "audit", ["target", "id"])


def downgrade() -> None:
    op.drop_index("ix_audit_target_id", "audit")
    op.drop_table("doctor_runs")
    op.drop_table("rejected_rules")
    op.drop_column("suppressions", "added_by")
    op.drop_column("sender_pauses", "paused_by")
    op.drop_column("rulebooks", "installed_by")
