"""A contact is occupied by one enrollment at a time, whatever the address that its event named

Revision: 0025, after 0023. The new column is empty in every row that there is, so that no row can violate the index.
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("enrollments", sa.Column("occupied_contact_id", sa.Text(), nullable=True))
    op.create_index(
        "ix_enrollments_one_in_hand_per_contact",
        "enrollments",
        ["account", "occupied_contact_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('working', 'uncertain') AND step IN ('prepared', 'sending')"),
    )
    op.create_index(
        "ix_enrollments_of_contact",
        "enrollments",
        ["account", "contact_id"],
        unique=False,
        postgresql_where=sa.text("contact_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_enrollments_of_contact", table_name="enrollments")
    op.drop_index("ix_enrollments_one_in_hand_per_contact", table_name="enrollments")
    op.drop_column("enrollments", "occupied_contact_id")
