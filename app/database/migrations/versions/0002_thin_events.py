"""Thin events are enriched before they are decided; events say whether the person left

Revision: 0002, after 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("events", sa.Column("exit", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_table(
        "enrichments",
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("first_failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_by", sa.Text(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_enrichments")),
        comment="Thin events whose provider is asked for what they do not carry, before they are decided.",
    )
    op.create_index(
        "ix_enrichments_due", "enrichments", ["due_at"], postgresql_where=sa.text("state IN ('ready', 'working')")
    )
    op.create_index(op.f("ix_enrichments_source_event_id"), "enrichments", ["source", "event_id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_enrichments_source_event_id"), table_name="enrichments")
    op.drop_index(
        "ix_enrichments_due", table_name="enrichments", postgresql_where=sa.text("state IN ('ready', 'working')")
    )
    op.drop_table("enrichments")
    op.drop_column("events", "exit")
