"""Requests of an account's day are counted where a cap on them is set

Revision: 0007, after 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rate_days",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_rate_days")),
        comment="Requests granted in the day of each account that has a cap of its own.",
    )


def downgrade() -> None:
    op.drop_table("rate_days")
