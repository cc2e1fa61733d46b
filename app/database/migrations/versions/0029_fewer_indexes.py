"""Fewer indexes

Revision: 0029, after 0028. No statement looks for an event by its delivery. The enrollments of an event are found by
its decisions, an intent by its key, and deliveries that are too old by their ids, which sort by time.
"""

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

DROPPED = (
    ("events", "delivery_id"),
    ("enrollments", "event_id"),
    ("intents", "enrollment_id"),
    ("deliveries", "received_at"),
)


def upgrade() -> None:
    for table, column in DROPPED:
        op.drop_index(f"ix_{table}_{column}", table)


def downgrade() -> None:
    for table, column in DROPPED:
        op.create_index(f"ix_{table}_{column}", table, [column])
