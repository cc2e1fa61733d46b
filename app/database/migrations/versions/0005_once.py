"""Priority between a person's enrollments, and a list of who is never enrolled

Revision: 0005, after 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("enrollments", sa.Column("priority", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.create_table(
        "suppressions",
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("fits", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("value", name=op.f("pk_suppressions")),
        comment="Addresses, domains and patterns that operators never want enrolled.",
    )
    op.create_index("ix_suppressions_patterns", "suppressions", ["fits"], postgresql_where=sa.text("kind = 'pattern'"))


def downgrade() -> None:
    op.drop_index("ix_suppressions_patterns", table_name="suppressions")
    op.drop_table("suppressions")
    op.drop_column("enrollments", "priority")
