"""Segue's tables in one file, and back: by PostgreSQL's own programs, in their custom format.

contents    what a database holds of Segue, and what may be done with it
programs    pg_dump, pg_restore and psql of a version that fits the server
archive     what a file holds, read before anything is done with it
copying     dump and restore, each whole or not at all
"""
