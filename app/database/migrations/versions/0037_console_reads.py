"""What the console's pages read

Revision: 0037, after 0036. Events by their type, and the names that HubSpot listed last, which sentences use.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_events_type_id", "events", ["type", "id"])
    op.create_table(
        "catalogue_listings",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("items", JSONB(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account", "what", name=op.f("pk_catalogue_listings")),
        comment="What HubSpot listed last of each account, its sequences and its owners: sentences take names from it.",
    )


def downgrade() -> None:
    op.drop_table("catalogue_listings")
    op.drop_index("ix_events_type_id", "events")
