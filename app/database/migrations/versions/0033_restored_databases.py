"""Restored databases

Revision: 0033, after 0032. What a restored database has forgotten, and up to which restore an enrollment was looked at
by a person.
"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "restores",
        sa.Column("number", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_restores")),
        comment="Times of which a restored database has no record, from its copy until the restore was noticed.",
    )
    op.add_column("enrollments", sa.Column("restores_seen", sa.Integer(), server_default=sa.text("0"), nullable=False))


def downgrade() -> None:
    op.drop_column("enrollments", "restores_seen")
    op.drop_table("restores")
