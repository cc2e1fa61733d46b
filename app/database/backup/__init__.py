"""Segue's tables in one file, and back: by PostgreSQL's own programs, in their custom format.

In: a database and a file. Out: the file written, or the database replaced, each whole or not at all. What does not fit
(versions, schemas, a database in use) raises `StartError` before anything changes.

Commands import all four modules:

contents    what a database holds of Segue, and whether it may be saved or replaced
programs    pg_dump, pg_restore and psql of a version that fits the server
archive     the content of a file, read before it is used
copying     dump and restore
"""
