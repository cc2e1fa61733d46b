"""An audit log that takes no row, as on a disk that is full: what tests use who look at what is done all the same."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.service import Running

NOT_WRITTEN = "he audit log could not be written"  # how an answer says so, at the beginning of a sentence or within
REFUSE = """
    CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no row is taken'; END $$
"""


@asynccontextmanager
async def broken_log(web: Running) -> AsyncIterator[None]:
    """Let the audit log take no row meanwhile."""
    await web.execute(REFUSE)
    await web.execute("CREATE TRIGGER refuse BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION refuse()")
    yield
    await web.execute("DROP TRIGGER refuse ON audit")
