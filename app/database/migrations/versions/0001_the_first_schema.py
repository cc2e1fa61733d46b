"""The first schema

Revision: 0001, after
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "decisions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=True),
        sa.Column("line", sa.Integer(), nullable=True),
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("enrollment_id", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
        comment="Why: which rule decided, or why none did.",
    )
    op.create_index(op.f("ix_decisions_email_id"), "decisions", ["email", "id"], unique=False)
    op.create_index(op.f("ix_decisions_event_id"), "decisions", ["event_id"], unique=False)
    op.create_index(op.f("ix_decisions_rule_id"), "decisions", ["rule", "id"], unique=False)
    op.create_index(op.f("ix_decisions_source_id"), "decisions", ["source", "id"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        comment="Accepted requests as they came, kept for the retention.",
    )
    op.create_index(op.f("ix_deliveries_received_at"), "deliveries", ["received_at"], unique=False)
    op.create_table(
        "enrollments",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("sender_user_id", sa.Text(), nullable=False),
        sa.Column("sender_email", sa.Text(), nullable=False),
        sa.Column("properties", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("require", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("intent", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("first_failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_by", sa.Text(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("step", sa.Text(), nullable=True),
        sa.Column("contact_id", sa.Text(), nullable=True),
        sa.Column("baseline_count", sa.Integer(), nullable=True),
        sa.Column("baseline_sequence", sa.Text(), nullable=True),
        sa.Column("baseline_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sending_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_sending_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reads", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("resends", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("hubspot_enrollment_id", sa.Text(), nullable=True),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmation", sa.Text(), nullable=True),
        sa.Column("confirm_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrollments")),
        comment="The intent to enroll one contact into one sequence by one sender. The row is the job.",
    )
    op.create_index(
        "ix_enrollments_confirm",
        "enrollments",
        ["confirm_at"],
        unique=False,
        postgresql_where=sa.text("confirm_at IS NOT NULL"),
    )
    op.create_index(
        "ix_enrollments_due",
        "enrollments",
        ["state", "due_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('held', 'ready', 'working', 'uncertain')"),
    )
    op.create_index(op.f("ix_enrollments_email_id"), "enrollments", ["email", "id"], unique=False)
    op.create_index(op.f("ix_enrollments_event_id"), "enrollments", ["event_id"], unique=False)
    op.create_index(
        "ix_enrollments_one_in_hand_per_person",
        "enrollments",
        ["account", "email"],
        unique=True,
        postgresql_where=sa.text("state IN ('working', 'uncertain')"),
    )
    op.create_index(op.f("ix_enrollments_rule_id"), "enrollments", ["rule", "id"], unique=False)
    op.create_index(op.f("ix_enrollments_source_id"), "enrollments", ["source", "id"], unique=False)
    op.create_index(op.f("ix_enrollments_state_id"), "enrollments", ["state", "id"], unique=False)
    op.create_table(
        "event_keys",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", "key", name=op.f("pk_event_keys")),
        comment="What has been seen: the only thing that tells a duplicate. Lives at least 7 days, whatever payloads do.",
    )
    op.create_index(op.f("ix_event_keys_seen_at"), "event_keys", ["seen_at"], unique=False)
    op.create_table(
        "events",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("first_name", sa.Text(), nullable=True),
        sa.Column("last_name", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("company", sa.Text(), nullable=True),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        comment="Normalised facts. `data` is the provider's payload and goes with the retention.",
    )
    op.create_index(op.f("ix_events_delivery_id"), "events", ["delivery_id"], unique=False)
    op.create_index(op.f("ix_events_email_id"), "events", ["email", "id"], unique=False)
    op.create_index(op.f("ix_events_received_at"), "events", ["received_at"], unique=False)
    op.create_index(op.f("ix_events_source_id"), "events", ["source", "id"], unique=False)
    op.create_table(
        "inboxes",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("inbox", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account", "inbox", name=op.f("pk_inboxes")),
        comment="The lock of each sender's ledger.",
    )
    op.create_table(
        "installation",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_installation")),
        comment="What all processes of one installation share: the key of the hashes that stand for people in logs.",
    )
    op.create_table(
        "intents",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("intent", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("enrollment_id", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account", "intent", "email", name=op.f("pk_intents")),
        comment="Why a person is contacted: one row per person and reason, taken over only when `until` has passed.",
    )
    op.create_index(op.f("ix_intents_enrollment_id"), "intents", ["enrollment_id"], unique=False)
    op.create_table(
        "journal",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("enrollment_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal")),
        comment="Every transition and checkpoint of every enrollment, with time and cause.",
    )
    op.create_index(op.f("ix_journal_enrollment_id"), "journal", ["enrollment_id"], unique=False)
    op.create_table(
        "rate_grants",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rate_grants")),
        comment="Requests granted within the window, counted whether they were used or not.",
    )
    op.create_index(
        op.f("ix_rate_grants_account_kind_granted_at"), "rate_grants", ["account", "kind", "granted_at"], unique=False
    )
    op.create_table(
        "rate_windows",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("maximum", sa.Integer(), nullable=False),
        sa.Column("window_ms", sa.Integer(), nullable=False),
        sa.Column("blocked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("blocked_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("account", "kind", name=op.f("pk_rate_windows")),
        comment="The lock and the limit of each rolling window of requests to HubSpot.",
    )
    op.create_table(
        "refused_deliveries",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refused_deliveries")),
        comment="Refused requests: the last 20 of each source, 64 KiB of body each, for 24 hours.",
    )
    op.create_index(op.f("ix_refused_deliveries_source_id"), "refused_deliveries", ["source", "id"], unique=False)
    op.create_table(
        "rulebooks",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("documents", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_rulebooks")),
        comment="Rulebooks that were put in force, unexpanded, the highest number being in force now.",
    )
    op.create_table(
        "sender_reservations",
        sa.Column("enrollment_id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("inbox", sa.Text(), nullable=False),
        sa.Column("reserved_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("enrollment_id", name=op.f("pk_sender_reservations")),
        comment="The sender ledger: one row per enrollment that was sent, counted over rolling 24 hours.",
    )
    op.create_index(
        op.f("ix_sender_reservations_account_inbox_reserved_at"),
        "sender_reservations",
        ["account", "inbox", "reserved_at"],
        unique=False,
    )


def downgrade() -> None:

    op.drop_index(op.f("ix_sender_reservations_account_inbox_reserved_at"), table_name="sender_reservations")
    op.drop_table("sender_reservations")
    op.drop_table("rulebooks")
    op.drop_index(op.f("ix_refused_deliveries_source_id"), table_name="refused_deliveries")
    op.drop_table("refused_deliveries")
    op.drop_table("rate_windows")
    op.drop_index(op.f("ix_rate_grants_account_kind_granted_at"), table_name="rate_grants")
    op.drop_table("rate_grants")
    op.drop_index(op.f("ix_journal_enrollment_id"), table_name="journal")
    op.drop_table("journal")
    op.drop_index(op.f("ix_intents_enrollment_id"), table_name="intents")
    op.drop_table("intents")
    op.drop_table("installation")
    op.drop_table("inboxes")
    op.drop_index(op.f("ix_events_source_id"), table_name="events")
    op.drop_index(op.f("ix_events_received_at"), table_name="events")
    op.drop_index(op.f("ix_events_email_id"), table_name="events")
    op.drop_index(op.f("ix_events_delivery_id"), table_name="events")
    op.drop_table("events")
    op.drop_index(op.f("ix_event_keys_seen_at"), table_name="event_keys")
    op.drop_table("event_keys")
    op.drop_index(op.f("ix_enrollments_state_id"), table_name="enrollments")
    op.drop_index(op.f("ix_enrollments_source_id"), table_name="enrollments")
    op.drop_index(op.f("ix_enrollments_rule_id"), table_name="enrollments")
    op.drop_index(
        "ix_enrollments_one_in_hand_per_person",
        table_name="enrollments",
        postgresql_where=sa.text("state IN ('working', 'uncertain')"),
    )
    op.drop_index(op.f("ix_enrollments_event_id"), table_name="enrollments")
    op.drop_index(op.f("ix_enrollments_email_id"), table_name="enrollments")
    op.drop_index(
        "ix_enrollments_due",
        table_name="enrollments",
        postgresql_where=sa.text("state IN ('held', 'ready', 'working', 'uncertain')"),
    )
    op.drop_index(
        "ix_enrollments_confirm", table_name="enrollments", postgresql_where=sa.text("confirm_at IS NOT NULL")
    )
    op.drop_table("enrollments")
    op.drop_index(op.f("ix_deliveries_received_at"), table_name="deliveries")
    op.drop_table("deliveries")
    op.drop_index(op.f("ix_decisions_source_id"), table_name="decisions")
    op.drop_index(op.f("ix_decisions_rule_id"), table_name="decisions")
    op.drop_index(op.f("ix_decisions_event_id"), table_name="decisions")
    op.drop_index(op.f("ix_decisions_email_id"), table_name="decisions")
    op.drop_table("decisions")
