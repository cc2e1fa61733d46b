"""The group commit is one statement, and so one transaction and one round trip, whatever the size of the batch."""

from __future__ import annotations

from sqlalchemy import text

from app.database.fragments import ADDRESS, CONTACT, is_forgotten, json_columns

# Rows come as JSON texts: that is far cheaper to write than an array per column, of which there are forty. Each row is
# an array of values without names, in the order of these columns (`app.intake.rows` writes it): PostgreSQL parses it
# once and finds each value by its place, where `json_to_recordset` reads the text again and looks up names. The row of
# a decision has its enrollment's columns, too: reading a row costs as much as writing one. Ids sort by time, so the
# lowest id is what came first.
DELIVERY_COLUMNS = json_columns(
    "id text, source text, provider text, received_at microseconds, method text, url text, headers jsonb"
)
EVENT_COLUMNS = json_columns("""
    id text, key text, delivery_id text, source text, type text, provider_id text, received_at microseconds,
    occurred_at timestamptz, email text, first_name text, last_name text, name text, company text, exit boolean,
    thin boolean, data jsonb, answers jsonb, contact text
""")
DECISION_COLUMNS = json_columns("""
    id text, event_id text, source text, email text, verdict text, reason text, rule text, line integer, revision text,
    facts jsonb, enrollment_id text, account text, address text, sequence text, plan jsonb, properties jsonb,
    require text[], intent text, seconds double precision, received_at microseconds, expires_at timestamptz,
    priority integer, due_at timestamptz
""")

# `fresh` decides what is new. A key that a concurrent transaction has inserted but not committed makes it wait for that
# transaction's end; it returns exactly the events that no other transaction has. Keys are inserted in their order: two
# replicas with the same keys then wait for each other instead of deadlocking. All that follows is joined to `fresh`.
#
# `holder` decides which enrollment holds a person's intent. Another one gets it only when its period has passed by the
# database's clock; else the update changes nothing: it locks the row and returns the holder. `statement_timestamp()` is
# read once: `until` and its comparison can then never disagree. While the statement waits for another replica's row it
# grows stale, which can only leave an intent where it is.
#
# The parts that write rows do not read each other, so that their order does not matter.
#
# An event of a person who was forgotten is stored without the person, and enrolls no one. Forgetting someone locks
# `decisions` while it writes the tombstone (see `app.people.forget_statements`): PostgreSQL takes a statement's table
# locks before its snapshot, so that a statement either sees the tombstone, or has committed before the erasure reads.
# Of a thin event only the contact is known; its lookup finds who it is, and decides then.
#
# Hashes are computed only where anyone was forgotten: that is asked once per statement. `OFFSET 0` has PostgreSQL read
# each value from the JSON once, and not again for each use.
PERSON = ("provider_id", "email", "first_name", "last_name", "name", "company", "data", "answers")
EVENTS = f"""
    event_in AS MATERIALIZED (
        SELECT id, key, delivery_id, source, type, received_at, occurred_at, exit, thin, gone,
               {", ".join(f"CASE WHEN NOT gone THEN {name} END AS {name}" for name in PERSON)}
        FROM (
            SELECT row.*, NOT thin AND (SELECT true FROM forgotten ORDER BY key LIMIT 1) IS NOT NULL AND (
                {is_forgotten(ADDRESS, "email")} OR {is_forgotten(CONTACT, "contact")}
            ) AS gone
            FROM (SELECT {EVENT_COLUMNS} FROM jsonb_array_elements(CAST(:events AS jsonb)) AS element(row)) AS row
            OFFSET 0
        ) AS known
    ), gone AS MATERIALIZED (
        SELECT id AS event_id FROM event_in WHERE gone
    )
"""  # noqa: S608  # what is put in are the columns above and conditions of ours

# The latest decision about an event before this one, the same rule's where it has one.
PREVIOUS = """(
    SELECT earlier.id FROM decisions AS earlier WHERE earlier.event_id = row.event_id
    ORDER BY earlier.decided_at DESC, earlier.rule IS NOT DISTINCT FROM row.rule DESC, earlier.id DESC LIMIT 1
)"""


