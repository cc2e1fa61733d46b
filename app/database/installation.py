"""What all processes of one installation share without any setting: made once, kept in the database."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

KEY_BYTES = 32

MAKE = text("INSERT INTO installation (name, value) VALUES (:name, :value) ON CONFLICT (name) DO NOTHING")
READ = text("SELECT value FROM installation WHERE name = :name")


async def shared_key(engine: AsyncEngine, name: str) -> bytes:
    """Return the installation's random key of this name; the first process to call makes it."""
    async with engine.begin() as connection:
        await connection.execute(MAKE, {"name": name, "value": secrets.token_bytes(KEY_BYTES)})
        return bytes((await connection.execute(READ, {"name": name})).scalar_one())
