"""A private PostgreSQL in the data directory: the default when no SEGUE_DATABASE_URL is set.

In: the data directory. Out: a running server and its URL. The server is a child process on a Unix socket only. It
outlives a killed service, and the next service attaches to it. What the machine refuses raises `StartError`.

Others import the names below; `app.processes` imports `keep_running`, and the backup imports `binaries`,
`cluster` and `server_user`.

supervisor     open, attach, close: the page of this package
wiring         open the one that the settings ask for, while the program is imported
server_user    the user that runs the server: this process's own, or one without privileges under root
binaries       which initdb and postgres: of several packages and the machine
layout         the folders, and who may reach them
cluster        a new data directory that appears whole or not at all
pid_file       whether a server runs, and belongs to this data directory
parameters     how the server runs: durable, and small while idle
postmaster     start it, ask whether it answers, stop it
leftovers      processes that outlive a killed server: waited for, then killed
keep_running   starts the server again whenever it ends by itself
"""

from app.database.embedded.supervisor import EmbeddedPostgres, attach, find, has_database, origin

__all__ = ["EmbeddedPostgres", "attach", "find", "has_database", "origin"]
