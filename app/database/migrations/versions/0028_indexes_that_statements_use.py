"""Indexes that statements use

Revision: 0028, after 0027. Contacts of followed enrollments are found by the index on all contacts. A row without a
sender has no entry in the index on senders.
"""

from alembic import op
from sqlalchemy import text

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_enrollments_followed_contact", "enrollments")
    op.drop_index("ix_enrollments_waiting_for_sender", "enrollments")
    op.create_index(
        "ix_enrollments_waiting_for_sender",
        "enrollments",
        ["account", "sender_email"],
        postgresql_where=text("state IN ('held', 'ready', 'working') AND sender_email IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_enrollments_waiting_for_sender", "enrollments")
    op.create_index(
        "ix_enrollments_waiting_for_sender",
        "enrollments",
        ["account", "sender_email"],
        postgresql_where=text("state IN ('held', 'ready', 'working')"),
    )
    op.create_index(
        "ix_enrollments_followed_contact",
        "enrollments",
        ["account", "contact_id"],
        postgresql_where=text("follow_at IS NOT NULL"),
    )
