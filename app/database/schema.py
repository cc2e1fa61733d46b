"""The tables. A test (`alembic check`) requires that the migrations lead to this schema.

No foreign keys: the tables have different retention (payloads 30 days, event keys at least 7, the journal for ever),
and the group commit writes each table in one statement per batch.

An index of several columns, all of which its statements know, begins with the one that differs most from row to row:
PostgreSQL compares the columns in their order at each step of its search, and then needs the first one alone.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Sequence,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    },
)

Instant = DateTime(timezone=True)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("method", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("body", LargeBinary, nullable=False),
    comment="Accepted requests as they came, kept for the retention.",
)

refused_deliveries = Table(
    "refused_deliveries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("status", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index(None, "source", "id"),
    comment="Refused requests: the last 20 of each source, 64 KiB of body each, for 24 hours.",
)

event_keys = Table(
    "event_keys",
    metadata,
    Column("source", Text, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("delivery_id", Text, nullable=False),
    Column("seen_at", Instant, nullable=False, index=True),
    PrimaryKeyConstraint("key", "source"),
    comment="What has been seen: the only thing that tells a duplicate. Lives at least 7 days, whatever payloads do.",
)

events = Table(
    "events",
    metadata,
    Column("id", Text, primary_key=True),
    Column("delivery_id", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("provider_id", Text),
    Column("received_at", Instant, nullable=False),
    Column("occurred_at", Instant),
    Column("email", Text),
    Column("first_name", Text),
    Column("last_name", Text),
    Column("name", Text),
    Column("company", Text),
    Column("exit", Boolean, nullable=False, server_default=text("false")),
    Column("data", JSONB),
    Column("answers", JSONB),
    Column("repeats", Integer, nullable=False, server_default=text("0")),
    Column("last_repeated_at", Instant),
    Index("ix_events_payloads", "received_at", postgresql_where=text("data IS NOT NULL")),
    Index(None, "email", "id"),
    Index(None, "source", "id"),
    Index(None, "type", "id"),
    comment="Normalised facts. `data` is the provider's payload and goes with the retention.",
)

enrichments = Table(
    "enrichments",
    metadata,
    Column("event_id", Text, primary_key=True),
    Column("delivery_id", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("detail", Text),
    Column("due_at", Instant, nullable=False),
    Column("attempt", Integer, nullable=False, server_default=text("0")),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("first_failed_at", Instant),
    Column("leased_by", Text),
    Column("leased_until", Instant),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Index("ix_enrichments_due", "due_at", postgresql_where=text("state IN ('ready', 'working')")),
    Index("ix_enrichments_over", "created_at", postgresql_where=text("state IN ('done', 'failed')")),
    Index(None, "source", "event_id"),
    comment="Thin events whose provider is asked for what they do not carry, before they are decided.",
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("event_id", Text, nullable=False, index=True),
    Column("delivery_id", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("email", Text),
    Column("verdict", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("rule", Text),
    Column("line", Integer),
    Column("revision", Text, nullable=False),
    Column("facts", JSONB, nullable=False),
    Column("enrollment_id", Text),
    Column("decided_at", Instant, nullable=False),
    Column("replaces", Text),
    Index(None, "email", "id"),
    Index(None, "source", "id"),
    Index(None, "rule", "id"),
    Index(None, "verdict", "id"),
    comment="Why: which rule decided, or why none did.",
)

enrollments = Table(
    "enrollments",
    metadata,
    Column("id", Text, primary_key=True),
    Column("decision_id", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("delivery_id", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("sequence", Text, nullable=False),
    Column("plan", JSONB, nullable=False, server_default=text("'{}'")),
    Column("sender", Text),
    Column("sender_user_id", Text),
    Column("sender_email", Text),
    Column("assignment", JSONB),
    Column("expires_at", Instant),
    Column("priority", Integer, nullable=False, server_default=text("0")),
    Column("properties", JSONB, nullable=False),
    Column("require", ARRAY(Text), nullable=False),
    Column("intent", Text, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("heard_at", Instant),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("detail", Text),
    Column("due_at", Instant, nullable=False),
    Column("attempt", Integer, nullable=False, server_default=text("0")),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("first_failed_at", Instant),
    Column("leased_by", Text),
    Column("leased_until", Instant),
    Column("step", Text),
    Column("contact_id", Text),
    Column("baseline_count", Integer),
    Column("baseline_sequence", Text),
    Column("baseline_date", Instant),
    Column("sending_at", Instant),
    Column("first_sending_at", Instant),
    Column("reads", Integer, nullable=False, server_default=text("0")),
    Column("resends", Integer, nullable=False, server_default=text("0")),
    Column("hubspot_enrollment_id", Text),
    Column("enrolled_at", Instant),
    Column("confirmation", Text),
    Column("confirm_at", Instant),
    Column("triggered_at", Instant),
    Column("triggered_until", Instant),
    Column("gave_owner", Text),
    Column("follow_at", Instant),
    Column("hinted_at", Instant),
    Column("looks", Integer, nullable=False, server_default=text("0")),
    Column("unclear_since", Instant),
    Column("ended", Text),
    Column("ended_at", Instant),
    Column("ended_known", Boolean),
    Column("ended_why", Text),
    Column("ended_seen_at", Instant),
    Column("replied_at", Instant),
    Column("occupied_contact_id", Text),
    Column("restores_seen", Integer, nullable=False, server_default=text("0")),
    Index(
        "ix_enrollments_one_in_hand_per_person",
        "account",
        "email",
        unique=True,
        postgresql_where=text("state IN ('working', 'uncertain')"),
    ),
    # Addresses of one contact are known as such only once the contact was read: a row occupies it when it is prepared.
    Index(
        "ix_enrollments_one_in_hand_per_contact",
        "account",
        "occupied_contact_id",
        unique=True,
        postgresql_where=text("state IN ('working', 'uncertain') AND step IN ('prepared', 'sending')"),
    ),
    Index("ix_enrollments_of_contact", "account", "contact_id", postgresql_where=text("contact_id IS NOT NULL")),
    # `id` gives a claim its order: very many rows may have the same `due_at`.
    Index(
        "ix_enrollments_claimable",
        "account",
        "state",
        "due_at",
        "id",
        postgresql_where=text("state IN ('ready', 'uncertain')"),
    ),
    Index("ix_enrollments_held", "due_at", postgresql_where=text("state = 'held'")),
    # With these columns the index alone counts the enrollments that wait for one sender.
    Index(
        "ix_enrollments_held_for", "account", "reason", "sender_email", "id", postgresql_where=text("state = 'held'")
    ),
    Index(
        "ix_enrollments_waiting_for_sender",
        "account",
        "sender_email",
        postgresql_where=text("state IN ('held', 'ready', 'working') AND sender_email IS NOT NULL"),
    ),
    # All that a count of what waits for a sender asks for is in its condition: the index alone answers it.
    Index(
        "ix_enrollments_unsent_of_sender",
        "account",
        "sender_email",
        postgresql_where=text(
            "state IN ('held', 'ready', 'working') AND sending_at IS NULL AND sender_email IS NOT NULL"
        ),
    ),
    Index(
        "ix_enrollments_expires",
        "expires_at",
        postgresql_where=text("expires_at IS NOT NULL AND state IN ('held', 'ready')"),
    ),
    Index(
        "ix_enrollments_open_of_person",
        "email",
        "account",
        postgresql_where=text("state IN ('held', 'ready', 'working', 'uncertain') OR triggered_until IS NOT NULL"),
    ),
    Index(
        "ix_enrollments_leaving",
        "account",
        "email",
        postgresql_where=text("plan->>'action' IN ('cancel', 'unenroll')"),
    ),
    Index("ix_enrollments_confirm", "account", "confirm_at", postgresql_where=text("confirm_at IS NOT NULL")),
    Index("ix_enrollments_follow", "account", "follow_at", postgresql_where=text("follow_at IS NOT NULL")),
    Index("ix_enrollments_hinted", "account", "hinted_at", postgresql_where=text("hinted_at IS NOT NULL")),
    Index("ix_enrollments_ended", "ended", "id", postgresql_where=text("ended IS NOT NULL")),
    Index(None, "email", "id"),
    Index(None, "source", "id"),
    Index(None, "state", "id"),
    Index(None, "rule", "id"),
    # A reason is what lists, groups and bulk jobs narrow by. Most rows have none.
    Index("ix_enrollments_reason", "reason", "id", postgresql_where=text("reason IS NOT NULL")),
    # With these columns the index alone groups the parked enrollments.
    Index("ix_enrollments_parked", "reason", "rule", "sender", "updated_at", postgresql_where=text("state = 'parked'")),
    comment="The intent to enroll one contact into one sequence by one sender. The row is the job.",
)

follow_turns = Table(
    "follow_turns",
    metadata,
    Column("account", Text, primary_key=True),
    Column("turn", BigInteger, nullable=False),
    Column("leased_by", Text),
    Column("leased_until", Instant),
    Column("search_at", Instant, nullable=False),
    Column("since", Instant, nullable=False),
    Column("until", Instant),
    Column("beyond", Text),
    Column("refused", Text),
    Column("calls", ARRAY(Instant), nullable=False),
    comment="Whose turn it is to follow an account's enrollments, up to when they were searched for, and its calls.",
)

journal = Table(
    "journal",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("enrollment_id", Text, nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("before", Text),
    Column("after", Text, nullable=False),
    Column("step", Text),
    Column("attempt", Integer, nullable=False),
    Column("cause", Text, nullable=False),
    Column("detail", Text),
    comment="Every transition and checkpoint of every enrollment, with time and cause.",
)

intents = Table(
    "intents",
    metadata,
    Column("account", Text, nullable=False),
    Column("intent", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("enrollment_id", Text, nullable=False),
    Column("until", Instant, nullable=False, index=True),
    PrimaryKeyConstraint("email", "intent", "account"),
    comment="Why a person is contacted: one row per person and reason, taken over only when `until` has passed.",
)

installation = Table(
    "installation",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    comment="What all processes of one installation share: the key of the hashes that stand for people in logs.",
)

restores = Table(
    "restores",
    metadata,
    Column("number", Integer, Identity(always=True), primary_key=True),
    Column("since", Instant, nullable=False),
    Column("until", Instant, nullable=False),
    comment="Times of which a restored database has no record, from its copy until the restore was noticed.",
)

rate_windows = Table(
    "rate_windows",
    metadata,
    Column("account", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("maximum", Integer, nullable=False),
    Column("window_ms", Integer, nullable=False),
    Column("blocked_until", Instant),
    Column("blocked_by", Text),
    PrimaryKeyConstraint("account", "kind"),
    comment="The lock and the limit of each rolling window of requests to HubSpot.",
)

rate_days = Table(
    "rate_days",
    metadata,
    Column("account", Text, primary_key=True),
    Column("ends_at", Instant, nullable=False),
    Column("used", BigInteger, nullable=False),
    comment="Requests granted in the day of each account that has a cap of its own.",
)

rate_grants = Table(
    "rate_grants",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("account", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("granted_at", Instant, nullable=False),
    Column("count", Integer, nullable=False),
    Column("waited", Double, nullable=False, server_default=text("0.7")),
    Index(None, "account", "kind", "granted_at"),
    comment="Requests granted within the window. `waited` is for how many seconds each counts longer than the window.",
)

inboxes = Table(
    "inboxes",
    metadata,
    Column("account", Text, nullable=False),
    Column("inbox", Text, nullable=False),
    PrimaryKeyConstraint("account", "inbox"),
    comment="The lock of each sender's ledger.",
)

sender_reservations = Table(
    "sender_reservations",
    metadata,
    Column("enrollment_id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("inbox", Text, nullable=False),
    Column("reserved_at", Instant, nullable=False, index=True),
    Index(None, "account", "inbox", "reserved_at", postgresql_include=["enrollment_id"]),
    comment="The sender ledger: one row per enrollment that was sent, counted over rolling 24 hours.",
)

pool_turns = Table(
    "pool_turns",
    metadata,
    Column("account", Text, nullable=False),
    Column("pool", Text, nullable=False),
    Column("turn", BigInteger, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("account", "pool"),
    comment="Whose turn it is in each pool. The row is the pool's lock: choices are made one after the other.",
)

sticky_senders = Table(
    "sticky_senders",
    metadata,
    Column("account", Text, nullable=False),
    Column("pool", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("chosen_at", Instant, nullable=False, index=True),
    PrimaryKeyConstraint("account", "pool", "subject"),
    comment="Which sender of a pool a person (an address) or a company (a domain) was given.",
)

forgotten = Table(
    "forgotten",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("forgetting_id", Text, nullable=False, index=True),
    Column("forgotten_at", Instant, nullable=False),
    comment="Tombstones: keyed hashes of the addresses and contacts of people who were forgotten.",
)

forgettings = Table(
    "forgettings",
    metadata,
    Column("id", Text, primary_key=True),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", Instant, nullable=False),
    Column("done_at", Instant),
    Column("person", JSONB),
    Column("counts", JSONB, nullable=False, server_default=text("'{}'")),
    Index("ix_forgettings_requested_at", "requested_at"),
    Index("ix_forgettings_open", "requested_at", postgresql_where=text("done_at IS NULL")),
    comment="Who is being forgotten: `person` is emptied when nothing more is to be done. The rest proves that it was.",
)

inventories = Table(
    "inventories",
    metadata,
    Column("id", Text, primary_key=True),
    Column("key", LargeBinary, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("person", JSONB),
    Column("attempt", Integer, nullable=False, server_default=text("0")),
    Column("leased_until", Instant),
    Column("found", JSONB, nullable=False, server_default=text("'{}'")),
    Column("counts", JSONB, nullable=False, server_default=text("'{}'")),
    Column("done_at", Instant),
    Column("error", Text),
    Index("ix_inventories_key", "key", unique=True),
    comment="What is kept of a person, counted in all tables, for a day. `person` is emptied when that is done.",
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("value", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("fits", Text),
    Column("reason", Text),
    Column("created_at", Instant, nullable=False),
    Column("number", BigInteger, Identity(always=True), nullable=False),
    Column("added_by", Text),
    Index("ix_suppressions_patterns", "fits", postgresql_where=text("kind = 'pattern'")),
    Index("ix_suppressions_number", "number", unique=True),
    comment="Addresses, domains and patterns that operators never want enrolled.",
)

sender_pauses = Table(
    "sender_pauses",
    metadata,
    Column("account", Text, nullable=False),
    Column("inbox", Text, nullable=False),
    Column("refusals", Integer, nullable=False, server_default=text("0")),
    Column("reason", Text),
    Column("paused_at", Instant),
    Column("sender", Text),
    Column("user_id", Text),
    Column("full_until", Instant),
    Column("paused_by", Text),
    PrimaryKeyConstraint("account", "inbox"),
    comment="Refusals in a row that are a sender's own fault, since when nothing is sent by it, and until when HubSpot"
    " says it is full.",
)

rulebooks = Table(
    "rulebooks",
    metadata,
    Column("number", BigInteger, Identity(always=True), primary_key=True),
    Column("revision", Text, nullable=False),
    Column("documents", Text, nullable=False),
    Column("accounts", ARRAY(Text), nullable=False),
    Column("stored_at", Instant, nullable=False),
    Column("installed_by", Text),
    comment="Rulebooks that were put in force, unexpanded, the highest number being in force now.",
)

rejected_rules = Table(
    "rejected_rules",
    metadata,
    Column("name", Text, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("rejected_by", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("mistakes", JSONB, nullable=False),
    comment="The last rules that were rejected, one row; the next rules that are put in force delete it.",
)

doctor_runs = Table(
    "doctor_runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempt", Integer, nullable=False, server_default=text("0")),
    Column("leased_by", Text),
    Column("leased_until", Instant),
    Column("done_at", Instant),
    Column("findings", JSONB, nullable=False, server_default=text("'[]'")),
    Column("detail", Text),
    Index(None, "account", "id"),
    comment="What the doctor found of each account: its last 5 runs, and those that are asked for.",
)

hubspot_accounts = Table(
    "hubspot_accounts",
    metadata,
    Column("account", Text, primary_key=True),
    Column("portal_id", Text, nullable=False),
    Column("timezone", Text),
    Column("learnt_at", Instant, nullable=False),
    comment="What HubSpot says of each account: which portal it is, and in which time zone its day ends.",
)

catalogue_listings = Table(
    "catalogue_listings",
    metadata,
    Column("account", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("items", JSONB, nullable=False),
    Column("read_at", Instant, nullable=False),
    PrimaryKeyConstraint("account", "what"),
    comment="What HubSpot listed last of each account, its sequences and its owners: sentences take names from it.",
)

oauth_grants = Table(
    "oauth_grants",
    metadata,
    Column("account", Text, primary_key=True),
    Column("hub_id", Text, nullable=False),
    Column("user_id", Text),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("access_token", LargeBinary, nullable=False),
    Column("refresh_token", LargeBinary, nullable=False),
    Column("expires_in", Integer, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("state", Text, nullable=False),
    Column("detail", Text),
    Column("version", Integer, nullable=False),
    Column("leased_by", Text),
    Column("leased_until", Instant),
    Column("updated_at", Instant, nullable=False),
    comment="HubSpot accounts that joined by OAuth; tokens are encrypted. `version` is the fence of who renews them.",
)

# Above every version that a grant had when each grant counted from 1.
oauth_grant_versions = Sequence("oauth_grant_versions", start=1_000_000, metadata=metadata)

oauth_installs = Table(
    "oauth_installs",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("code_verifier", LargeBinary),
    Column("redirect_uri", Text),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    comment="People on their way to connect an account: hashed tickets and states, each good once and for 10 minutes.",
)

console_sessions = Table(
    "console_sessions",
    metadata,
    Column("sha256", LargeBinary, primary_key=True),
    Column("subject", Text, nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("way", Text, nullable=False),
    Column("token_mark", LargeBinary),
    Column("zone", Text),
    Column("created_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    comment="People who are signed in to the console: hashed cookies. A session ends when its row is deleted.",
)

console_logins = Table(
    "console_logins",
    metadata,
    Column("state_sha256", LargeBinary, primary_key=True),
    Column("return_to", Text, nullable=False),
    Column("created_at", Instant, nullable=False, index=True),
    comment="People at the identity provider: hashed states, each good once and for 10 minutes.",
)

console_forms = Table(
    "console_forms",
    metadata,
    Column("sha256", LargeBinary, primary_key=True),
    Column("turn", Text, nullable=False),
    Column("location", Text),
    Column("message", Text),
    Column("sent_at", Instant, nullable=False, index=True),
    comment="Forms of the console that changed something: hashed keys, each good once, and what was answered.",
)

console_links = Table(
    "console_links",
    metadata,
    Column("sha256", LargeBinary, primary_key=True),
    Column("role", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    comment="Links that sign one browser in to the console: hashed, each good once and for 10 minutes.",
)

outbound = Table(
    "outbound",
    metadata,
    Column("id", Text, primary_key=True),
    Column("endpoint", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("enrollment_id", Text, index=True),
    Column("body", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("attempt", Integer, nullable=False, server_default=text("0")),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("leased_by", Text),
    Column("leased_until", Instant),
    Column("last_status", Integer),
    Column("last_error", Text),
    Column("attempts", JSONB, nullable=False, server_default=text("'[]'")),
    Column("delivered_at", Instant),
    Column("created_at", Instant, nullable=False, index=True),
    Column("updated_at", Instant, nullable=False),
    Index(
        "ix_outbound_due",
        "endpoint",
        "due_at",
        postgresql_where=text("state IN ('waiting', 'sending')"),
        postgresql_include=["created_at"],
    ),
    Index("ix_outbound_delivered", "created_at", postgresql_where=text("state = 'delivered'")),
    Index("ix_outbound_failed", "endpoint", postgresql_where=text("state = 'failed'")),
    Index(None, "endpoint", "id"),
    Index(None, "state", "id"),
    comment="What the operator's own systems are told, one row for each endpoint. `body` is what is sent every time.",
)

outbound_endpoints = Table(
    "outbound_endpoints",
    metadata,
    Column("endpoint", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("openings", Integer, nullable=False, server_default=text("0")),
    Column("open_until", Instant),
    Column("probing_until", Instant),
    Column("disabled_at", Instant),
    Column("last_success_at", Instant),
    Column("last_error", Text),
    Column("last_error_at", Instant),
    PrimaryKeyConstraint("endpoint", "fingerprint"),
    comment="How each endpoint answers, for all replicas: its breaker, and whether it said that it is gone.",
)

audit = Table(
    "audit",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", Instant, nullable=False, index=True),
    Column("who", Text, nullable=False),
    Column("role", Text),
    Column("origin", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("target", Text),
    Column("before", JSONB),
    Column("after", JSONB),
    Column("revision", Text),
    Column("outcome", Text, nullable=False),
    Column("status", Integer),
    Index(None, "who", "id"),
    Index(None, "what", "id"),
    Index(None, "target", "id"),
    comment="Who did what, from where, and what it changed. People are masked.",
)

tallies = Table(
    "tallies",
    metadata,
    Column("hour", Instant, nullable=False),
    Column("stage", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("sequence", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("known", Boolean, nullable=False),
    Column("n", BigInteger, nullable=False),
    PrimaryKeyConstraint("hour", "stage", "source", "rule", "account", "sequence", "sender", "reason", "known"),
    Index(None, "stage", "hour"),
    Index(None, "rule", "hour"),
    comment="What became of the events that were received in each hour (UTC), counted from their rows.",
)

tally_counters = Table(
    "tally_counters",
    metadata,
    Column("hour", Instant, nullable=False),
    Column("source", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("run", Text, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("last_at", Instant, nullable=False),
    PrimaryKeyConstraint("hour", "source", "result", "reason", "run"),
    Index(None, "source", "hour"),
    Index("ix_tally_counters_runs", "hour", postgresql_where=text("run <> ''")),
    comment="What leaves no row, by the hour: the total of each run of a process. `run` is empty once summed up.",
)

tally_state = Table(
    "tally_state",
    metadata,
    Column("name", Text, primary_key=True),
    Column("turn", BigInteger, nullable=False, server_default=text("0")),
    Column("leased_by", Text),
    Column("leased_until", Instant),
    Column("cursor", BigInteger),
    Column("decided_until", Instant),
    Column("rebuild_next", Instant),
    Column("frozen_before", Instant),
    Column("ran_at", Instant),
    comment="Whose turn it is to count, up to where the journal and decisions are counted, and which hours are kept.",
)

bulk_jobs = Table(
    "bulk_jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("role", Text),
    Column("origin", Text, nullable=False),
    Column("reason", Text),
    Column("filter", JSONB, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("done", BigInteger, nullable=False, server_default=text("0")),
    Column("outcomes", JSONB, nullable=False, server_default=text("'{}'")),
    Column("cursor", Text, nullable=False, server_default=text("''")),
    Column("created_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("finished_at", Instant),
    Column("due_at", Instant, nullable=False),
    Column("attempt", Integer, nullable=False, server_default=text("0")),
    Column("leased_by", Text),
    Column("leased_until", Instant),
    Column("measured_from", Instant),
    Column("done_before", BigInteger, nullable=False, server_default=text("0")),
    Column("error", Text),
    Index("ix_bulk_jobs_due", "due_at", postgresql_where=text("state IN ('waiting', 'running')")),
    comment="What operators ask for many rows at once: done a chunk at a time, each in one transaction.",
)
