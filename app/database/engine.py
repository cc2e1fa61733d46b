"""The connection to PostgreSQL: one way to open it, an engine over it, and what its errors mean."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import asyncpg
from sqlalchemy import make_url, text
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.exc import SQLAlchemyError

from app.database.arrays import know_arrays
from app.database.idle import close_unused
from app.database.server import OLDEST_MAJOR, version_of_number
from app.database.without_orm import without_orm
from app.errors import Busy, StartError

with without_orm():
    from sqlalchemy.ext.asyncio.engine import AsyncEngine, create_async_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import TextClause
    from sqlalchemy.engine import URL

_DIALECT = dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves its dialects untyped
APPLICATION_NAME = "segue"  # unless the URL names another one
CONNECT_SECONDS = 10
COMMAND_SECONDS = 30
# A process that is frozen, or cut off, in the middle of a transaction keeps its locks. PostgreSQL ends that transaction
# after this time; without the limit the other replicas would wait without end.
IDLE_SECONDS = 7.5
# PostgreSQL makes a new plan for each of a statement's first five executions on a connection, and may do so ever after;
# a plan of a claim takes a millisecond or more. No statement of ours needs a plan for its values alone: a test looks at
# the plan for any values of each of them.

# What a statement over asyncpg alone may raise: errors of the server, of the driver, and of the network.
DRIVER_TROUBLE = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
# What any statement may raise, over an engine or over a direct connection.
STORE_TROUBLE = (SQLAlchemyError, *DRIVER_TROUBLE)


async def connect(
    url: URL, *, command_timeout: float | None = COMMAND_SECONDS, idle_seconds: float = IDLE_SECONDS
) -> Any:
    """Open one asyncpg connection. Raises OSError when that fails.

    `command_timeout` (seconds) ends a statement without a response; `idle_seconds` is how long a transaction may wait
    for its next statement.

    Every connection is opened here, and asyncpg alone reads the URL, so that libpq's parameters in its query (sslmode,
    sslrootcert, application_name, ...) have their usual meaning.
    """
    named = {} if "application_name" in url.query else {"application_name": APPLICATION_NAME}
    try:
        connection = await asyncpg.connect(
            url.set(drivername="postgresql").render_as_string(hide_password=False),
            timeout=CONNECT_SECONDS,
            command_timeout=command_timeout,
            server_settings={
                **named,
                "timezone": "UTC",
                "idle_in_transaction_session_timeout": str(max(1, int(idle_seconds * 1000))),
                "plan_cache_mode": "force_generic_plan",
            },
        )
    except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        # SQLAlchemy does not translate the driver's errors here, and callers handle those of the network.
        raise ConnectionError(str(error)) from error
    know_arrays(connection)
    return connection


def open_engine(
    url: str | URL,
    *,
    pool_size: int = 16,
    command_timeout: float | None = COMMAND_SECONDS,
    idle_seconds: float = IDLE_SECONDS,
) -> AsyncEngine:
    """Return an engine for `url` (`postgresql+asyncpg://...`). `connect` has the options.

    It connects at first use, and closes what a burst leaves unused.
    """
    opened = make_url(url)
    engine = create_async_engine(
        opened,
        async_creator=partial(connect, opened, command_timeout=command_timeout, idle_seconds=idle_seconds),
        hide_parameters=True,  # An error's text would contain e-mail addresses.
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        pool_use_lifo=True,
    )
    close_unused(engine)
    return engine


def described(url: str | URL) -> str:
    """Return `url` for a message, its password hidden."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=True)


async def require_server(engine: AsyncEngine) -> None:
    """Raise StartError when the server cannot be reached, refuses the session, or is older than PostgreSQL 15."""
    try:
        major, _ = await server_version(engine)
    except STORE_TROUBLE as error:
        raise StartError(
            f"SEGUE_DATABASE_URL: cannot use the database at {described(engine.url)}: {first_line(error)}; "
            "check that PostgreSQL runs there, and the user, password and database name",
        ) from error
    if major < OLDEST_MAJOR:
        raise StartError(
            f"SEGUE_DATABASE_URL: the server at {described(engine.url)} is PostgreSQL {major}; "
            f"Segue needs {OLDEST_MAJOR} or newer",
        )


async def server_version(engine: AsyncEngine) -> tuple[int, int]:
    """Return the server's (major, minor) version. Raises what any statement may."""
    async with engine.connect() as connection:
        return version_of_number(int((await connection.execute(text("SHOW server_version_num"))).scalar_one()))


def first_line(error: BaseException) -> str:
    """Return the first line of the driver's message, without SQLAlchemy's wrapping."""
    cause = getattr(error, "orig", None) or error
    lines = str(cause).splitlines()
    return lines[0] if lines else type(cause).__name__


def sqlstate(error: BaseException) -> str | None:
    """Return the five-character SQLSTATE of a refused statement, None when the server did not name one."""
    cause = getattr(error, "orig", None) or error
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    return state if isinstance(state, str) else None


@contextmanager
def busy_when_gone() -> Iterator[None]:
    """Raise Busy for any trouble with the store in the block: an HTTP caller then gets 503."""
    try:
        yield
    except STORE_TROUBLE as error:
        raise Busy("store_unavailable", f"the store cannot be asked now: {first_line(error)}") from error


@cache
def driver_sql(statement: TextClause) -> tuple[str, tuple[str, ...]]:
    """Return a statement as asyncpg takes it, and the names of its parameters in their order."""
    compiled = statement.compile(dialect=_DIALECT)
    return str(compiled), tuple(compiled.positiontup or ())
