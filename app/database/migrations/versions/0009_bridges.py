"""Enrollments say since when a workflow is under way for them

Revision: 0009, after 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("enrollments", sa.Column("triggered_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_enrollments_triggered",
        "enrollments",
        ["account", "email"],
        postgresql_where=sa.text("triggered_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_enrollments_triggered", table_name="enrollments")
    op.drop_column("enrollments", "triggered_at")
