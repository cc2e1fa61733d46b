"""Forgotten people

Revision: 0032, after 0031. The key of the hashes is stored as the two blocks that HMAC-SHA-256 makes of it, so that
statements can compute the hash.
"""

import secrets

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

INNER, OUTER = 0x36, 0x5C


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "forgotten",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("forgetting_id", sa.Text(), nullable=False),
        sa.Column("forgotten_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_forgotten")),
        comment="Tombstones: keyed hashes of the addresses and contacts of people who were forgotten.",
    )
    op.create_index(op.f("ix_forgotten_forgetting_id"), "forgotten", ["forgetting_id"])
    op.create_table(
        "forgettings",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", instant, nullable=False),
        sa.Column("done_at", instant, nullable=True),
        sa.Column("person", JSONB(), nullable=True),
        sa.Column("counts", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forgettings")),
        comment="Who is being forgotten: `person` is emptied when nothing more is to be done. "
        "The rest proves that it was.",
    )
    op.create_index(op.f("ix_forgettings_requested_at"), "forgettings", ["requested_at"])
    op.create_index("ix_forgettings_open", "forgettings", ["requested_at"], postgresql_where=sa.text("done_at IS NULL"))
    op.create_index(op.f("ix_decisions_verdict_id"), "decisions", ["verdict", "id"])
    op.create_index(op.f("ix_sticky_senders_chosen_at"), "sticky_senders", ["chosen_at"])
    key = secrets.token_bytes(32).ljust(64, b"\0")
    blocks = {
        "forgotten_inner": bytes(byte ^ INNER for byte in key),
        "forgotten_outer": bytes(byte ^ OUTER for byte in key),
    }
    made = sa.text("INSERT INTO installation (name, value) VALUES (:name, :value)")
    for name, value in blocks.items():
        op.execute(made.bindparams(name=name, value=value))


def downgrade() -> None:
    op.execute("DELETE FROM installation WHERE name IN ('forgotten_inner', 'forgotten_outer')")
    op.drop_index(op.f("ix_sticky_senders_chosen_at"), "sticky_senders")
    op.drop_index(op.f("ix_decisions_verdict_id"), "decisions")
    op.drop_table("forgettings")
    op.drop_table("forgotten")
