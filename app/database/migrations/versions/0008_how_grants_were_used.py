"""Grants of the rate window tell how they were used

Revision: 0008, after 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

NOW = "Requests granted within the window. `waited` is for how many seconds each counts longer than the window."
THEN = "Requests granted within the window, counted whether they were used or not."


def upgrade() -> None:
    op.add_column("rate_grants", sa.Column("waited", sa.Double(), nullable=False, server_default=sa.text("0.7")))
    op.create_table_comment("rate_grants", NOW, existing_comment=THEN)


def downgrade() -> None:
    op.create_table_comment("rate_grants", THEN, existing_comment=NOW)
    op.drop_column("rate_grants", "waited")
