"""Enrollments are followed to their end in HubSpot

Revision: 0010, after 0009
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

COLUMNS: tuple[sa.Column[Any], ...] = (
    sa.Column("follow_at", sa.DateTime(timezone=True)),
    sa.Column("hinted_at", sa.DateTime(timezone=True)),
    sa.Column("looks", sa.Integer(), server_default=sa.text("0"), nullable=False),
    sa.Column("unclear_since", sa.DateTime(timezone=True)),
    sa.Column("ended", sa.Text()),
    sa.Column("ended_at", sa.DateTime(timezone=True)),
    sa.Column("ended_known", sa.Boolean()),
    sa.Column("ended_why", sa.Text()),
    sa.Column("ended_seen_at", sa.DateTime(timezone=True)),
    sa.Column("replied_at", sa.DateTime(timezone=True)),
)
INDEXES = (
    ("ix_enrollments_follow", ["account", "follow_at"], "follow_at IS NOT NULL"),
    ("ix_enrollments_hinted", ["account", "hinted_at"], "hinted_at IS NOT NULL"),
    ("ix_enrollments_followed_contact", ["account", "contact_id"], "follow_at IS NOT NULL"),
    ("ix_enrollments_ended", ["ended", "id"], "ended IS NOT NULL"),
)
# What was enrolled before is followed from now on. Each row's own time spreads the first looks over an hour.
FOLLOW = """
    UPDATE enrollments SET follow_at = clock_timestamp() + make_interval(secs => abs(hashtext(id) % 3600))
    WHERE state = 'enrolled' AND contact_id IS NOT NULL
"""


def upgrade() -> None:
    for column in COLUMNS:
        op.add_column("enrollments", column)
    for name, columns, where in INDEXES:
        op.create_index(name, "enrollments", columns, postgresql_where=sa.text(where))
    op.create_table(
        "follow_turns",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.Column("leased_by", sa.Text()),
        sa.Column("leased_until", sa.DateTime(timezone=True)),
        sa.Column("search_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True)),
        sa.Column("beyond", sa.Text()),
        sa.Column("refused", sa.Text()),
        sa.Column("calls", postgresql.ARRAY(sa.DateTime(timezone=True)), nullable=False),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_follow_turns")),
        comment="Whose turn it is to follow an account's enrollments, up to when they were searched for, and its calls.",
    )
    op.execute(FOLLOW)


def downgrade() -> None:
    op.drop_table("follow_turns")
    for name, _, _ in INDEXES:
        op.drop_index(name, "enrollments")
    for column in COLUMNS:
        op.drop_column("enrollments", column.name)
