"""Forms of the console that were sent, so that one that is sent twice does nothing the second time

Revision: 0041, after 0040
"""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "console_forms",
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("turn", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_console_forms")),
        comment="Forms of the console that changed something: hashed keys, each good once, and what was answered.",
    )
    op.create_index(op.f("ix_console_forms_sent_at"), "console_forms", ["sent_at"])


def downgrade() -> None:
    op.drop_table("console_forms")