def decided(*, free: str = "false", replaces: str = PREVIOUS, detail: str = "NULL") -> str:
    """Return the parts that write the rows that follow from decided events.

    They need `fresh`, the (event_id, delivery_id, heard_at) that the statement may decide, and `gone`, the events of
    people who were forgotten. `heard_at` is when the event was accepted, by the one clock that all replicas share: an
    exit ends what was accepted before it. `free` is a
    condition on which an intent that is `held` may be taken although its period has not passed; `replaces` is the
    decision that a new one (`row`) replaces, and `detail` stands in the journal of what is made.
    """
    return f"""
    decision_in AS MATERIALIZED (
        SELECT id, event_id, delivery_id, heard_at, source, rule, line, revision, account, address, sequence, plan,
               properties, require, intent, seconds, received_at, expires_at, due_at, priority, forgotten,
               CASE WHEN NOT forgotten THEN email END AS email,
               CASE WHEN NOT forgotten THEN enrollment_id END AS enrollment_id,
               CASE WHEN forgotten THEN 'forgotten' ELSE verdict END AS verdict,
               CASE WHEN forgotten THEN 'the person was forgotten' ELSE reason END AS reason,
               CASE WHEN forgotten THEN '[]' ELSE facts END AS facts
        FROM (
            SELECT row.*, delivery_id, heard_at, event_id IN (SELECT event_id FROM gone) AS forgotten
            FROM (
                SELECT {DECISION_COLUMNS} FROM jsonb_array_elements(CAST(:decisions AS jsonb)) AS element(row)
            ) AS row JOIN fresh USING (event_id)
            OFFSET 0
        ) AS asked
    ), holder AS (
        INSERT INTO intents AS held (account, intent, email, enrollment_id, until)
        SELECT DISTINCT ON (address, intent, account)
            account, intent, address, enrollment_id, statement_timestamp() + make_interval(secs => seconds)
        FROM decision_in WHERE enrollment_id IS NOT NULL ORDER BY address, intent, account, enrollment_id
        ON CONFLICT (account, intent, email) DO UPDATE SET
            enrollment_id = CASE WHEN held.until <= statement_timestamp() OR {free}
                                 THEN excluded.enrollment_id ELSE held.enrollment_id END,
            until = CASE WHEN held.until <= statement_timestamp() OR {free} THEN excluded.until ELSE held.until END
        RETURNING account, intent, email, enrollment_id
    ), taken AS MATERIALIZED (
        SELECT decision_in.enrollment_id AS id, holder.enrollment_id AS holder
        FROM decision_in JOIN holder USING (account, intent)
        WHERE holder.email = address AND holder.enrollment_id <> decision_in.enrollment_id
    ), decision AS (
        INSERT INTO decisions (
            id, event_id, delivery_id, source, email, verdict, reason, rule, line, revision, facts, enrollment_id,
            decided_at, replaces
        )
        SELECT
            row.id, event_id, delivery_id, source, email,
            CASE WHEN holder IS NULL THEN verdict ELSE 'duplicate' END,
            CASE WHEN holder IS NULL THEN reason ELSE 'duplicate of ' || holder END,
            rule, line, revision, facts,
            CASE WHEN holder IS NULL THEN enrollment_id END,
            statement_timestamp(), {replaces}
        FROM decision_in AS row LEFT JOIN taken ON taken.id = row.enrollment_id
    ), made AS (
        INSERT INTO enrollments (
            id, decision_id, event_id, delivery_id, source, rule, account, email, sequence, plan, properties, require,
            intent, received_at, heard_at, expires_at, priority, created_at, updated_at, state, reason, detail, due_at
        )
        SELECT
            enrollment_id, id, event_id, delivery_id, source, rule, account, address, sequence, plan, properties,
            require, intent, received_at, heard_at, expires_at, priority,
            statement_timestamp(), statement_timestamp(),
            CASE WHEN due_at IS NULL THEN 'ready' ELSE 'held' END,
            CASE WHEN due_at IS NULL THEN NULL ELSE 'delay' END,
            'waits until ' || to_char(due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC',
            COALESCE(due_at, statement_timestamp())
        FROM decision_in WHERE enrollment_id IS NOT NULL AND enrollment_id NOT IN (SELECT id FROM taken)
        RETURNING id, account, created_at, state, detail
    ), noted AS (
        INSERT INTO journal (enrollment_id, at, after, attempt, cause, detail)
        SELECT id, created_at, state, 0, 'accepted', COALESCE({detail}, made.detail) FROM made
    )
"""  # noqa: S608  # what is put in are conditions of this module and of `redecide_statements`


OUTCOME = """
    SELECT ARRAY(SELECT event_id FROM fresh) AS new,
           ARRAY(SELECT id FROM taken) AS taken,
           ARRAY(SELECT holder FROM taken) AS holders,
           ARRAY(SELECT id FROM decision_in WHERE forgotten) AS forgotten,
           ARRAY(SELECT DISTINCT account FROM made) AS accounts
"""

