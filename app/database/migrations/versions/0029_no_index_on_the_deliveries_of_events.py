"""No index on the deliveries of events

Revision: 0029, after 0028. No statement looks for an event by its delivery.
"""

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_events_delivery_id", "events")


def downgrade() -> None:
    op.create_index("ix_events_delivery_id", "events", ["delivery_id"])
