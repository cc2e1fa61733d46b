"""For how long a workflow may still take a contact out of a sequence is kept

Revision: 0012, after 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

INDEX = "ix_enrollments_triggered"


def upgrade() -> None:
    op.add_column("enrollments", sa.Column("triggered_until", sa.DateTime(timezone=True)))
    op.execute(
        "UPDATE enrollments SET triggered_until = triggered_at + interval '15 minutes' WHERE triggered_at IS NOT NULL"
    )
    _index("triggered_until IS NOT NULL")


def downgrade() -> None:
    _index("triggered_at IS NOT NULL")
    op.drop_column("enrollments", "triggered_until")


def _index(where: str) -> None:
    op.drop_index(INDEX, "enrollments")
    op.create_index(INDEX, "enrollments", ["account", "email"], postgresql_where=sa.text(where))
