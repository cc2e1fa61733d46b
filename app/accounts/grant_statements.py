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

# The lock of all replicas. It is a lease and no row lock: no transaction stays open while HubSpot is asked.
CLAIM = text("""
    UPDATE oauth_grants SET leased_by = :by, leased_until = clock_timestamp() + make_interval(secs => :seconds)
    WHERE account = :account AND version = :version AND state = 'active'
      AND (leased_until IS NULL OR leased_until < clock_timestamp())
    RETURNING account
""")

# Whoever has tokens may store them as long as nobody else did, its lease run out or not, and also where another one was
# told meanwhile that the grant is dead: a new token is the better witness. The version is the fence, and no number of
# it is ever given twice: an answer that comes after the account was connected to another hub fits nothing.
RENEW = text("""
    UPDATE oauth_grants
    SET access_token = :access_token, refresh_token = :refresh_token, expires_in = :expires_in,
        expires_at = clock_timestamp() + make_interval(secs => :seconds),
        user_id = COALESCE(:user_id, user_id), scopes = COALESCE(CAST(:scopes AS text[]), scopes),
        state = 'active', detail = NULL, version = nextval('oauth_grant_versions'), leased_by = NULL,
        leased_until = NULL, updated_at = clock_timestamp()
    WHERE account = :account AND version = :version
    RETURNING account
""")

# A lease that nobody holds is a pause: no replica asks before it is over.
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

# Two names for one hub would get its limits twice, and could enroll a person twice. No index holds this, as it could
# not be made where two names share a hub already; the lock lets one name look at a time.
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

# In the transaction that connects, and now and then: a worker that read "revoked" just before may write its `held`
# just after, and a grant that was taken for dead may be proved alive by a late token. Who is held long after the
# grant's last change is held for something else, a key that is missing say, and is not released over and over.
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

# What became of a request could not be read for want of a grant: it is read again now, and no sooner than was planned,
# since only a read that was due can have failed.
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

TELL = text("SELECT pg_notify(CAST(:channel AS text), '')")

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

# Deleting is what makes it good once: of two that come with the same key, one gets the row.
TAKE_INSTALL = text("""
    DELETE FROM oauth_installs WHERE key = :key AND kind = :kind
    RETURNING account, code_verifier, redirect_uri, expires_at > clock_timestamp() AS alive
""")
