"""The audit log, and a number for each suppression, by which their list goes on

Revision: 0031, after 0029
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0031"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=True),
        sa.Column("before", JSONB(), nullable=True),
        sa.Column("after", JSONB(), nullable=True),
        sa.Column("revision", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
        comment="Who did what, from where, and what it changed. People are masked.",
    )
    op.create_index("ix_audit_at", "audit", ["at"])
    op.create_index("ix_audit_who_id", "audit", ["who", "id"])
    op.create_index("ix_audit_what_id", "audit", ["what", "id"])
    op.add_column("suppressions", sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False))
    op.create_index("ix_suppressions_number", "suppressions", ["number"], unique=True)


def downgrade() -> None:
    op.drop_index("ix_suppressions_number", "suppressions")
    op.drop_column("suppressions", "number")
    op.drop_table("audit")
