"""When an enrollment's event was accepted, by the database's clock; indexes of who keeps a person waiting, and who left

Revision: 0015, after 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TRIGGERED = "ix_enrollments_triggered"
OPEN = "ix_enrollments_open_of_person"
LEAVING = "ix_enrollments_leaving"


def upgrade() -> None:
    op.add_column("enrollments", sa.Column("heard_at", sa.DateTime(timezone=True)))
    _index(OPEN, "state IN ('held', 'ready', 'working', 'uncertain') OR triggered_until IS NOT NULL")
    _index(LEAVING, "plan->>'action' IN ('cancel', 'unenroll')")
    op.drop_index(TRIGGERED, "enrollments")


def downgrade() -> None:
    _index(TRIGGERED, "triggered_until IS NOT NULL")
    op.drop_index(LEAVING, "enrollments")
    op.drop_index(OPEN, "enrollments")
    op.drop_column("enrollments", "heard_at")


def _index(name: str, where: str) -> None:
    op.create_index(name, "enrollments", ["account", "email"], postgresql_where=sa.text(where))
