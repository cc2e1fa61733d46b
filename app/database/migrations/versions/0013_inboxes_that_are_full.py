"""HubSpot's word that an inbox is full is kept, and whose inbox it is

Revision: 0013, after 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

BEFORE = "Refusals in a row that are a sender's own fault, and since when nothing is sent by it."
AFTER = (
    "Refusals in a row that are a sender's own fault, since when nothing is sent by it, and until when HubSpot says it"
    " is full."
)


def upgrade() -> None:
    op.add_column("sender_pauses", sa.Column("sender", sa.Text()))
    op.add_column("sender_pauses", sa.Column("user_id", sa.Text()))
    op.add_column("sender_pauses", sa.Column("full_until", sa.DateTime(timezone=True)))
    op.create_table_comment("sender_pauses", AFTER, existing_comment=BEFORE)


def downgrade() -> None:
    op.create_table_comment("sender_pauses", BEFORE, existing_comment=AFTER)
    for column in ("full_until", "user_id", "sender"):
        op.drop_column("sender_pauses", column)
