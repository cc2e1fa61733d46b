"""The statements that read tallies. Each is served by an index that begins with, or ends in, the hour.

Counters of one hour may have a row for each run of a process, which are summed up as they are read.
"""

from __future__ import annotations

from sqlalchemy import text

# A plan for any time span would expect few rows, and sort those of a year on disk.
PLAN_FOR_VALUES = text("SET LOCAL plan_cache_mode = force_custom_plan")

_HOURS = "hour >= CAST(:since AS timestamptz) AND hour < CAST(:until AS timestamptz)"
_NARROWED = """
    (CAST(:source AS text) IS NULL OR source = :source) AND (CAST(:rule AS text) IS NULL OR rule = :rule)
    AND (CAST(:account AS text) IS NULL OR account = :account)
    AND (CAST(:sequence AS text) IS NULL OR sequence = :sequence)
    AND (CAST(:sender AS text) IS NULL OR sender = :sender)
"""
# No counter has a rule, an account, a sequence or a sender.
_COUNTERS = """
    (CAST(:source AS text) IS NULL OR source = :source)
    AND COALESCE(CAST(:rule AS text), :account, :sequence, :sender) IS NULL
"""

FUNNEL = text(f"""
    SELECT stage, reason, known, false AS counter, CAST(sum(n) AS bigint) AS n FROM tallies
    WHERE {_HOURS} AND {_NARROWED} GROUP BY stage, reason, known
    UNION ALL
    SELECT result, '', true, true, CAST(sum(n) AS bigint) FROM tally_counters
    WHERE {_HOURS} AND {_COUNTERS} GROUP BY result
""")  # noqa: S608  # what is put in are the conditions above

# The funnel, and each hour of some stages: what the overview shows.
FUNNEL_BY_HOUR = text(f"""
    SELECT CAST(NULL AS timestamptz) AS hour, stage, reason, known, counter, n FROM ({FUNNEL.text}) AS whole
    UNION ALL
    SELECT hour, stage, '', true, false, CAST(sum(n) AS bigint) AS n FROM tallies
    WHERE stage = ANY(CAST(:stages AS text[])) AND {_HOURS} AND {_NARROWED} GROUP BY hour, stage
""")  # noqa: S608  # as above

SERIES = text(f"""
    SELECT hour, CAST(sum(n) AS bigint) AS n FROM tallies
    WHERE stage = ANY(CAST(:stages AS text[])) AND {_HOURS} AND {_NARROWED} GROUP BY hour
    UNION ALL
    SELECT hour, CAST(sum(n) AS bigint) AS n FROM tally_counters
    WHERE result = ANY(CAST(:results AS text[])) AND {_HOURS} AND {_COUNTERS} GROUP BY hour
""")  # noqa: S608  # as above

RULES = text(f"""
    SELECT rule, stage, CASE WHEN stage = 'unmatched' THEN reason ELSE '' END AS reason, CAST(sum(n) AS bigint) AS n
    FROM tallies WHERE {_HOURS} AND rule <> '' AND {_NARROWED} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
""")  # noqa: S608  # as above

KINDS = text(f"""
    SELECT source, reason AS type, CAST(sum(n) AS bigint) AS n FROM tallies
    WHERE stage = 'verified' AND {_HOURS} AND (CAST(:source AS text) IS NULL OR source = :source)
    GROUP BY 1, 2 ORDER BY 1, 2
""")  # noqa: S608  # as above

# The last delivery of a source may have come long before the span: one look-up in an index for each source and result.
# What came since `lately` stands apart, as a span within the span.
SOURCES = text(f"""
    WITH counter AS MATERIALIZED (
        SELECT source, result, CASE WHEN result = 'rejected' THEN reason ELSE '' END AS reason,
               hour >= CAST(:lately AS timestamptz) AS lately, CAST(sum(n) AS bigint) AS n
        FROM tally_counters WHERE {_HOURS} AND (CAST(:source AS text) IS NULL OR source = :source) GROUP BY 1, 2, 3, 4
        UNION ALL
        SELECT source, 'events', '', hour >= CAST(:lately AS timestamptz), CAST(sum(n) AS bigint) FROM tallies
        WHERE stage = 'verified' AND {_HOURS} AND (CAST(:source AS text) IS NULL OR source = :source) GROUP BY 1, 4
    ), named AS (
        SELECT source FROM counter UNION SELECT unnest(CAST(:named AS text[]))
    )
    SELECT source, result, reason, lately, n, last_at, last_rejected_at FROM named LEFT JOIN counter USING (source)
    CROSS JOIN LATERAL (
        SELECT (SELECT last_at FROM tally_counters AS latest
                WHERE latest.source = named.source AND result IN ('accepted', 'filtered', 'repeated')
                ORDER BY hour DESC, last_at DESC LIMIT 1) AS last_at,
               (SELECT last_at FROM tally_counters AS latest
                WHERE latest.source = named.source AND result = 'rejected'
                ORDER BY hour DESC, last_at DESC LIMIT 1) AS last_rejected_at
    ) AS latest
    ORDER BY source
""")  # noqa: S608  # as above

SENDERS = text(f"""
    SELECT hour, account, sender, CAST(sum(n) AS bigint) AS n FROM tallies
    WHERE stage = 'enrolled' AND {_HOURS} AND sender <> '' AND {_NARROWED}
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
""")  # noqa: S608  # as above

# A row for each source: thousands of hours are read faster as an array.
ARRIVALS = text(f"""
    SELECT source, array_agg(hour ORDER BY hour) AS hours, array_agg(n ORDER BY hour) AS counts, max(last_at) AS last_at
    FROM (
        SELECT source, hour, CAST(sum(n) AS bigint) AS n, max(last_at) AS last_at FROM tally_counters
        WHERE source = ANY(CAST(:sources AS text[])) AND result IN ('accepted', 'filtered', 'repeated') AND {_HOURS}
        GROUP BY source, hour
    ) AS counted GROUP BY source
""")  # noqa: S608  # as above

STATE = text("SELECT decided_until, rebuild_next, frozen_before FROM tally_state WHERE name = 'cells'")
