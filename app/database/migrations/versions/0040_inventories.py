"""Inventories: what is kept of one person, looked for in everything

Revision: 0040, after 0039. Workers look through all tables, since that takes longer than a page may.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "inventories",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", instant, nullable=False),
        sa.Column("person", JSONB(), nullable=True),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("leased_until", instant, nullable=True),
        sa.Column("found", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("counts", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("done_at", instant, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_inventories"),
        comment="What is kept of a person, counted in all tables, for a day. `person` is emptied when that is done.",
    )
    op.create_index("ix_inventories_key", "inventories", ["key"], unique=True)


def downgrade() -> None:
    op.drop_table("inventories")
