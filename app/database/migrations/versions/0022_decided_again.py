"""A decision names the one that it replaces

Revision: 0022, after 0021
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("decisions", sa.Column("replaces", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("decisions", "replaces")
