"""Which HubSpot portal each account is, and where its day ends

Revision: 0019, after 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

# Accounts that joined by OAuth have said whose they are; the others are asked by the next process that starts.
CONNECTED = """
    INSERT INTO hubspot_accounts (account, portal_id, learnt_at) SELECT account, hub_id, updated_at FROM oauth_grants
"""


def upgrade() -> None:
    op.create_table(
        "hubspot_accounts",
        sa.Column("account", sa.Text(), primary_key=True),
        sa.Column("portal_id", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text()),
        sa.Column("learnt_at", sa.DateTime(timezone=True), nullable=False),
        comment="What HubSpot says of each account: which portal it is, and in which time zone its day ends.",
    )
    op.execute(CONNECTED)


def downgrade() -> None:
    op.drop_table("hubspot_accounts")
