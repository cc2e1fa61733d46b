"""Bulk jobs

Revision: 0036, after 0035. What operators ask for many enrollments at once, and the indexes that find them.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "bulk_jobs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("filter", JSONB(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("outcomes", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("cursor", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("started_at", INSTANT, nullable=True),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("leased_by", sa.Text(), nullable=True),
        sa.Column("leased_until", INSTANT, nullable=True),
        sa.Column("measured_from", INSTANT, nullable=True),
        sa.Column("done_before", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_jobs")),
        comment="What operators ask for many rows at once: done a chunk at a time, each in one transaction.",
    )
    op.create_index(
        "ix_bulk_jobs_due", "bulk_jobs", ["due_at"], postgresql_where=sa.text("state IN ('waiting', 'running')")
    )
    op.create_index(
        "ix_enrollments_reason", "enrollments", ["reason", "id"], postgresql_where=sa.text("reason IS NOT NULL")
    )
    op.create_index(
        "ix_enrollments_parked",
        "enrollments",
        ["reason", "rule", "sender", "updated_at"],
        postgresql_where=sa.text("state = 'parked'"),
    )


def downgrade() -> None:
    op.drop_index("ix_enrollments_parked", "enrollments")
    op.drop_index("ix_enrollments_reason", "enrollments")
    op.drop_table("bulk_jobs")
