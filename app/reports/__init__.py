"""The read model: events, decisions and enrollments for the API, and the counts of the gauges.

In: filters and ids. Out: rows as mappings. Every method raises Busy while the database cannot be reached.

A job measures the tables. Others import `store` (`StoredReader`) and `wiring`; the console's pages read by
`person_store` and `event_store`, with few statements to a page.
"""
