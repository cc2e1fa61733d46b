"""What HubSpot listed last, kept for all processes: sentences name sequences and senders as people call them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson
from sqlalchemy import text

from app.database.engine import busy_when_gone

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from app.catalogue.cache import Listing

SEQUENCES, OWNERS = "sequences", "owners"

# Of two processes the one that has read later is right.
KEEP = text("""
    INSERT INTO catalogue_listings AS kept (account, what, items, read_at)
    VALUES (:account, :what, CAST(CAST(:items AS text) AS jsonb), :read_at)
    ON CONFLICT (account, what) DO UPDATE SET items = excluded.items, read_at = excluded.read_at
    WHERE kept.read_at < excluded.read_at
""")

READ_AT = text("SELECT read_at FROM catalogue_listings WHERE account = :account AND what = :what")

# A sequence is found by its id, an owner by the id of the user that sends. A listing without any of them still shows
# its age.
NAMES = text("""
    SELECT account, what, read_at, key, name FROM catalogue_listings LEFT JOIN LATERAL (
        SELECT item->>CASE what WHEN 'sequences' THEN 'id' ELSE 'user_id' END AS key,
               COALESCE(NULLIF(item->>'name', ''), item->>'email') AS name
        FROM jsonb_array_elements(items) AS item
    ) AS named ON key = ANY(CASE what WHEN 'sequences' THEN CAST(:sequences AS text[]) ELSE CAST(:users AS text[]) END)
""")


@dataclass(frozen=True, slots=True)
class Names:
    """Names by account and id, and when each listing was read, by account and what it lists."""

    sequences: Mapping[tuple[str, str], str] = field(default_factory=dict)
    senders: Mapping[tuple[str, str], str] = field(default_factory=dict)
    read_at: Mapping[tuple[str, str], datetime] = field(default_factory=dict)

    def sequence(self, account: str, sequence: str) -> str | None:
        """Return the name of a sequence, None where it is not known."""
        return self.sequences.get((account, sequence))

    def sender(self, account: str, user_id: str | None) -> str | None:
        """Return the name of a sender, by HubSpot's user id, None where it is not known."""
        return self.senders.get((account, user_id or ""))


async def keep_listing(engine: AsyncEngine, what: str, listing: Listing) -> None:
    """Keep what was listed, in place of what was listed before."""
    values = {"account": listing.account, "what": what, "read_at": listing.read_at}
    async with engine.begin() as connection:
        await connection.execute(KEEP, values | {"items": orjson.dumps(list(listing.items)).decode()})


async def listed_at(engine: AsyncEngine, account: str, what: str) -> datetime | None:
    """Return when a listing was read last, None where it never was."""
    async with engine.connect() as connection:
        found: datetime | None = (await connection.execute(READ_AT, {"account": account, "what": what})).scalar()
        return found


async def names_listed(engine: AsyncEngine, *, sequences: Iterable[str] = (), users: Iterable[str] = ()) -> Names:
    """Return the names of these sequences and users. Raises Busy while the database cannot be reached."""
    with busy_when_gone():
        async with engine.connect() as connection:
            return await read_names(connection, sequences=sequences, users=users)


async def read_names(connection: AsyncConnection, *, sequences: Iterable[str], users: Iterable[str]) -> Names:
    """Return the names of these sequences and users, in all accounts, as far as they were listed."""
    values = {"sequences": sorted(set(sequences)), "users": sorted(set(users))}
    rows = (await connection.execute(NAMES, values)).all()
    named = {(row.what, row.account, row.key): row.name for row in rows if row.key and row.name}
    return Names(
        {(account, key): name for (what, account, key), name in named.items() if what == SEQUENCES},
        {(account, key): name for (what, account, key), name in named.items() if what == OWNERS},
        {(row.account, row.what): row.read_at for row in rows},
    )
