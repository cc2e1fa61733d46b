"""The statements over OAuth grants. All times are the database's, so that replicas with other clocks agree."""

from __future__ import annotations

from sqlalchemy import text

from app.database.fragments import ONE_AFTER_THE_OTHER

READ = text("""
    SELECT account, hub_id, user_id, scopes, access_token, refresh_token, expires_in, state, detail, version, leased_by,
           CAST(extract(epoch FROM expires_at - clock_timestamp()) AS double precision) AS seconds_left,
           CAST(extract(epoch FROM leased_until - clock_timestamp()) AS double precision) AS leased_seconds
    FROM oauth_grants WHERE account = :account
""")

# The lock of all replicas. It is a lease, not a row lock: no transaction stays open during a request to HubSpot.
CLAIM = text("""
    UPDATE oauth_grants SET leased_by = :by, leased_until = clock_timestamp() + make_interval(secs => :seconds)
    WHERE account = :account AND version = :version AND state = 'active'
      AND (leased_until IS NULL OR leased_until < clock_timestamp())
    RETURNING account
""")

# A replica may store its tokens as long as no other one has stored some, even if its lease has run out, and even if
# HubSpot has refused the grant to another replica meanwhile: a new token is the better evidence. The version is the
# fence, and its numbers are never reused: an answer that arrives after the account was connected to another hub matches
# no row.
RENEW = text("""
    UPDATE oauth_grants
    SET access_token = :access_token, refresh_token = COALESCE(CAST(:refresh_token AS bytea), refresh_token),
        expires_in = :expires_in, expires_at = clock_timestamp() + make_interval(secs => :seconds),
        user_id = COALESCE(:user_id, user_id), scopes = COALESCE(CAST(:scopes AS text[]), scopes),
        state = 'active', detail = NULL, version = nextval('oauth_grant_versions'), leased_by = NULL,
        leased_until = NULL, updated_at = clock_timestamp()
    WHERE account = :account AND version = :version
    RETURNING account
""")

# A lease without a holder is a pause: no replica requests a token before it ends.
PAUSE = text("""
    UPDATE oauth_grants
    SET detail = :detail, leased_by = NULL, leased_until = clock_timestamp() + make_interval(secs => :seconds)
    WHERE account = :account AND version = :version AND leased_by = :by
    RETURNING account
""")

REVOKE = text("""
    UPDATE oauth_grants
    SET state = 'revoked', detail = :detail, leased_by = NULL, leased_until = NULL, updated_at = clock_timestamp()
    WHERE account = :account AND version = :version AND leased_by = :by
    RETURNING account
""")

# Two names for one hub would get its limits twice, and could enroll a person twice. No unique index enforces this,
# because it could not be created where two names share a hub already; the lock admits one name at a time.
HUB_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('oauth hub ' || CAST(:hub_id AS text), 0))")

OTHER_NAME = text("""
    SELECT account FROM oauth_grants WHERE hub_id = :hub_id AND account <> :account ORDER BY account LIMIT 1
""")

CONNECT = text("""
    INSERT INTO oauth_grants AS g (account, hub_id, user_id, scopes, access_token, refresh_token, expires_in,
                                   expires_at, state, version, updated_at)
    VALUES (:account, :hub_id, :user_id, CAST(:scopes AS text[]), :access_token, :refresh_token, :expires_in,
            clock_timestamp() + make_interval(secs => :seconds), 'active', nextval('oauth_grant_versions'),
            clock_timestamp())
    ON CONFLICT (account) DO UPDATE
    SET user_id = excluded.user_id, scopes = excluded.scopes, access_token = excluded.access_token,
        refresh_token = excluded.refresh_token, expires_in = excluded.expires_in, expires_at = excluded.expires_at,
        state = 'active', detail = NULL, version = excluded.version, leased_by = NULL, leased_until = NULL,
        updated_at = excluded.updated_at
    WHERE g.hub_id = excluded.hub_id
    RETURNING account
""")

READ_HUB = text("SELECT hub_id FROM oauth_grants WHERE account = :account")

# This runs in the transaction that connects, and periodically: a worker that read "revoked" just before may write its
# `held` just after, and a late token may prove that a grant thought dead is alive. An enrollment held long after the
# grant's last change waits for something else, such as a missing key, and is not released again and again.
RELEASE_HELD = text(f"""
    WITH found AS MATERIALIZED (
        SELECT id FROM enrollments WHERE account = :account AND state = 'held' AND reason = :reason
          AND EXISTS (SELECT FROM oauth_grants AS g WHERE g.account = :account AND g.state = 'active'
                      AND enrollments.updated_at < g.updated_at + interval '2 minutes')
        ORDER BY id FOR UPDATE
    ), turns AS (
        SELECT id, {ONE_AFTER_THE_OTHER} AS due_at FROM found
    ), moved AS (
        UPDATE enrollments SET state = 'ready', reason = NULL, detail = NULL, due_at = turns.due_at,
               updated_at = clock_timestamp()
        FROM turns WHERE enrollments.id = turns.id
        RETURNING enrollments.id, attempt
    ), noted AS (
        INSERT INTO journal (enrollment_id, at, before, after, attempt, cause)
        SELECT id, clock_timestamp(), 'held', 'ready', attempt, 'account_connected' FROM moved
    )
    SELECT count(*) FROM moved
""")  # noqa: S608  # the only text put in is the times above

# The outcome of these requests could not be read without a grant. They are read now, which is not sooner than planned:
# only a read that was due can have failed.
READ_UNREAD = text("""
    UPDATE enrollments SET due_at = clock_timestamp() WHERE id IN (
        SELECT id FROM enrollments unread
        WHERE account = :account AND state = 'uncertain' AND due_at > statement_timestamp()
          AND (leased_until IS NULL OR leased_until < statement_timestamp())
          AND (SELECT cause FROM journal WHERE enrollment_id = unread.id ORDER BY id DESC LIMIT 1) = 'read_failed'
        ORDER BY id FOR UPDATE SKIP LOCKED
    )
""")

ACTIVE = text("SELECT account FROM oauth_grants WHERE state = 'active' ORDER BY account")

NOTIFY = text("SELECT pg_notify(CAST(:channel AS text), '')")

FORGET = text("DELETE FROM oauth_grants WHERE account = :account RETURNING account")

LIST = text("""
    SELECT account, hub_id, user_id, scopes, state, detail, expires_at, updated_at FROM oauth_grants ORDER BY account
""")

LOCK_SEALED = text("SELECT account, access_token, refresh_token FROM oauth_grants ORDER BY account FOR UPDATE")

RESEAL = text("""
    UPDATE oauth_grants SET access_token = :access_token, refresh_token = :refresh_token WHERE account = :account
""")

FORGET_OLD_INSTALLS = text("DELETE FROM oauth_installs WHERE expires_at < clock_timestamp()")

KEEP_INSTALL = text("""
    INSERT INTO oauth_installs (key, kind, account, code_verifier, redirect_uri, created_at, expires_at)
    VALUES (:key, :kind, :account, :code_verifier, :redirect_uri, clock_timestamp(),
            clock_timestamp() + make_interval(secs => :seconds))
""")

READ_TICKET = text("""
    SELECT account FROM oauth_installs WHERE key = :key AND kind = 'ticket' AND expires_at > clock_timestamp()
""")

# Deleting makes the key single-use: of two requests with the same key, one gets the row.
TAKE_INSTALL = text("""
    DELETE FROM oauth_installs WHERE key = :key AND kind = :kind
    RETURNING account, code_verifier, redirect_uri, expires_at > clock_timestamp() AS alive
""")
