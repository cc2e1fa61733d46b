"""Repeats of events

Revision: 0026, after 0025
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("events", sa.Column("repeats", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("events", sa.Column("last_repeated_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("events", "last_repeated_at")
    op.drop_column("events", "repeats")
