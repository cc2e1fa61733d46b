"""Indexes for what workers look for every second, and for what the sweep forgets

Revision: 0020, after 0019
"""

from typing import NamedTuple

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


class Made(NamedTuple):
    name: str
    table: str
    columns: list[str]
    where: str | None = None
    include: tuple[str, ...] = ()


DUE = "ix_outbound_due"
USED = "ix_sender_reservations_account_inbox_reserved_at"
NEW = (
    Made(
        "ix_enrollments_claimable",
        "enrollments",
        ["account", "state", "due_at", "id"],
        "state IN ('ready', 'uncertain')",
    ),
    Made("ix_enrollments_held", "enrollments", ["due_at"], "state = 'held'"),
    Made("ix_enrollments_held_for", "enrollments", ["account", "reason", "sender_email", "id"], "state = 'held'"),
    Made("ix_enrollments_confirm", "enrollments", ["account", "confirm_at"], "confirm_at IS NOT NULL"),
    Made("ix_enrichments_over", "enrichments", ["created_at"], "state IN ('done', 'failed')"),
    Made("ix_events_payloads", "events", ["received_at"], "data IS NOT NULL"),
    Made("ix_intents_until", "intents", ["until"]),
    Made(DUE, "outbound", ["endpoint", "due_at"], "state IN ('waiting', 'sending')", ("created_at",)),
    Made("ix_outbound_delivered", "outbound", ["created_at"], "state = 'delivered'"),
    Made(USED, "sender_reservations", ["account", "inbox", "reserved_at"], include=("enrollment_id",)),
    Made("ix_sender_reservations_reserved_at", "sender_reservations", ["reserved_at"]),
)
# Each of the new ones above serves what these served.
OLD = (
    Made(
        "ix_enrollments_due", "enrollments", ["state", "due_at"], "state IN ('held', 'ready', 'working', 'uncertain')"
    ),
    Made("ix_enrollments_confirm", "enrollments", ["confirm_at"], "confirm_at IS NOT NULL"),
    Made("ix_events_received_at", "events", ["received_at"]),
    Made(DUE, "outbound", ["endpoint", "due_at"], "state IN ('waiting', 'sending')"),
    Made(USED, "sender_reservations", ["account", "inbox", "reserved_at"]),
)


def upgrade() -> None:
    _exchange(OLD, NEW)


def downgrade() -> None:
    _exchange(NEW, OLD)


def _exchange(gone: tuple[Made, ...], made: tuple[Made, ...]) -> None:
    for index in gone:
        op.drop_index(index.name, index.table)
    for index in made:
        where = None if index.where is None else sa.text(index.where)
        op.create_index(
            index.name, index.table, index.columns, postgresql_where=where, postgresql_include=list(index.include)
        )
