"""The connection to PostgreSQL: an engine for statements, one raw connection for LISTEN."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.errors import StartError

if TYPE_CHECKING:
    from sqlalchemy import TextClause
    from sqlalchemy.engine import URL

_DIALECT = dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves its dialects untyped
MINIMUM_SERVER_VERSION = 140000


def open_engine(url: str | URL, *, pool_size: int = 16, application_name: str = "segue") -> AsyncEngine:
    """Return an engine for `url` (`postgresql+asyncpg://...`); nothing is connected yet."""
    return create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        connect_args={"timeout": 10, "server_settings": {"application_name": application_name, "timezone": "UTC"}},
    )


def described(url: str | URL) -> str:
    """Return `url` for a message, its password hidden."""
    from sqlalchemy.engine import make_url  # noqa: PLC0415  # only error messages need it

    return make_url(url).render_as_string(hide_password=True)


async def require_server(engine: AsyncEngine) -> None:
    """Raise StartError when the server cannot be reached, refuses us, or is older than PostgreSQL 14."""
    try:
        async with engine.connect() as connection:
            number = int((await connection.execute(text("SHOW server_version_num"))).scalar_one())
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        raise StartError(
            f"SEGUE_DATABASE_URL: cannot use the database at {described(engine.url)}: {first_line(error)}; "
            "check that PostgreSQL runs there, and the user, password and database name",
        ) from error
    if number < MINIMUM_SERVER_VERSION:
        raise StartError(
            f"SEGUE_DATABASE_URL: the server at {described(engine.url)} is PostgreSQL {number // 10000}; "
            f"Segue needs {MINIMUM_SERVER_VERSION // 10000} or newer",
        )


def first_line(error: BaseException) -> str:
    """Return the first line of what the driver said, without SQLAlchemy's wrapping."""
    cause = getattr(error, "orig", None) or error
    lines = str(cause).splitlines()
    return lines[0] if lines else type(cause).__name__


def sqlstate(error: BaseException) -> str | None:
    """Return the five-character SQLSTATE of a refused statement, None when the server did not name one."""
    cause = getattr(error, "orig", None) or error
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    return state if isinstance(state, str) else None


@cache
def driver_sql(statement: TextClause) -> tuple[str, tuple[str, ...]]:
    """Return a statement as asyncpg takes it, and the names of its parameters in their order."""
    compiled = statement.compile(dialect=_DIALECT)
    return str(compiled), tuple(compiled.positiontup or ())
