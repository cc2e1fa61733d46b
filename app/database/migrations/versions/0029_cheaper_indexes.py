"""Cheaper indexes

Revision: 0029, after 0028. No statement looks for an event by its delivery. The enrollments of an event are found by
its decisions, an intent by its key, and deliveries that are too old by their ids, which sort by time.

Three indexes begin with the column that differs most from row to row: PostgreSQL then compares no other.
"""

from alembic import op
from sqlalchemy import text

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
OPEN = "state IN ('held', 'ready', 'working', 'uncertain') OR triggered_until IS NOT NULL"


def upgrade() -> None:
    for table, column in DROPPED:
        op.drop_index(f"ix_{table}_{column}", table)
    order_columns(event_keys=["key", "source"], intents=["email", "intent", "account"], person=["email", "account"])


def downgrade() -> None:
    order_columns(event_keys=["source", "key"], intents=["account", "intent", "email"], person=["account", "email"])
    for table, column in DROPPED:
        op.create_index(f"ix_{table}_{column}", table, [column])


def order_columns(*, person: list[str], **keys: list[str]) -> None:
    for table, columns in keys.items():
        op.drop_constraint(f"pk_{table}", table)
        op.create_primary_key(f"pk_{table}", table, columns)
    op.drop_index("ix_enrollments_open_of_person", "enrollments")
    op.create_index("ix_enrollments_open_of_person", "enrollments", person, postgresql_where=text(OPEN))
