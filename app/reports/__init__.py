"""The read model: events, decisions and enrollments for the API, and the counts of the gauges.

In: filters and ids. Out: rows as mappings. Every method raises Busy while the database cannot be reached.

A job measures the tables. Others import `store` (`StoredReader`) and `wiring`.
"""
