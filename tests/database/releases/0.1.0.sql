CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.audit (
    id text NOT NULL,
    at timestamp with time zone NOT NULL,
    who text NOT NULL,
    role text,
    origin text NOT NULL,
    what text NOT NULL,
    target text,
    before jsonb,
    after jsonb,
    revision text,
    outcome text NOT NULL,
    status integer
);
COMMENT ON TABLE public.audit IS 'Who did what, from where, and what it changed. People are masked.';
CREATE TABLE public.decisions (
    id text NOT NULL,
    event_id text NOT NULL,
    delivery_id text NOT NULL,
    source text NOT NULL,
    email text,
    verdict text NOT NULL,
    reason text NOT NULL,
    rule text,
    line integer,
    revision text NOT NULL,
    facts jsonb NOT NULL,
    enrollment_id text,
    decided_at timestamp with time zone NOT NULL,
    replaces text
);
COMMENT ON TABLE public.decisions IS 'Why: which rule decided, or why none did.';
CREATE TABLE public.deliveries (
    id text NOT NULL,
    source text NOT NULL,
    provider text NOT NULL,
    received_at timestamp with time zone NOT NULL,
    method text NOT NULL,
    url text NOT NULL,
    headers jsonb NOT NULL,
    body bytea NOT NULL
);
COMMENT ON TABLE public.deliveries IS 'Accepted requests as they came, kept for the retention.';
CREATE TABLE public.enrichments (
    event_id text NOT NULL,
    delivery_id text NOT NULL,
    source text NOT NULL,
    state text NOT NULL,
    reason text,
    detail text,
    due_at timestamp with time zone NOT NULL,
    attempt integer DEFAULT 0 NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    first_failed_at timestamp with time zone,
    leased_by text,
    leased_until timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.enrichments IS 'Thin events whose provider is asked for what they do not carry, before they are decided.';
CREATE TABLE public.enrollments (
    id text NOT NULL,
    decision_id text NOT NULL,
    event_id text NOT NULL,
    delivery_id text NOT NULL,
    source text NOT NULL,
    rule text NOT NULL,
    account text NOT NULL,
    email text NOT NULL,
    sequence text NOT NULL,
    plan jsonb DEFAULT '{}'::jsonb NOT NULL,
    sender text,
    sender_user_id text,
    sender_email text,
    assignment jsonb,
    expires_at timestamp with time zone,
    priority integer DEFAULT 0 NOT NULL,
    properties jsonb NOT NULL,
    require text[] NOT NULL,
    intent text NOT NULL,
    received_at timestamp with time zone NOT NULL,
    heard_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    state text NOT NULL,
    reason text,
    detail text,
    due_at timestamp with time zone NOT NULL,
    attempt integer DEFAULT 0 NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    first_failed_at timestamp with time zone,
    leased_by text,
    leased_until timestamp with time zone,
    step text,
    contact_id text,
    baseline_count integer,
    baseline_sequence text,
    baseline_date timestamp with time zone,
    sending_at timestamp with time zone,
    first_sending_at timestamp with time zone,
    reads integer DEFAULT 0 NOT NULL,
    resends integer DEFAULT 0 NOT NULL,
    hubspot_enrollment_id text,
    enrolled_at timestamp with time zone,
    confirmation text,
    confirm_at timestamp with time zone,
    triggered_at timestamp with time zone,
    triggered_until timestamp with time zone,
    gave_owner text,
    follow_at timestamp with time zone,
    hinted_at timestamp with time zone,
    looks integer DEFAULT 0 NOT NULL,
    unclear_since timestamp with time zone,
    ended text,
    ended_at timestamp with time zone,
    ended_known boolean,
    ended_why text,
    ended_seen_at timestamp with time zone,
    replied_at timestamp with time zone,
    occupied_contact_id text,
    restores_seen integer DEFAULT 0 NOT NULL
);
COMMENT ON TABLE public.enrollments IS 'The intent to enroll one contact into one sequence by one sender. The row is the job.';
CREATE TABLE public.event_keys (
    source text NOT NULL,
    key bytea NOT NULL,
    event_id text NOT NULL,
    delivery_id text NOT NULL,
    seen_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.event_keys IS 'What has been seen: the only thing that tells a duplicate. Lives at least 7 days, whatever payloads do.';
CREATE TABLE public.events (
    id text NOT NULL,
    delivery_id text NOT NULL,
    source text NOT NULL,
    type text NOT NULL,
    provider_id text,
    received_at timestamp with time zone NOT NULL,
    occurred_at timestamp with time zone,
    email text,
    first_name text,
    last_name text,
    name text,
    company text,
    exit boolean DEFAULT false NOT NULL,
    data jsonb,
    answers jsonb,
    repeats integer DEFAULT 0 NOT NULL,
    last_repeated_at timestamp with time zone
);
COMMENT ON TABLE public.events IS 'Normalised facts. `data` is the provider''s payload and goes with the retention.';
CREATE TABLE public.follow_turns (
    account text NOT NULL,
    turn bigint NOT NULL,
    leased_by text,
    leased_until timestamp with time zone,
    search_at timestamp with time zone NOT NULL,
    since timestamp with time zone NOT NULL,
    until timestamp with time zone,
    beyond text,
    refused text,
    calls timestamp with time zone[] NOT NULL
);
COMMENT ON TABLE public.follow_turns IS 'Whose turn it is to follow an account''s enrollments, up to when they were searched for, and its calls.';
CREATE TABLE public.forgettings (
    id text NOT NULL,
    requested_by text NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    done_at timestamp with time zone,
    person jsonb,
    counts jsonb DEFAULT '{}'::jsonb NOT NULL
);
COMMENT ON TABLE public.forgettings IS 'Who is being forgotten: `person` is emptied when nothing more is to be done. The rest proves that it was.';
CREATE TABLE public.forgotten (
    key bytea NOT NULL,
    kind text NOT NULL,
    forgetting_id text NOT NULL,
    forgotten_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.forgotten IS 'Tombstones: keyed hashes of the addresses and contacts of people who were forgotten.';
CREATE TABLE public.hubspot_accounts (
    account text NOT NULL,
    portal_id text NOT NULL,
    timezone text,
    learnt_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.hubspot_accounts IS 'What HubSpot says of each account: which portal it is, and in which time zone its day ends.';
CREATE TABLE public.inboxes (
    account text NOT NULL,
    inbox text NOT NULL
);
COMMENT ON TABLE public.inboxes IS 'The lock of each sender''s ledger.';
CREATE TABLE public.installation (
    name text NOT NULL,
    value bytea NOT NULL
);
COMMENT ON TABLE public.installation IS 'What all processes of one installation share: the key of the hashes that stand for people in logs.';
CREATE TABLE public.intents (
    account text NOT NULL,
    intent text NOT NULL,
    email text NOT NULL,
    enrollment_id text NOT NULL,
    until timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.intents IS 'Why a person is contacted: one row per person and reason, taken over only when `until` has passed.';
CREATE TABLE public.journal (
    id bigint NOT NULL,
    enrollment_id text NOT NULL,
    at timestamp with time zone NOT NULL,
    before text,
    after text NOT NULL,
    step text,
    attempt integer NOT NULL,
    cause text NOT NULL,
    detail text
);
COMMENT ON TABLE public.journal IS 'Every transition and checkpoint of every enrollment, with time and cause.';
ALTER TABLE public.journal ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.journal_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE SEQUENCE public.oauth_grant_versions
    START WITH 1000000
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
CREATE TABLE public.oauth_grants (
    account text NOT NULL,
    hub_id text NOT NULL,
    user_id text,
    scopes text[] NOT NULL,
    access_token bytea NOT NULL,
    refresh_token bytea NOT NULL,
    expires_in integer NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    state text NOT NULL,
    detail text,
    version integer NOT NULL,
    leased_by text,
    leased_until timestamp with time zone,
    updated_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.oauth_grants IS 'HubSpot accounts that joined by OAuth; tokens are encrypted. `version` is the fence of who renews them.';
CREATE TABLE public.oauth_installs (
    key bytea NOT NULL,
    kind text NOT NULL,
    account text NOT NULL,
    code_verifier bytea,
    redirect_uri text,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.oauth_installs IS 'People on their way to connect an account: hashed tickets and states, each good once and for 10 minutes.';
CREATE TABLE public.outbound (
    id text NOT NULL,
    endpoint text NOT NULL,
    kind text NOT NULL,
    enrollment_id text,
    body bytea NOT NULL,
    state text NOT NULL,
    due_at timestamp with time zone NOT NULL,
    attempt integer DEFAULT 0 NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    leased_by text,
    leased_until timestamp with time zone,
    last_status integer,
    last_error text,
    attempts jsonb DEFAULT '[]'::jsonb NOT NULL,
    delivered_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.outbound IS 'What the operator''s own systems are told, one row for each endpoint. `body` is what is sent every time.';
CREATE TABLE public.outbound_endpoints (
    endpoint text NOT NULL,
    fingerprint text NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    openings integer DEFAULT 0 NOT NULL,
    open_until timestamp with time zone,
    probing_until timestamp with time zone,
    disabled_at timestamp with time zone,
    last_success_at timestamp with time zone,
    last_error text,
    last_error_at timestamp with time zone
);
COMMENT ON TABLE public.outbound_endpoints IS 'How each endpoint answers, for all replicas: its breaker, and whether it said that it is gone.';
CREATE TABLE public.pool_turns (
    account text NOT NULL,
    pool text NOT NULL,
    turn bigint DEFAULT 0 NOT NULL
);
COMMENT ON TABLE public.pool_turns IS 'Whose turn it is in each pool. The row is the pool''s lock: choices are made one after the other.';
CREATE TABLE public.rate_days (
    account text NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    used bigint NOT NULL
);
COMMENT ON TABLE public.rate_days IS 'Requests granted in the day of each account that has a cap of its own.';
CREATE TABLE public.rate_grants (
    id bigint NOT NULL,
    account text NOT NULL,
    kind text NOT NULL,
    granted_at timestamp with time zone NOT NULL,
    count integer NOT NULL,
    waited double precision DEFAULT 0.7 NOT NULL
);
COMMENT ON TABLE public.rate_grants IS 'Requests granted within the window. `waited` is for how many seconds each counts longer than the window.';
ALTER TABLE public.rate_grants ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.rate_grants_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.rate_windows (
    account text NOT NULL,
    kind text NOT NULL,
    maximum integer NOT NULL,
    window_ms integer NOT NULL,
    blocked_until timestamp with time zone,
    blocked_by text
);
COMMENT ON TABLE public.rate_windows IS 'The lock and the limit of each rolling window of requests to HubSpot.';
CREATE TABLE public.refused_deliveries (
    id text NOT NULL,
    source text NOT NULL,
    received_at timestamp with time zone NOT NULL,
    status integer NOT NULL,
    reason text NOT NULL,
    method text NOT NULL,
    url text NOT NULL,
    headers jsonb NOT NULL,
    body bytea NOT NULL
);
COMMENT ON TABLE public.refused_deliveries IS 'Refused requests: the last 20 of each source, 64 KiB of body each, for 24 hours.';
CREATE TABLE public.restores (
    number integer NOT NULL,
    since timestamp with time zone NOT NULL,
    until timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.restores IS 'Times of which a restored database has no record, from its copy until the restore was noticed.';
ALTER TABLE public.restores ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.restores_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.rulebooks (
    number bigint NOT NULL,
    revision text NOT NULL,
    documents text NOT NULL,
    accounts text[] NOT NULL,
    stored_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.rulebooks IS 'Rulebooks that were put in force, unexpanded, the highest number being in force now.';
ALTER TABLE public.rulebooks ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.rulebooks_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.sender_pauses (
    account text NOT NULL,
    inbox text NOT NULL,
    refusals integer DEFAULT 0 NOT NULL,
    reason text,
    paused_at timestamp with time zone,
    sender text,
    user_id text,
    full_until timestamp with time zone
);
COMMENT ON TABLE public.sender_pauses IS 'Refusals in a row that are a sender''s own fault, since when nothing is sent by it, and until when HubSpot says it is full.';
CREATE TABLE public.sender_reservations (
    enrollment_id text NOT NULL,
    account text NOT NULL,
    inbox text NOT NULL,
    reserved_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.sender_reservations IS 'The sender ledger: one row per enrollment that was sent, counted over rolling 24 hours.';
CREATE TABLE public.sticky_senders (
    account text NOT NULL,
    pool text NOT NULL,
    subject text NOT NULL,
    sender text NOT NULL,
    chosen_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.sticky_senders IS 'Which sender of a pool a person (an address) or a company (a domain) was given.';
CREATE TABLE public.suppressions (
    value text NOT NULL,
    kind text NOT NULL,
    fits text,
    reason text,
    created_at timestamp with time zone NOT NULL,
    number bigint NOT NULL
);
COMMENT ON TABLE public.suppressions IS 'Addresses, domains and patterns that operators never want enrolled.';
ALTER TABLE public.suppressions ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.suppressions_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
INSERT INTO public.alembic_version (version_num) VALUES
	('0033');
INSERT INTO public.audit (id, at, who, role, origin, what, target, before, after, revision, outcome, status) VALUES
	('id 0 ä	\', '2026-01-05 12:00:00+00', 'who 0 ä	\', 'role 0 ä	\', 'origin 0 ä	\', 'what 0 ä	\', 'target 0 ä	\', '{"text": "ä\t\n\\", "number": 0}', '{"text": "ä\t\n\\", "number": 0}', 'revision 0 ä	\', 'outcome 0 ä	\', 0),
	('id 1 ä	\', '2026-01-05 12:00:00+00', 'who 1 ä	\', 'role 1 ä	\', 'origin 1 ä	\', 'what 1 ä	\', 'target 1 ä	\', '{"text": "ä\t\n\\", "number": 1}', '{"text": "ä\t\n\\", "number": 1}', 'revision 1 ä	\', 'outcome 1 ä	\', 1),
	('id 2 ä	\', '2026-01-05 12:00:00+00', 'who 2 ä	\', 'role 2 ä	\', 'origin 2 ä	\', 'what 2 ä	\', 'target 2 ä	\', '{"text": "ä\t\n\\", "number": 2}', '{"text": "ä\t\n\\", "number": 2}', 'revision 2 ä	\', 'outcome 2 ä	\', 2);
INSERT INTO public.decisions (id, event_id, delivery_id, source, email, verdict, reason, rule, line, revision, facts, enrollment_id, decided_at, replaces) VALUES
	('id 0 ä	\', 'event_id 0 ä	\', 'delivery_id 0 ä	\', 'source 0 ä	\', 'email 0 ä	\', 'verdict 0 ä	\', 'reason 0 ä	\', 'rule 0 ä	\', 0, 'revision 0 ä	\', '{"text": "ä\t\n\\", "number": 0}', 'enrollment_id 0 ä	\', '2026-01-05 12:00:00+00', 'replaces 0 ä	\'),
	('id 1 ä	\', 'event_id 1 ä	\', 'delivery_id 1 ä	\', 'source 1 ä	\', 'email 1 ä	\', 'verdict 1 ä	\', 'reason 1 ä	\', 'rule 1 ä	\', 1, 'revision 1 ä	\', '{"text": "ä\t\n\\", "number": 1}', 'enrollment_id 1 ä	\', '2026-01-05 12:00:00+00', 'replaces 1 ä	\'),
	('id 2 ä	\', 'event_id 2 ä	\', 'delivery_id 2 ä	\', 'source 2 ä	\', 'email 2 ä	\', 'verdict 2 ä	\', 'reason 2 ä	\', 'rule 2 ä	\', 2, 'revision 2 ä	\', '{"text": "ä\t\n\\", "number": 2}', 'enrollment_id 2 ä	\', '2026-01-05 12:00:00+00', 'replaces 2 ä	\');
INSERT INTO public.deliveries (id, source, provider, received_at, method, url, headers, body) VALUES
	('id 0 ä	\', 'source 0 ä	\', 'provider 0 ä	\', '2026-01-05 12:00:00+00', 'method 0 ä	\', 'url 0 ä	\', '{"text": "ä\t\n\\", "number": 0}', '\x0000ff'),
	('id 1 ä	\', 'source 1 ä	\', 'provider 1 ä	\', '2026-01-05 12:00:00+00', 'method 1 ä	\', 'url 1 ä	\', '{"text": "ä\t\n\\", "number": 1}', '\x0100ff'),
	('id 2 ä	\', 'source 2 ä	\', 'provider 2 ä	\', '2026-01-05 12:00:00+00', 'method 2 ä	\', 'url 2 ä	\', '{"text": "ä\t\n\\", "number": 2}', '\x0200ff');
INSERT INTO public.enrichments (event_id, delivery_id, source, state, reason, detail, due_at, attempt, tries, first_failed_at, leased_by, leased_until, created_at, updated_at) VALUES
	('event_id 0 ä	\', 'delivery_id 0 ä	\', 'source 0 ä	\', 'state 0 ä	\', 'reason 0 ä	\', 'detail 0 ä	\', '2026-01-05 12:00:00+00', 0, 0, '2026-01-05 12:00:00+00', 'leased_by 0 ä	\', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00'),
	('event_id 1 ä	\', 'delivery_id 1 ä	\', 'source 1 ä	\', 'state 1 ä	\', 'reason 1 ä	\', 'detail 1 ä	\', '2026-01-05 12:00:00+00', 1, 1, '2026-01-05 12:00:00+00', 'leased_by 1 ä	\', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00'),
	('event_id 2 ä	\', 'delivery_id 2 ä	\', 'source 2 ä	\', 'state 2 ä	\', 'reason 2 ä	\', 'detail 2 ä	\', '2026-01-05 12:00:00+00', 2, 2, '2026-01-05 12:00:00+00', 'leased_by 2 ä	\', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00');
INSERT INTO public.enrollments (id, decision_id, event_id, delivery_id, source, rule, account, email, sequence, plan, sender, sender_user_id, sender_email, assignment, expires_at, priority, properties, require, intent, received_at, heard_at, created_at, updated_at, state, reason, detail, due_at, attempt, tries, first_failed_at, leased_by, leased_until, step, contact_id, baseline_count, baseline_sequence, baseline_date, sending_at, first_sending_at, reads, resends, hubspot_enrollment_id, enrolled_at, confirmation, confirm_at, triggered_at, triggered_until, gave_owner, follow_at, hinted_at, looks, unclear_since, ended, ended_at, ended_known, ended_why, ended_seen_at, replied_at, occupied_contact_id, restores_seen) VALUES
	('id 0 ä	\', 'decision_id 0 ä	\', 'event_id 0 ä	\', 'delivery_id 0 ä	\', 'source 0 ä	\', 'rule 0 ä	\', 'account 0 ä	\', 'email 0 ä	\', 'sequence 0 ä	\', '{"text": "ä\t\n\\", "number": 0}', 'sender 0 ä	\', 'sender_user_id 0 ä	\', 'sender_email 0 ä	\', '{"text": "ä\t\n\\", "number": 0}', '2026-01-05 12:00:00+00', 0, '{"text": "ä\t\n\\", "number": 0}', '{"require 0 ä	\\","require 1 ä	\\"}', 'intent 0 ä	\', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', 'state 0 ä	\', 'reason 0 ä	\', 'detail 0 ä	\', '2026-01-05 12:00:00+00', 0, 0, '2026-01-05 12:00:00+00', 'leased_by 0 ä	\', '2026-01-05 12:00:00+00', 'step 0 ä	\', 'contact_id 0 ä	\', 0, 'baseline_sequence 0 ä	\', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', 0, 0, 'hubspot_enrollment_id 0 ä	\', '2026-01-05 12:00:00+00', 'confirmation 0 ä	\', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', 'gave_owner 0 ä	\', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', 0, '2026-01-05 12:00:00+00', 'ended 0 ä	\', '2026-01-05 12:00:00+00', true, 'ended_why 0 ä	\', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', 'occupied_contact_id 0 ä	\', 0),
	('id 1 ä	\', 'decision_id 1 ä	\', 'event_id 1 ä	\', 'delivery_id 1 ä	\', 'source 1 ä	\', 'rule 1 ä	\', 'account 1 ä	\', 'email 1 ä	\', 'sequence 1 ä	\', '{"text": "ä\t\n\\", "number": 1}', 'sender 1 ä	\', 'sender_user_id 1 ä	\', 'sender_email 1 ä	\', '{"text": "ä\t\n\\", "number": 1}', '2026-01-05 12:00:00+00', 1, '{"text": "ä\t\n\\", "number": 1}', '{"require 1 ä	\\","require 2 ä	\\"}', 'intent 1 ä	\', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', 'state 1 ä	\', 'reason 1 ä	\', 'detail 1 ä	\', '2026-01-05 12:00:00+00', 1, 1, '2026-01-05 12:00:00+00', 'leased_by 1 ä	\', '2026-01-05 12:00:00+00', 'step 1 ä	\', 'contact_id 1 ä	\', 1, 'baseline_sequence 1 ä	\', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', 1, 1, 'hubspot_enrollment_id 1 ä	\', '2026-01-05 12:00:00+00', 'confirmation 1 ä	\', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', 'gave_owner 1 ä	\', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', 1, '2026-01-05 12:00:00+00', 'ended 1 ä	\', '2026-01-05 12:00:00+00', true, 'ended_why 1 ä	\', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', 'occupied_contact_id 1 ä	\', 1),
	('id 2 ä	\', 'decision_id 2 ä	\', 'event_id 2 ä	\', 'delivery_id 2 ä	\', 'source 2 ä	\', 'rule 2 ä	\', 'account 2 ä	\', 'email 2 ä	\', 'sequence 2 ä	\', '{"text": "ä\t\n\\", "number": 2}', 'sender 2 ä	\', 'sender_user_id 2 ä	\', 'sender_email 2 ä	\', '{"text": "ä\t\n\\", "number": 2}', '2026-01-05 12:00:00+00', 2, '{"text": "ä\t\n\\", "number": 2}', '{"require 2 ä	\\","require 3 ä	\\"}', 'intent 2 ä	\', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', 'state 2 ä	\', 'reason 2 ä	\', 'detail 2 ä	\', '2026-01-05 12:00:00+00', 2, 2, '2026-01-05 12:00:00+00', 'leased_by 2 ä	\', '2026-01-05 12:00:00+00', 'step 2 ä	\', 'contact_id 2 ä	\', 2, 'baseline_sequence 2 ä	\', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', 2, 2, 'hubspot_enrollment_id 2 ä	\', '2026-01-05 12:00:00+00', 'confirmation 2 ä	\', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', 'gave_owner 2 ä	\', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', 2, '2026-01-05 12:00:00+00', 'ended 2 ä	\', '2026-01-05 12:00:00+00', true, 'ended_why 2 ä	\', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', 'occupied_contact_id 2 ä	\', 2);
INSERT INTO public.event_keys (source, key, event_id, delivery_id, seen_at) VALUES
	('source 0 ä	\', '\x0000ff', 'event_id 0 ä	\', 'delivery_id 0 ä	\', '2026-01-05 12:00:00+00'),
	('source 1 ä	\', '\x0100ff', 'event_id 1 ä	\', 'delivery_id 1 ä	\', '2026-01-05 12:00:00+00'),
	('source 2 ä	\', '\x0200ff', 'event_id 2 ä	\', 'delivery_id 2 ä	\', '2026-01-05 12:00:00+00');
INSERT INTO public.events (id, delivery_id, source, type, provider_id, received_at, occurred_at, email, first_name, last_name, name, company, exit, data, answers, repeats, last_repeated_at) VALUES
	('id 0 ä	\', 'delivery_id 0 ä	\', 'source 0 ä	\', 'type 0 ä	\', 'provider_id 0 ä	\', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', 'email 0 ä	\', 'first_name 0 ä	\', 'last_name 0 ä	\', 'name 0 ä	\', 'company 0 ä	\', true, '{"text": "ä\t\n\\", "number": 0}', '{"text": "ä\t\n\\", "number": 0}', 0, '2026-01-05 12:00:00+00'),
	('id 1 ä	\', 'delivery_id 1 ä	\', 'source 1 ä	\', 'type 1 ä	\', 'provider_id 1 ä	\', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', 'email 1 ä	\', 'first_name 1 ä	\', 'last_name 1 ä	\', 'name 1 ä	\', 'company 1 ä	\', true, '{"text": "ä\t\n\\", "number": 1}', '{"text": "ä\t\n\\", "number": 1}', 1, '2026-01-05 12:00:00+00'),
	('id 2 ä	\', 'delivery_id 2 ä	\', 'source 2 ä	\', 'type 2 ä	\', 'provider_id 2 ä	\', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', 'email 2 ä	\', 'first_name 2 ä	\', 'last_name 2 ä	\', 'name 2 ä	\', 'company 2 ä	\', true, '{"text": "ä\t\n\\", "number": 2}', '{"text": "ä\t\n\\", "number": 2}', 2, '2026-01-05 12:00:00+00');
INSERT INTO public.follow_turns (account, turn, leased_by, leased_until, search_at, since, until, beyond, refused, calls) VALUES
	('account 0 ä	\', 0, 'leased_by 0 ä	\', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', 'beyond 0 ä	\', 'refused 0 ä	\', '{"2026-01-05 12:00:00+00","2026-01-05 12:00:00+00"}'),
	('account 1 ä	\', 1, 'leased_by 1 ä	\', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', 'beyond 1 ä	\', 'refused 1 ä	\', '{"2026-01-05 12:00:00+00","2026-01-05 12:00:00+00"}'),
	('account 2 ä	\', 2, 'leased_by 2 ä	\', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', 'beyond 2 ä	\', 'refused 2 ä	\', '{"2026-01-05 12:00:00+00","2026-01-05 12:00:00+00"}');
INSERT INTO public.forgettings (id, requested_by, requested_at, done_at, person, counts) VALUES
	('id 0 ä	\', 'requested_by 0 ä	\', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', '{"text": "ä\t\n\\", "number": 0}', '{"text": "ä\t\n\\", "number": 0}'),
	('id 1 ä	\', 'requested_by 1 ä	\', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', '{"text": "ä\t\n\\", "number": 1}', '{"text": "ä\t\n\\", "number": 1}'),
	('id 2 ä	\', 'requested_by 2 ä	\', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', '{"text": "ä\t\n\\", "number": 2}', '{"text": "ä\t\n\\", "number": 2}');
INSERT INTO public.forgotten (key, kind, forgetting_id, forgotten_at) VALUES
	('\x0000ff', 'kind 0 ä	\', 'forgetting_id 0 ä	\', '2026-01-05 12:00:00+00'),
	('\x0100ff', 'kind 1 ä	\', 'forgetting_id 1 ä	\', '2026-01-05 12:00:00+00'),
	('\x0200ff', 'kind 2 ä	\', 'forgetting_id 2 ä	\', '2026-01-05 12:00:00+00');
INSERT INTO public.hubspot_accounts (account, portal_id, timezone, learnt_at) VALUES
	('account 0 ä	\', 'portal_id 0 ä	\', 'timezone 0 ä	\', '2026-01-05 12:00:00+00'),
	('account 1 ä	\', 'portal_id 1 ä	\', 'timezone 1 ä	\', '2026-01-05 12:00:00+00'),
	('account 2 ä	\', 'portal_id 2 ä	\', 'timezone 2 ä	\', '2026-01-05 12:00:00+00');
INSERT INTO public.inboxes (account, inbox) VALUES
	('account 0 ä	\', 'inbox 0 ä	\'),
	('account 1 ä	\', 'inbox 1 ä	\'),
	('account 2 ä	\', 'inbox 2 ä	\');
INSERT INTO public.installation (name, value) VALUES
	('works_with', '\x30303333'),
	('name 0 ä	\', '\x0000ff'),
	('name 1 ä	\', '\x0100ff'),
	('name 2 ä	\', '\x0200ff'),
	('forgotten_inner', '\x1efd348783eb99393d4931e50e84f82c60c7db31d9033a1da8fe44e5c517d20f3636363636363636363636363636363636363636363636363636363636363636'),
	('forgotten_outer', '\xa6905f29f1921caa710fc240f4208801e677d83b4399afe9f770825e9abd789f5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c');
INSERT INTO public.intents (account, intent, email, enrollment_id, until) VALUES
	('account 0 ä	\', 'intent 0 ä	\', 'email 0 ä	\', 'enrollment_id 0 ä	\', '2026-01-05 12:00:00+00'),
	('account 1 ä	\', 'intent 1 ä	\', 'email 1 ä	\', 'enrollment_id 1 ä	\', '2026-01-05 12:00:00+00'),
	('account 2 ä	\', 'intent 2 ä	\', 'email 2 ä	\', 'enrollment_id 2 ä	\', '2026-01-05 12:00:00+00');
INSERT INTO public.journal (id, enrollment_id, at, before, after, step, attempt, cause, detail) OVERRIDING SYSTEM VALUE VALUES
	(1, 'enrollment_id 0 ä	\', '2026-01-05 12:00:00+00', 'before 0 ä	\', 'after 0 ä	\', 'step 0 ä	\', 0, 'cause 0 ä	\', 'detail 0 ä	\'),
	(2, 'enrollment_id 1 ä	\', '2026-01-05 12:00:00+00', 'before 1 ä	\', 'after 1 ä	\', 'step 1 ä	\', 1, 'cause 1 ä	\', 'detail 1 ä	\'),
	(3, 'enrollment_id 2 ä	\', '2026-01-05 12:00:00+00', 'before 2 ä	\', 'after 2 ä	\', 'step 2 ä	\', 2, 'cause 2 ä	\', 'detail 2 ä	\');
INSERT INTO public.oauth_grants (account, hub_id, user_id, scopes, access_token, refresh_token, expires_in, expires_at, state, detail, version, leased_by, leased_until, updated_at) VALUES
	('account 0 ä	\', 'hub_id 0 ä	\', 'user_id 0 ä	\', '{"scopes 0 ä	\\","scopes 1 ä	\\"}', '\x0000ff', '\x0000ff', 0, '2026-01-05 12:00:00+00', 'state 0 ä	\', 'detail 0 ä	\', 0, 'leased_by 0 ä	\', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00'),
	('account 1 ä	\', 'hub_id 1 ä	\', 'user_id 1 ä	\', '{"scopes 1 ä	\\","scopes 2 ä	\\"}', '\x0100ff', '\x0100ff', 1, '2026-01-05 12:00:00+00', 'state 1 ä	\', 'detail 1 ä	\', 1, 'leased_by 1 ä	\', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00'),
	('account 2 ä	\', 'hub_id 2 ä	\', 'user_id 2 ä	\', '{"scopes 2 ä	\\","scopes 3 ä	\\"}', '\x0200ff', '\x0200ff', 2, '2026-01-05 12:00:00+00', 'state 2 ä	\', 'detail 2 ä	\', 2, 'leased_by 2 ä	\', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00');
INSERT INTO public.oauth_installs (key, kind, account, code_verifier, redirect_uri, created_at, expires_at) VALUES
	('\x0000ff', 'kind 0 ä	\', 'account 0 ä	\', '\x0000ff', 'redirect_uri 0 ä	\', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00'),
	('\x0100ff', 'kind 1 ä	\', 'account 1 ä	\', '\x0100ff', 'redirect_uri 1 ä	\', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00'),
	('\x0200ff', 'kind 2 ä	\', 'account 2 ä	\', '\x0200ff', 'redirect_uri 2 ä	\', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00');
INSERT INTO public.outbound (id, endpoint, kind, enrollment_id, body, state, due_at, attempt, tries, leased_by, leased_until, last_status, last_error, attempts, delivered_at, created_at, updated_at) VALUES
	('id 0 ä	\', 'endpoint 0 ä	\', 'kind 0 ä	\', 'enrollment_id 0 ä	\', '\x0000ff', 'state 0 ä	\', '2026-01-05 12:00:00+00', 0, 0, 'leased_by 0 ä	\', '2026-01-05 12:00:00+00', 0, 'last_error 0 ä	\', '{"text": "ä\t\n\\", "number": 0}', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00'),
	('id 1 ä	\', 'endpoint 1 ä	\', 'kind 1 ä	\', 'enrollment_id 1 ä	\', '\x0100ff', 'state 1 ä	\', '2026-01-05 12:00:00+00', 1, 1, 'leased_by 1 ä	\', '2026-01-05 12:00:00+00', 1, 'last_error 1 ä	\', '{"text": "ä\t\n\\", "number": 1}', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00'),
	('id 2 ä	\', 'endpoint 2 ä	\', 'kind 2 ä	\', 'enrollment_id 2 ä	\', '\x0200ff', 'state 2 ä	\', '2026-01-05 12:00:00+00', 2, 2, 'leased_by 2 ä	\', '2026-01-05 12:00:00+00', 2, 'last_error 2 ä	\', '{"text": "ä\t\n\\", "number": 2}', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00');
INSERT INTO public.outbound_endpoints (endpoint, fingerprint, failures, openings, open_until, probing_until, disabled_at, last_success_at, last_error, last_error_at) VALUES
	('endpoint 0 ä	\', 'fingerprint 0 ä	\', 0, 0, '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', 'last_error 0 ä	\', '2026-01-05 12:00:00+00'),
	('endpoint 1 ä	\', 'fingerprint 1 ä	\', 1, 1, '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', 'last_error 1 ä	\', '2026-01-05 12:00:00+00'),
	('endpoint 2 ä	\', 'fingerprint 2 ä	\', 2, 2, '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00', 'last_error 2 ä	\', '2026-01-05 12:00:00+00');
INSERT INTO public.pool_turns (account, pool, turn) VALUES
	('account 0 ä	\', 'pool 0 ä	\', 0),
	('account 1 ä	\', 'pool 1 ä	\', 1),
	('account 2 ä	\', 'pool 2 ä	\', 2);
INSERT INTO public.rate_days (account, ends_at, used) VALUES
	('account 0 ä	\', '2026-01-05 12:00:00+00', 0),
	('account 1 ä	\', '2026-01-05 12:00:00+00', 1),
	('account 2 ä	\', '2026-01-05 12:00:00+00', 2);
INSERT INTO public.rate_grants (id, account, kind, granted_at, count, waited) OVERRIDING SYSTEM VALUE VALUES
	(1, 'account 0 ä	\', 'kind 0 ä	\', '2026-01-05 12:00:00+00', 0, 0.5),
	(2, 'account 1 ä	\', 'kind 1 ä	\', '2026-01-05 12:00:00+00', 1, 1.5),
	(3, 'account 2 ä	\', 'kind 2 ä	\', '2026-01-05 12:00:00+00', 2, 2.5);
INSERT INTO public.rate_windows (account, kind, maximum, window_ms, blocked_until, blocked_by) VALUES
	('account 0 ä	\', 'kind 0 ä	\', 0, 0, '2026-01-05 12:00:00+00', 'blocked_by 0 ä	\'),
	('account 1 ä	\', 'kind 1 ä	\', 1, 1, '2026-01-05 12:00:00+00', 'blocked_by 1 ä	\'),
	('account 2 ä	\', 'kind 2 ä	\', 2, 2, '2026-01-05 12:00:00+00', 'blocked_by 2 ä	\');
INSERT INTO public.refused_deliveries (id, source, received_at, status, reason, method, url, headers, body) VALUES
	('id 0 ä	\', 'source 0 ä	\', '2026-01-05 12:00:00+00', 0, 'reason 0 ä	\', 'method 0 ä	\', 'url 0 ä	\', '{"text": "ä\t\n\\", "number": 0}', '\x0000ff'),
	('id 1 ä	\', 'source 1 ä	\', '2026-01-05 12:00:00+00', 1, 'reason 1 ä	\', 'method 1 ä	\', 'url 1 ä	\', '{"text": "ä\t\n\\", "number": 1}', '\x0100ff'),
	('id 2 ä	\', 'source 2 ä	\', '2026-01-05 12:00:00+00', 2, 'reason 2 ä	\', 'method 2 ä	\', 'url 2 ä	\', '{"text": "ä\t\n\\", "number": 2}', '\x0200ff');
INSERT INTO public.restores (number, since, until) OVERRIDING SYSTEM VALUE VALUES
	(1, '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00'),
	(2, '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00'),
	(3, '2026-01-05 12:00:00+00', '2026-01-05 12:00:00+00');
INSERT INTO public.rulebooks (number, revision, documents, accounts, stored_at) OVERRIDING SYSTEM VALUE VALUES
	(1, 'revision 0 ä	\', 'documents 0 ä	\', '{"accounts 0 ä	\\","accounts 1 ä	\\"}', '2026-01-05 12:00:00+00'),
	(2, 'revision 1 ä	\', 'documents 1 ä	\', '{"accounts 1 ä	\\","accounts 2 ä	\\"}', '2026-01-05 12:00:00+00'),
	(3, 'revision 2 ä	\', 'documents 2 ä	\', '{"accounts 2 ä	\\","accounts 3 ä	\\"}', '2026-01-05 12:00:00+00');
INSERT INTO public.sender_pauses (account, inbox, refusals, reason, paused_at, sender, user_id, full_until) VALUES
	('account 0 ä	\', 'inbox 0 ä	\', 0, 'reason 0 ä	\', '2026-01-05 12:00:00+00', 'sender 0 ä	\', 'user_id 0 ä	\', '2026-01-05 12:00:00+00'),
	('account 1 ä	\', 'inbox 1 ä	\', 1, 'reason 1 ä	\', '2026-01-05 12:00:00+00', 'sender 1 ä	\', 'user_id 1 ä	\', '2026-01-05 12:00:00+00'),
	('account 2 ä	\', 'inbox 2 ä	\', 2, 'reason 2 ä	\', '2026-01-05 12:00:00+00', 'sender 2 ä	\', 'user_id 2 ä	\', '2026-01-05 12:00:00+00');
INSERT INTO public.sender_reservations (enrollment_id, account, inbox, reserved_at) VALUES
	('enrollment_id 0 ä	\', 'account 0 ä	\', 'inbox 0 ä	\', '2026-01-05 12:00:00+00'),
	('enrollment_id 1 ä	\', 'account 1 ä	\', 'inbox 1 ä	\', '2026-01-05 12:00:00+00'),
	('enrollment_id 2 ä	\', 'account 2 ä	\', 'inbox 2 ä	\', '2026-01-05 12:00:00+00');
INSERT INTO public.sticky_senders (account, pool, subject, sender, chosen_at) VALUES
	('account 0 ä	\', 'pool 0 ä	\', 'subject 0 ä	\', 'sender 0 ä	\', '2026-01-05 12:00:00+00'),
	('account 1 ä	\', 'pool 1 ä	\', 'subject 1 ä	\', 'sender 1 ä	\', '2026-01-05 12:00:00+00'),
	('account 2 ä	\', 'pool 2 ä	\', 'subject 2 ä	\', 'sender 2 ä	\', '2026-01-05 12:00:00+00');
INSERT INTO public.suppressions (value, kind, fits, reason, created_at, number) OVERRIDING SYSTEM VALUE VALUES
	('value 0 ä	\', 'kind 0 ä	\', 'fits 0 ä	\', 'reason 0 ä	\', '2026-01-05 12:00:00+00', 1),
	('value 1 ä	\', 'kind 1 ä	\', 'fits 1 ä	\', 'reason 1 ä	\', '2026-01-05 12:00:00+00', 2),
	('value 2 ä	\', 'kind 2 ä	\', 'fits 2 ä	\', 'reason 2 ä	\', '2026-01-05 12:00:00+00', 3);
SELECT pg_catalog.setval('public.journal_id_seq', 3, true);
SELECT pg_catalog.setval('public.oauth_grant_versions', 1000000, true);
SELECT pg_catalog.setval('public.rate_grants_id_seq', 3, true);
SELECT pg_catalog.setval('public.restores_number_seq', 3, true);
SELECT pg_catalog.setval('public.rulebooks_number_seq', 3, true);
SELECT pg_catalog.setval('public.suppressions_number_seq', 3, true);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT pk_audit PRIMARY KEY (id);
ALTER TABLE ONLY public.decisions
    ADD CONSTRAINT pk_decisions PRIMARY KEY (id);
ALTER TABLE ONLY public.deliveries
    ADD CONSTRAINT pk_deliveries PRIMARY KEY (id);
ALTER TABLE ONLY public.enrichments
    ADD CONSTRAINT pk_enrichments PRIMARY KEY (event_id);
ALTER TABLE ONLY public.enrollments
    ADD CONSTRAINT pk_enrollments PRIMARY KEY (id);
ALTER TABLE ONLY public.event_keys
    ADD CONSTRAINT pk_event_keys PRIMARY KEY (key, source);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT pk_events PRIMARY KEY (id);
ALTER TABLE ONLY public.follow_turns
    ADD CONSTRAINT pk_follow_turns PRIMARY KEY (account);
ALTER TABLE ONLY public.forgettings
    ADD CONSTRAINT pk_forgettings PRIMARY KEY (id);
ALTER TABLE ONLY public.forgotten
    ADD CONSTRAINT pk_forgotten PRIMARY KEY (key);
ALTER TABLE ONLY public.hubspot_accounts
    ADD CONSTRAINT pk_hubspot_accounts PRIMARY KEY (account);
ALTER TABLE ONLY public.inboxes
    ADD CONSTRAINT pk_inboxes PRIMARY KEY (account, inbox);
ALTER TABLE ONLY public.installation
    ADD CONSTRAINT pk_installation PRIMARY KEY (name);
ALTER TABLE ONLY public.intents
    ADD CONSTRAINT pk_intents PRIMARY KEY (email, intent, account);
ALTER TABLE ONLY public.journal
    ADD CONSTRAINT pk_journal PRIMARY KEY (id);
ALTER TABLE ONLY public.oauth_grants
    ADD CONSTRAINT pk_oauth_grants PRIMARY KEY (account);
ALTER TABLE ONLY public.oauth_installs
    ADD CONSTRAINT pk_oauth_installs PRIMARY KEY (key);
ALTER TABLE ONLY public.outbound
    ADD CONSTRAINT pk_outbound PRIMARY KEY (id);
ALTER TABLE ONLY public.outbound_endpoints
    ADD CONSTRAINT pk_outbound_endpoints PRIMARY KEY (endpoint, fingerprint);
ALTER TABLE ONLY public.pool_turns
    ADD CONSTRAINT pk_pool_turns PRIMARY KEY (account, pool);
ALTER TABLE ONLY public.rate_days
    ADD CONSTRAINT pk_rate_days PRIMARY KEY (account);
ALTER TABLE ONLY public.rate_grants
    ADD CONSTRAINT pk_rate_grants PRIMARY KEY (id);
ALTER TABLE ONLY public.rate_windows
    ADD CONSTRAINT pk_rate_windows PRIMARY KEY (account, kind);
ALTER TABLE ONLY public.refused_deliveries
    ADD CONSTRAINT pk_refused_deliveries PRIMARY KEY (id);
ALTER TABLE ONLY public.restores
    ADD CONSTRAINT pk_restores PRIMARY KEY (number);
ALTER TABLE ONLY public.rulebooks
    ADD CONSTRAINT pk_rulebooks PRIMARY KEY (number);
ALTER TABLE ONLY public.sender_pauses
    ADD CONSTRAINT pk_sender_pauses PRIMARY KEY (account, inbox);
ALTER TABLE ONLY public.sender_reservations
    ADD CONSTRAINT pk_sender_reservations PRIMARY KEY (enrollment_id);
ALTER TABLE ONLY public.sticky_senders
    ADD CONSTRAINT pk_sticky_senders PRIMARY KEY (account, pool, subject);
ALTER TABLE ONLY public.suppressions
    ADD CONSTRAINT pk_suppressions PRIMARY KEY (value);
CREATE INDEX ix_audit_at ON public.audit USING btree (at);
CREATE INDEX ix_audit_what_id ON public.audit USING btree (what, id);
CREATE INDEX ix_audit_who_id ON public.audit USING btree (who, id);
CREATE INDEX ix_decisions_email_id ON public.decisions USING btree (email, id);
CREATE INDEX ix_decisions_event_id ON public.decisions USING btree (event_id);
CREATE INDEX ix_decisions_rule_id ON public.decisions USING btree (rule, id);
CREATE INDEX ix_decisions_source_id ON public.decisions USING btree (source, id);
CREATE INDEX ix_decisions_verdict_id ON public.decisions USING btree (verdict, id);
CREATE INDEX ix_enrichments_due ON public.enrichments USING btree (due_at) WHERE (state = ANY (ARRAY['ready'::text, 'working'::text]));
CREATE INDEX ix_enrichments_over ON public.enrichments USING btree (created_at) WHERE (state = ANY (ARRAY['done'::text, 'failed'::text]));
CREATE INDEX ix_enrichments_source_event_id ON public.enrichments USING btree (source, event_id);
CREATE INDEX ix_enrollments_claimable ON public.enrollments USING btree (account, state, due_at, id) WHERE (state = ANY (ARRAY['ready'::text, 'uncertain'::text]));
CREATE INDEX ix_enrollments_confirm ON public.enrollments USING btree (account, confirm_at) WHERE (confirm_at IS NOT NULL);
CREATE INDEX ix_enrollments_email_id ON public.enrollments USING btree (email, id);
CREATE INDEX ix_enrollments_ended ON public.enrollments USING btree (ended, id) WHERE (ended IS NOT NULL);
CREATE INDEX ix_enrollments_expires ON public.enrollments USING btree (expires_at) WHERE ((expires_at IS NOT NULL) AND (state = ANY (ARRAY['held'::text, 'ready'::text])));
CREATE INDEX ix_enrollments_follow ON public.enrollments USING btree (account, follow_at) WHERE (follow_at IS NOT NULL);
CREATE INDEX ix_enrollments_held ON public.enrollments USING btree (due_at) WHERE (state = 'held'::text);
CREATE INDEX ix_enrollments_held_for ON public.enrollments USING btree (account, reason, sender_email, id) WHERE (state = 'held'::text);
CREATE INDEX ix_enrollments_hinted ON public.enrollments USING btree (account, hinted_at) WHERE (hinted_at IS NOT NULL);
CREATE INDEX ix_enrollments_leaving ON public.enrollments USING btree (account, email) WHERE ((plan ->> 'action'::text) = ANY (ARRAY['cancel'::text, 'unenroll'::text]));
CREATE INDEX ix_enrollments_of_contact ON public.enrollments USING btree (account, contact_id) WHERE (contact_id IS NOT NULL);
CREATE UNIQUE INDEX ix_enrollments_one_in_hand_per_contact ON public.enrollments USING btree (account, occupied_contact_id) WHERE ((state = ANY (ARRAY['working'::text, 'uncertain'::text])) AND (step = ANY (ARRAY['prepared'::text, 'sending'::text])));
CREATE UNIQUE INDEX ix_enrollments_one_in_hand_per_person ON public.enrollments USING btree (account, email) WHERE (state = ANY (ARRAY['working'::text, 'uncertain'::text]));
CREATE INDEX ix_enrollments_open_of_person ON public.enrollments USING btree (email, account) WHERE ((state = ANY (ARRAY['held'::text, 'ready'::text, 'working'::text, 'uncertain'::text])) OR (triggered_until IS NOT NULL));
CREATE INDEX ix_enrollments_rule_id ON public.enrollments USING btree (rule, id);
CREATE INDEX ix_enrollments_source_id ON public.enrollments USING btree (source, id);
CREATE INDEX ix_enrollments_state_id ON public.enrollments USING btree (state, id);
CREATE INDEX ix_enrollments_waiting_for_sender ON public.enrollments USING btree (account, sender_email) WHERE ((state = ANY (ARRAY['held'::text, 'ready'::text, 'working'::text])) AND (sender_email IS NOT NULL));
CREATE INDEX ix_event_keys_seen_at ON public.event_keys USING btree (seen_at);
CREATE INDEX ix_events_email_id ON public.events USING btree (email, id);
CREATE INDEX ix_events_payloads ON public.events USING btree (received_at) WHERE (data IS NOT NULL);
CREATE INDEX ix_events_source_id ON public.events USING btree (source, id);
CREATE INDEX ix_forgettings_open ON public.forgettings USING btree (requested_at) WHERE (done_at IS NULL);
CREATE INDEX ix_forgettings_requested_at ON public.forgettings USING btree (requested_at);
CREATE INDEX ix_forgotten_forgetting_id ON public.forgotten USING btree (forgetting_id);
CREATE INDEX ix_intents_until ON public.intents USING btree (until);
CREATE INDEX ix_journal_enrollment_id ON public.journal USING btree (enrollment_id);
CREATE INDEX ix_outbound_created_at ON public.outbound USING btree (created_at);
CREATE INDEX ix_outbound_delivered ON public.outbound USING btree (created_at) WHERE (state = 'delivered'::text);
CREATE INDEX ix_outbound_due ON public.outbound USING btree (endpoint, due_at) INCLUDE (created_at) WHERE (state = ANY (ARRAY['waiting'::text, 'sending'::text]));
CREATE INDEX ix_outbound_endpoint_id ON public.outbound USING btree (endpoint, id);
CREATE INDEX ix_outbound_enrollment_id ON public.outbound USING btree (enrollment_id);
CREATE INDEX ix_outbound_failed ON public.outbound USING btree (endpoint) WHERE (state = 'failed'::text);
CREATE INDEX ix_outbound_state_id ON public.outbound USING btree (state, id);
CREATE INDEX ix_rate_grants_account_kind_granted_at ON public.rate_grants USING btree (account, kind, granted_at);
CREATE INDEX ix_refused_deliveries_source_id ON public.refused_deliveries USING btree (source, id);
CREATE INDEX ix_sender_reservations_account_inbox_reserved_at ON public.sender_reservations USING btree (account, inbox, reserved_at) INCLUDE (enrollment_id);
CREATE INDEX ix_sender_reservations_reserved_at ON public.sender_reservations USING btree (reserved_at);
CREATE INDEX ix_sticky_senders_chosen_at ON public.sticky_senders USING btree (chosen_at);
CREATE UNIQUE INDEX ix_suppressions_number ON public.suppressions USING btree (number);
CREATE INDEX ix_suppressions_patterns ON public.suppressions USING btree (fits) WHERE (kind = 'pattern'::text);
