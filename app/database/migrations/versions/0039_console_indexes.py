"""An index that alone counts what waits for a sender

Revision: 0039, after 0038. Without it the planner joins two indexes of which each holds all that waits in an account,
and reads every such row once for each sender.
"""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_enrollments_unsent_of_sender",
        "enrollments",
        ["account", "sender_email"],
        postgresql_where=sa.text(
            "state IN ('held', 'ready', 'working') AND sending_at IS NULL AND sender_email IS NOT NULL"
        ),
    )


def downgrade() -> None:
    op.drop_index("ix_enrollments_unsent_of_sender", "enrollments")
