"""The first schema

Revision: 0021, after nothing: unreleased versions numbered theirs up to 0020
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(sa.schema.CreateSequence(sa.Sequence("oauth_grant_versions", start=1_000_000)))
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
        "ix_enrichments_due",
        "enrichments",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('ready', 'working')"),
    )
    op.create_index(
        "ix_enrichments_over",
        "enrichments",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('done', 'failed')"),
    )
    op.create_index(op.f("ix_enrichments_source_event_id"), "enrichments", ["source", "event_id"], unique=False)
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
        sa.Column("plan", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("sender", sa.Text(), nullable=True),
        sa.Column("sender_user_id", sa.Text(), nullable=True),
        sa.Column("sender_email", sa.Text(), nullable=True),
        sa.Column("assignment", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("priority", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("properties", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("require", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("intent", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=True),
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
        sa.Column("triggered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("triggered_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("gave_owner", sa.Text(), nullable=True),
        sa.Column("follow_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hinted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("looks", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("unclear_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_known", sa.Boolean(), nullable=True),
        sa.Column("ended_why", sa.Text(), nullable=True),
        sa.Column("ended_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("replied_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrollments")),
        comment="The intent to enroll one contact into one sequence by one sender. The row is the job.",
    )
    op.create_index(
        "ix_enrollments_claimable",
        "enrollments",
        ["account", "state", "due_at", "id"],
        unique=False,
        postgresql_where=sa.text("state IN ('ready', 'uncertain')"),
    )
    op.create_index(
        "ix_enrollments_confirm",
        "enrollments",
        ["account", "confirm_at"],
        unique=False,
        postgresql_where=sa.text("confirm_at IS NOT NULL"),
    )
    op.create_index(op.f("ix_enrollments_email_id"), "enrollments", ["email", "id"], unique=False)
    op.create_index(
        "ix_enrollments_ended",
        "enrollments",
        ["ended", "id"],
        unique=False,
        postgresql_where=sa.text("ended IS NOT NULL"),
    )
    op.create_index(op.f("ix_enrollments_event_id"), "enrollments", ["event_id"], unique=False)
    op.create_index(
        "ix_enrollments_expires",
        "enrollments",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("expires_at IS NOT NULL AND state IN ('held', 'ready')"),
    )
    op.create_index(
        "ix_enrollments_follow",
        "enrollments",
        ["account", "follow_at"],
        unique=False,
        postgresql_where=sa.text("follow_at IS NOT NULL"),
    )
    op.create_index(
        "ix_enrollments_followed_contact",
        "enrollments",
        ["account", "contact_id"],
        unique=False,
        postgresql_where=sa.text("follow_at IS NOT NULL"),
    )
    op.create_index(
        "ix_enrollments_held", "enrollments", ["due_at"], unique=False, postgresql_where=sa.text("state = 'held'")
    )
    op.create_index(
        "ix_enrollments_held_for",
        "enrollments",
        ["account", "reason", "sender_email", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'held'"),
    )
    op.create_index(
        "ix_enrollments_hinted",
        "enrollments",
        ["account", "hinted_at"],
        unique=False,
        postgresql_where=sa.text("hinted_at IS NOT NULL"),
    )
    op.create_index(
        "ix_enrollments_leaving",
        "enrollments",
        ["account", "email"],
        unique=False,
        postgresql_where=sa.text("plan->>'action' IN ('cancel', 'unenroll')"),
    )
    op.create_index(
        "ix_enrollments_one_in_hand_per_person",
        "enrollments",
        ["account", "email"],
        unique=True,
        postgresql_where=sa.text("state IN ('working', 'uncertain')"),
    )
    op.create_index(
        "ix_enrollments_open_of_person",
        "enrollments",
        ["account", "email"],
        unique=False,
        postgresql_where=sa.text("state IN ('held', 'ready', 'working', 'uncertain') OR triggered_until IS NOT NULL"),
    )
    op.create_index(op.f("ix_enrollments_rule_id"), "enrollments", ["rule", "id"], unique=False)
    op.create_index(op.f("ix_enrollments_source_id"), "enrollments", ["source", "id"], unique=False)
    op.create_index(op.f("ix_enrollments_state_id"), "enrollments", ["state", "id"], unique=False)
    op.create_index(
        "ix_enrollments_waiting_for_sender",
        "enrollments",
        ["account", "sender_email"],
        unique=False,
        postgresql_where=sa.text("state IN ('held', 'ready', 'working')"),
    )
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
        sa.Column("exit", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        comment="Normalised facts. `data` is the provider's payload and goes with the retention.",
    )
    op.create_index(op.f("ix_events_delivery_id"), "events", ["delivery_id"], unique=False)
    op.create_index(op.f("ix_events_email_id"), "events", ["email", "id"], unique=False)
    op.create_index(
        "ix_events_payloads", "events", ["received_at"], unique=False, postgresql_where=sa.text("data IS NOT NULL")
    )
    op.create_index(op.f("ix_events_source_id"), "events", ["source", "id"], unique=False)
    op.create_table(
        "follow_turns",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.Column("leased_by", sa.Text(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("search_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("beyond", sa.Text(), nullable=True),
        sa.Column("refused", sa.Text(), nullable=True),
        sa.Column("calls", postgresql.ARRAY(sa.DateTime(timezone=True)), nullable=False),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_follow_turns")),
        comment="Whose turn it is to follow an account's enrollments, up to when they were searched for, and its calls.",
    )
    op.create_table(
        "hubspot_accounts",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("portal_id", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=True),
        sa.Column("learnt_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_hubspot_accounts")),
        comment="What HubSpot says of each account: which portal it is, and in which time zone its day ends.",
    )
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
    op.create_index(op.f("ix_intents_until"), "intents", ["until"], unique=False)
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
        "oauth_grants",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("hub_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=True),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("access_token", sa.LargeBinary(), nullable=False),
        sa.Column("refresh_token", sa.LargeBinary(), nullable=False),
        sa.Column("expires_in", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("leased_by", sa.Text(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_oauth_grants")),
        comment="HubSpot accounts that joined by OAuth; tokens are encrypted. `version` is the fence of who renews them.",
    )
    op.create_table(
        "oauth_installs",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("code_verifier", sa.LargeBinary(), nullable=True),
        sa.Column("redirect_uri", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_oauth_installs")),
        comment="People on their way to connect an account: hashed tickets and states, each good once and for 10 minutes.",
    )
    op.create_table(
        "outbound",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("enrollment_id", sa.Text(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("leased_by", sa.Text(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("attempts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbound")),
        comment="What the operator's own systems are told, one row for each endpoint. `body` is what is sent every time.",
    )
    op.create_index(op.f("ix_outbound_created_at"), "outbound", ["created_at"], unique=False)
    op.create_index(
        "ix_outbound_delivered",
        "outbound",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("state = 'delivered'"),
    )
    op.create_index(
        "ix_outbound_due",
        "outbound",
        ["endpoint", "due_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('waiting', 'sending')"),
        postgresql_include=["created_at"],
    )
    op.create_index(op.f("ix_outbound_endpoint_id"), "outbound", ["endpoint", "id"], unique=False)
    op.create_index(op.f("ix_outbound_enrollment_id"), "outbound", ["enrollment_id"], unique=False)
    op.create_index(
        "ix_outbound_failed", "outbound", ["endpoint"], unique=False, postgresql_where=sa.text("state = 'failed'")
    )
    op.create_index(op.f("ix_outbound_state_id"), "outbound", ["state", "id"], unique=False)
    op.create_table(
        "outbound_endpoints",
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("openings", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("open_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("probing_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_success_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("last_error_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("endpoint", "fingerprint", name=op.f("pk_outbound_endpoints")),
        comment="How each endpoint answers, for all replicas: its breaker, and whether it said that it is gone.",
    )
    op.create_table(
        "pool_turns",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("turn", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("account", "pool", name=op.f("pk_pool_turns")),
        comment="Whose turn it is in each pool. The row is the pool's lock: choices are made one after the other.",
    )
    op.create_table(
        "rate_days",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_rate_days")),
        comment="Requests granted in the day of each account that has a cap of its own.",
    )
    op.create_table(
        "rate_grants",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("waited", sa.Double(), server_default=sa.text("0.7"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rate_grants")),
        comment="Requests granted within the window. `waited` is for how many seconds each counts longer than the window.",
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
        sa.Column("accounts", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_rulebooks")),
        comment="Rulebooks that were put in force, unexpanded, the highest number being in force now.",
    )
    op.create_table(
        "sender_pauses",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("inbox", sa.Text(), nullable=False),
        sa.Column("refusals", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sender", sa.Text(), nullable=True),
        sa.Column("user_id", sa.Text(), nullable=True),
        sa.Column("full_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("account", "inbox", name=op.f("pk_sender_pauses")),
        comment="Refusals in a row that are a sender's own fault, since when nothing is sent by it, and until when HubSpot says it is full.",
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
        postgresql_include=["enrollment_id"],
    )
    op.create_index(op.f("ix_sender_reservations_reserved_at"), "sender_reservations", ["reserved_at"], unique=False)
    op.create_table(
        "sticky_senders",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("chosen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account", "pool", "subject", name=op.f("pk_sticky_senders")),
        comment="Which sender of a pool a person (an address) or a company (a domain) was given.",
    )
    op.create_table(
        "suppressions",
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("fits", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("value", name=op.f("pk_suppressions")),
        comment="Addresses, domains and patterns that operators never want enrolled.",
    )
    op.create_index(
        "ix_suppressions_patterns", "suppressions", ["fits"], unique=False, postgresql_where=sa.text("kind = 'pattern'")
    )


def downgrade() -> None:
    message = "there is nothing before the first schema"
    raise NotImplementedError(message)
