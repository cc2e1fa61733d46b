"""A private PostgreSQL in the data directory: the default when no SEGUE_DATABASE_URL is set.

The server is a child on a Unix socket only. It outlives a killed service, and the next one attaches to it again.

supervisor     open, attach, close: the whole story
server_user    who the server runs as: ourselves, or an account without privileges when we are root
binaries       which initdb and postgres
cluster        the folders, and a new data directory that appears whole or not at all
postmaster     is it running, is it ours, does it answer; start and stop
leftovers      processes that outlive a killed server: waited for, then killed
"""

from app.database.embedded.supervisor import EmbeddedPostgres, attach, find, has_database

__all__ = ["EmbeddedPostgres", "attach", "find", "has_database"]