ACCEPT = text(f"""
    WITH {EVENTS}, fresh AS (
        INSERT INTO event_keys (source, key, event_id, delivery_id, seen_at)
        SELECT DISTINCT ON (key, source) source, decode(key, 'hex'), id, delivery_id, statement_timestamp()
        FROM event_in ORDER BY key, source, id
        ON CONFLICT DO NOTHING
        RETURNING event_id, delivery_id, seen_at AS heard_at
    ), {decided(replaces="CAST(NULL AS text)")}, delivery AS (
        INSERT INTO deliveries (id, source, provider, received_at, method, url, headers, body)
        SELECT id, source, provider, received_at, method, url, headers, body
        FROM (
            SELECT {DELIVERY_COLUMNS}, body FROM ROWS FROM (
                jsonb_array_elements(CAST(:deliveries AS jsonb)), unnest(CAST(:bodies AS bytea[]))
            ) AS element(row, body)
        ) AS row
        WHERE id IN (SELECT delivery_id FROM fresh)
          AND id NOT IN (SELECT delivery_id FROM event_in WHERE gone)  -- its body holds the person
    ), event AS (
        INSERT INTO events (
            id, delivery_id, source, type, provider_id, received_at, occurred_at, email, first_name, last_name, name,
            company, exit, data, answers
        )
        SELECT
            id, delivery_id, source, type, provider_id, received_at, occurred_at, email, first_name, last_name, name,
            company, exit, data, answers
        FROM event_in WHERE id IN (SELECT event_id FROM fresh)
    ), thin AS (
        INSERT INTO enrichments (event_id, delivery_id, source, state, due_at, created_at, updated_at)
        SELECT id, delivery_id, source, 'ready', statement_timestamp(), statement_timestamp(), statement_timestamp()
        FROM event_in WHERE thin AND id IN (SELECT event_id FROM fresh)
        RETURNING event_id
    ), outcome AS (
        {OUTCOME}, EXISTS (SELECT FROM thin) AS thin
    )
    SELECT new, taken, holders, forgotten, accounts, thin,
           CASE WHEN CAST(:notify AS boolean) THEN ARRAY(
               SELECT CAST(pg_notify(CAST(:ready AS text), account) AS text) FROM unnest(accounts) AS account
           ) END,
           CASE WHEN thin AND CAST(:notify AS boolean) THEN pg_notify(CAST(:thin_ready AS text), '') END
    FROM outcome
""")  # noqa: S608  # what is put in are the parts above

# One thin event after its lookup. The fence is the attempt that the worker claimed. When another worker has claimed the
# row since, the statement returns no event and writes nothing.
ENRICHED = text(f"""
    WITH {EVENTS}, fresh AS (
        UPDATE enrichments
        SET state = :after, reason = :reason, detail = :detail, leased_by = NULL, leased_until = NULL,
            updated_at = statement_timestamp()
        WHERE event_id = :event_id AND attempt = :attempt AND state = 'working'
        RETURNING event_id, delivery_id, created_at AS heard_at
    ), {decided()}, event AS (
        UPDATE events
        SET occurred_at = event_in.occurred_at, email = event_in.email, first_name = event_in.first_name,
            last_name = event_in.last_name, name = event_in.name, company = event_in.company, exit = event_in.exit,
            data = event_in.data, answers = event_in.answers
        FROM event_in WHERE events.id = event_in.id AND event_in.id IN (SELECT event_id FROM fresh)
    ), unkept AS (
        DELETE FROM deliveries WHERE id IN (SELECT delivery_id FROM fresh JOIN gone USING (event_id))
    )
    {OUTCOME}
""")  # noqa: S608  # what is put in are the parts above

# Runs after ACCEPT: its own snapshot sees the events that came first. A repetition leaves a count and a time on its
# event, and no row, however often it comes. Events are locked in their order, so that two replicas wait for each other
# instead of deadlocking. `over` says that nothing came of the event, as far as can be seen without locks;
# `app.intake.redecide` looks again under them.
COUNT_REPEATS = text("""
    WITH first AS (
        SELECT source, key, event_id, delivery_id
        FROM unnest(CAST(:sources AS text[]), CAST(:keys AS bytea[])) AS repeated(source, key)
        JOIN event_keys USING (source, key)
    ), counted AS (
        SELECT event_id, count(*) AS times FROM first GROUP BY event_id
    ), locked AS MATERIALIZED (
        SELECT id FROM events WHERE id IN (SELECT event_id FROM counted) ORDER BY id FOR NO KEY UPDATE
    ), noted AS (
        UPDATE events SET repeats = repeats + times, last_repeated_at = statement_timestamp()
        FROM locked JOIN counted ON event_id = id WHERE events.id = locked.id
    )
    SELECT source, key, delivery_id, event_id, NOT EXISTS (
        SELECT FROM decisions JOIN enrollments ON enrollments.id = decisions.enrollment_id
        WHERE decisions.event_id = first.event_id AND state NOT IN ('refused', 'cancelled', 'expired')
    ) AND NOT EXISTS (
        SELECT FROM enrichments WHERE enrichments.event_id = first.event_id AND state IN ('ready', 'working')
    ) AND NOT EXISTS (
        SELECT FROM decisions
        WHERE decisions.event_id = first.event_id AND verdict IN ('duplicate', 'dropped', 'forgotten')
          AND decided_at = (SELECT max(decided_at) FROM decisions WHERE decisions.event_id = first.event_id)
    ) AS over
    FROM first
""")

NOTIFY = text("""
    SELECT pg_notify(channel, payload)
    FROM unnest(CAST(:channels AS text[]), CAST(:payloads AS text[])) AS woken(channel, payload)
""")
