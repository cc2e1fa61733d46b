"""What an operator says of a database: as of when it was restored, or that it was moved and lacks nothing."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from sqlalchemy import text

from app.clock import utc_now
from app.database.engine import busy_when_gone, open_engine, require_server
from app.database.migrate import require_migrated
from app.errors import StartError

if TYPE_CHECKING:
    from datetime import datetime

INSTALLATION = "installation"
FORGET_IDENTITY = "DELETE FROM installation WHERE name IN ('identity', 'restored')"


def marking(installation: str, as_of: datetime) -> str:
    """Return the SQL that marks a database which holds what was so at `as_of`.

    `installation` is the table's name as SQL writes it. A copy of a database that was marked already keeps the earlier
    time: no worker has seen it since.
    """
    # A time in this form contains nothing that SQL would read as its own.
    value = f"convert_to('{as_of.astimezone(UTC).isoformat()}', 'UTF8')"
    return (
        f"INSERT INTO {installation} AS installation (name, value) VALUES ('restored', {value}) "  # noqa: S608  # our own names
        "ON CONFLICT (name) DO UPDATE SET value = excluded.value "
        "WHERE CAST(convert_from(installation.value, 'UTF8') AS timestamptz) > "
        "CAST(convert_from(excluded.value, 'UTF8') AS timestamptz);"
    )


async def mark(url: str, as_of: datetime) -> None:
    """Mark the database at `url` as one that holds what was so at `as_of`. Raises StartError and Busy."""
    if as_of > utc_now():
        raise StartError(f"{as_of.isoformat()} is still to come: say as of when the copy is that was put back")
    await _execute(url, marking(INSTALLATION, as_of))


async def mark_moved(url: str) -> None:
    """Have the next process take the database for the one it always was. Raises StartError and Busy."""
    await _execute(url, FORGET_IDENTITY)


async def _execute(url: str, statement: str) -> None:
    engine = open_engine(url, pool_size=1)
    try:
        await require_server(engine)
        await require_migrated(engine)
        with busy_when_gone():
            async with engine.begin() as connection:
                await connection.execute(text(statement))
    finally:
        await engine.dispose()
