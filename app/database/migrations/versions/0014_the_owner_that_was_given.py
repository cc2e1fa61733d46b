"""Who a contact was given to is kept, so that another sender can take it over

Revision: 0014, after 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("enrollments", sa.Column("gave_owner", sa.Text()))


def downgrade() -> None:
    op.drop_column("enrollments", "gave_owner")
