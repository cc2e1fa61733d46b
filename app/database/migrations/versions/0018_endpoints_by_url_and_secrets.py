"""How an endpoint answers is kept for each URL and secrets apart

Before, replicas with different rules for one endpoint began its breaker anew for each other, again and again.

Revision: 0018, after 0017
"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint("pk_outbound_endpoints", "outbound_endpoints")
    op.create_primary_key("pk_outbound_endpoints", "outbound_endpoints", ["endpoint", "fingerprint"])


def downgrade() -> None:
    op.execute("""
        DELETE FROM outbound_endpoints AS older USING outbound_endpoints AS newer
        WHERE newer.endpoint = older.endpoint
          AND (COALESCE(GREATEST(newer.last_success_at, newer.last_error_at), '-infinity'), newer.fingerprint)
              > (COALESCE(GREATEST(older.last_success_at, older.last_error_at), '-infinity'), older.fingerprint)
    """)
    op.drop_constraint("pk_outbound_endpoints", "outbound_endpoints")
    op.create_primary_key("pk_outbound_endpoints", "outbound_endpoints", ["endpoint"])
