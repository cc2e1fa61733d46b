"""The database: one PostgreSQL, the operator's or a private one, and what keeps it in order.

In: the settings' URL or data directory. Out: an engine over a migrated database, direct connections, and notifications
between processes. A server that cannot be used raises `StartError`; statements raise what `engine.STORE_TROUBLE` names,
which routes turn into `Busy`.

Others import `wiring` (opens the database), `engine`, `schema` (the tables), `direct`, `listen`, `fragments`,
`installation`, `migrate`, `downgrade`, `restores` (notices a restored database), `retention`, and the packages
`embedded` (the private server) and `backup`.
"""
