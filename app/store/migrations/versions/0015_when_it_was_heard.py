"""When an enrollment's event was accepted, by the database's clock: who leaves has left what was heard before

Revision: 0015, after 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("enrollments", sa.Column("heard_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("enrollments", "heard_at")
