"""One rulebook serves several accounts

Revision: 0003, after 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rulebooks", sa.Column("accounts", ARRAY(sa.Text()), nullable=True))
    op.execute("UPDATE rulebooks SET accounts = ARRAY[account]")
    op.alter_column("rulebooks", "accounts", nullable=False)
    op.drop_column("rulebooks", "account")


def downgrade() -> None:
    op.add_column("rulebooks", sa.Column("account", sa.Text(), nullable=True))
    op.execute("UPDATE rulebooks SET account = accounts[1]")
    op.alter_column("rulebooks", "account", nullable=False)
    op.drop_column("rulebooks", "accounts")
