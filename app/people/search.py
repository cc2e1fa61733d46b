"""Searching a table for an address, a page of rows at a time, each page in a transaction of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.people.mentions import exact, near, raw, rough

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy import TextClause
    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.people.search_statements import Search
    from app.people.whole import WholePerson


async def pages(
    engine: AsyncEngine, search: Search, statement: TextClause, person: WholePerson, begin: Any = None
) -> AsyncIterator[tuple[Any, Any, int]]:
    """Execute `statement` for each page; yield the key before the page, its last key, and how many rows were hit.

    It begins after the key `begin`, None for all of the table.
    """
    after: Any = search.first if begin is None else begin
    while exact(person.emails):
        values = patterns(statement, person)
        if search.first is not None:
            values |= {"after": after, "bite": search.bite}
        async with engine.begin() as connection:
            page = (await connection.execute(statement, values)).one()
        yield after, page.last, page.hit
        after = page.last
        if after is None:
            break


async def mentioning(engine: AsyncEngine, search: Search, person: WholePerson) -> list[dict[str, Any]]:
    """Return the rows of a table that mention the person's address."""
    found: list[dict[str, Any]] = []
    async for after, last, hit in pages(engine, search, search.counting, person):
        if hit:
            values = patterns(search.showing, person) | ({} if last is None else {"after": after, "last": last})
            async with engine.connect() as connection:
                found += [dict(row) for row in (await connection.execute(search.showing, values)).mappings()]
    return found


def patterns(statement: TextClause, person: WholePerson) -> dict[str, Any]:
    """Return the patterns that a statement needs."""
    known = {one.__name__: one(person.emails) for one in (near, exact, rough, raw)}
    return {name: pattern for name, pattern in known.items() if f":{name}" in statement.text}
