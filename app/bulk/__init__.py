"""What an operator asks for many rows at once: counted and shown first, then done as a job, a chunk at a time.

In: a kind (`kinds`), a filter and the count that the operator was shown. Out: a row of `bulk_jobs` that any worker goes
on with, and what it has done with each enrollment or outbound event, which the row counts by outcome. A chunk is one
transaction: the rows, the counts, the cursor and the lease. Raises BulkRefused where a job is not begun, JobNotMovable
where it cannot be paused, resumed or cancelled, Busy where the database is away.

Others import `ask_store` (preview, ask), `job_store` (list, show, pause, resume, cancel), `parked_store` and `groups`
(parked enrollments by cause, rule, sender or day), `filters`, `job`, `states` and `wiring` (`start`).
"""
