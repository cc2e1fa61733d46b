"""The operator's own systems are told what becomes of enrollments

Revision: 0011, after 0010
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "outbound",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("enrollment_id", sa.Text()),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("leased_by", sa.Text()),
        sa.Column("leased_until", sa.DateTime(timezone=True)),
        sa.Column("last_status", sa.Integer()),
        sa.Column("last_error", sa.Text()),
        sa.Column("attempts", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbound")),
        comment="What the operator's own systems are told, one row for each endpoint. `body` is what is sent every time.",
    )
    op.create_index(op.f("ix_outbound_enrollment_id"), "outbound", ["enrollment_id"])
    op.create_index(op.f("ix_outbound_created_at"), "outbound", ["created_at"])
    op.create_index(
        "ix_outbound_due",
        "outbound",
        ["endpoint", "due_at"],
        postgresql_where=sa.text("state IN ('waiting', 'sending')"),
    )
    op.create_index("ix_outbound_failed", "outbound", ["endpoint"], postgresql_where=sa.text("state = 'failed'"))
    op.create_index(op.f("ix_outbound_endpoint_id"), "outbound", ["endpoint", "id"])
    op.create_index(op.f("ix_outbound_state_id"), "outbound", ["state", "id"])
    op.create_table(
        "outbound_endpoints",
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("openings", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("open_until", sa.DateTime(timezone=True)),
        sa.Column("probing_until", sa.DateTime(timezone=True)),
        sa.Column("disabled_at", sa.DateTime(timezone=True)),
        sa.Column("last_success_at", sa.DateTime(timezone=True)),
        sa.Column("last_error", sa.Text()),
        sa.Column("last_error_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("endpoint", name=op.f("pk_outbound_endpoints")),
        comment="How each endpoint answers, for all replicas: its breaker, and whether it said that it is gone.",
    )


def downgrade() -> None:
    op.drop_table("outbound_endpoints")
    op.drop_table("outbound")
