"""The read model: events, decisions and enrollments for the API, and the counts of the gauges.

In: filters and ids. Out: rows as mappings. Every method raises Busy while the database cannot be reached.

A job measures the tables. Others import `store` (`StoredReader`), `wiring`, and what operators read of one matter each:
`person_store` and `event_store` for pages, `rules_in_force`, `sources` and `source_store`, `held_store`, `suppressed`,
`about`.
"""
