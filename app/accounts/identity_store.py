"""The identity of each account: its portal id, and the time zone in which its day ends. Read by all replicas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from app.database.engine import busy_when_gone

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

# Another portal under the same name is another account: the previous time zone does not apply to it.
LEARN = text("""
    INSERT INTO hubspot_accounts AS known (account, portal_id, timezone, learnt_at)
    VALUES (:account, :portal_id, :timezone, clock_timestamp())
    ON CONFLICT (account) DO UPDATE
    SET portal_id = excluded.portal_id, learnt_at = excluded.learnt_at,
        timezone = CASE WHEN known.portal_id = excluded.portal_id
                        THEN COALESCE(excluded.timezone, known.timezone) ELSE excluded.timezone END
""")

PORTALS = text("SELECT account, portal_id FROM hubspot_accounts")

TIMEZONE = text("SELECT timezone FROM hubspot_accounts WHERE account = :account")

IDENTITY = text("SELECT portal_id, timezone FROM hubspot_accounts WHERE account = :account")


class IdentityStore:
    """The identities of accounts. Nothing is cached: what one replica learns applies to all at once."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def learn(self, account: str, portal_id: str, timezone: str | None) -> None:
        """Store the identity of an account."""
        values = {"account": account, "portal_id": portal_id, "timezone": timezone}
        async with self._engine.begin() as connection:
            await connection.execute(LEARN, values)

    async def portals(self) -> dict[str, str]:
        """Return the portal ids of all known accounts, including accounts that are no longer in the rules."""
        async with self._engine.connect() as connection:
            return {row.account: row.portal_id for row in await connection.execute(PORTALS)}

    async def timezone(self, account: str) -> str | None:
        """Return the time zone that HubSpot reported for an account, None where it never did."""
        async with self._engine.connect() as connection:
            found: str | None = (await connection.execute(TIMEZONE, {"account": account})).scalar_one_or_none()
            return found

    async def identity(self, account: str) -> dict[str, str | None]:
        """Return the portal id and the time zone that HubSpot reported, each None where it never did. Raises Busy."""
        with busy_when_gone():
            async with self._engine.connect() as connection:
                row = (await connection.execute(IDENTITY, {"account": account})).one_or_none()
        return {"portal_id": row.portal_id if row else None, "timezone": row.timezone if row else None}
