"""The audit log: who did what, from where, and what it changed.

In: an `Act`, which the way in (a route, a command, a start) opens with `acting`, and what a store notes of its change
in its own transaction. Out: rows of the table `audit`, which operators read. People stand there masked.

Others import `act` (open one), `store` (note a change, read the log). Raises Busy where the database is away.
"""
