"""Tallies: how many events were received in each hour (UTC), and what became of them.

In go the rows of events, decisions and enrollments, and what processes count of deliveries that leave no row. Out come
the figures of the console and of reports, and which source is silent. An hour is counted whole from its rows, so that
counting again changes nothing; a count is behind its rows by a minute or two, while the database cannot be reached by
more.

Other rooms may import `read_store` (the reads), `figures` and `stages` (their words), `silences`, `received` and
`wiring`.
"""
