"""The OAuth grants of HubSpot accounts: read, connected, revoked, and renewed by one replica at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from app.accounts import grant_statements as sql
from app.accounts.identity_store import LEARN
from app.accounts.sealed import TOKENS, opened, sealed
from app.audit.store import note
from app.database.engine import busy_when_gone
from app.database.listen import ENROLLMENTS_READY, GRANT_CHANGED
from app.errors import DecryptionFailed, InstallRefused
from app.model import NOT_CONNECTED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Row, TextClause
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from app.accounts.encryption import Encryption
    from app.accounts.sealed import Grant
    from app.hubspot.api.oauth import Tokens


log = structlog.get_logger(__name__)


class GrantStore:
    """The grants of all accounts; tokens are encrypted in the database."""

    def __init__(self, engine: AsyncEngine, encryption: Encryption) -> None:
        self._engine = engine
        self._encryption = encryption

    async def read(self, account: str) -> Grant | None:
        """Return an account's grant, None where it is not connected. Raises DecryptionFailed."""
        rows = await self._run(sql.READ, account=account)
        return opened(self._encryption, rows[0]) if rows else None

    async def claim(self, grant: Grant, *, by: str, seconds: float) -> bool:
        """Take the lease on renewing a token, for `seconds`; return whether it was free and the grant unchanged."""
        return await self._happened(sql.CLAIM, grant, by=by, seconds=seconds)

    async def renew(self, grant: Grant, tokens: Tokens, *, seconds: float) -> bool:
        """Store new tokens, which live for `seconds`; return whether the grant is unchanged since `grant` was read."""
        values = sealed(self._encryption, grant.account, tokens, seconds=seconds)
        return await self._happened(sql.RENEW, grant, **values)

    async def pause(self, grant: Grant, *, by: str, seconds: float, detail: str) -> bool:
        """Release the lease; no replica requests a token for `seconds`, and `detail` says why."""
        return await self._happened(sql.PAUSE, grant, by=by, seconds=seconds, detail=detail)

    async def revoke(self, grant: Grant, *, by: str, detail: str) -> bool:
        """Record that the grant is dead; return whether it still was the same one."""
        return await self._happened(sql.REVOKE, grant, by=by, detail=detail)

    async def connect(self, account: str, hub_id: str, tokens: Tokens, *, seconds: float) -> int:
        """Store a new grant and release the enrollments that waited for it; return their number.

        The access token lives for `seconds` from now on. Raises Busy, and InstallRefused where the account is connected
        to another hub or the hub to another account.
        """
        values = sealed(self._encryption, account, tokens, seconds=seconds) | {"account": account, "hub_id": hub_id}
        with busy_when_gone():
            async with self._engine.begin() as connection:
                await connection.execute(sql.HUB_LOCK, values)
                if (name := (await connection.execute(sql.OTHER_NAME, values)).scalar()) is not None:
                    raise InstallRefused(_other_name(account, hub_id, name))
                if (await connection.execute(sql.CONNECT, values)).first() is None:
                    other = (await connection.execute(sql.READ_HUB, {"account": account})).scalar_one()
                    raise InstallRefused(_other_hub(account, hub_id, other))
                await connection.execute(LEARN, {"account": account, "portal_id": hub_id, "timezone": None})
                released = await _released(connection, account)
                await connection.execute(sql.READ_UNREAD, {"account": account})
                for channel in (GRANT_CHANGED, ENROLLMENTS_READY):
                    await connection.execute(sql.NOTIFY, {"channel": channel})
                await note(connection, target=account, after={"connected": hub_id, "released": released})
                return released

    async def release(self) -> int:
        """Release the enrollments that wait for an account that is connected; return their number."""
        released = 0
        for row in await self._run(sql.ACTIVE):
            async with self._engine.begin() as connection:
                count = await _released(connection, row.account)
                if count:
                    await connection.execute(sql.NOTIFY, {"channel": ENROLLMENTS_READY})
                released += count
        return released

    async def ask_to_forget(self, account: str) -> None:
        """Write down that an account is to be disconnected: before HubSpot is asked, which no transaction covers."""
        async with self._engine.begin() as connection:
            await note(connection, target=account, after={"asked": "disconnect"})

    async def forget(self, account: str) -> bool:
        """Delete an account's grant; return whether there was one."""
        async with self._engine.begin() as connection:
            gone = (await connection.execute(sql.FORGET, {"account": account})).first() is not None
            await connection.execute(sql.NOTIFY, {"channel": GRANT_CHANGED})
            await note(connection, target=account, before={"connected": gone}, after={"connected": False})
            return gone

    async def listed(self) -> Sequence[Mapping[str, Any]]:
        """Return all grants for operators, without tokens. Raises Busy."""
        with busy_when_gone():
            return [dict(row._mapping) for row in await self._run(sql.LIST)]  # noqa: SLF001  # SQLAlchemy's public name

    async def rotate(self) -> int:
        """Encrypt all tokens with the newest key; return how many grants could be. The others stay as they are."""
        async with self._engine.begin() as connection:
            resealed = 0
            for row in (await connection.execute(sql.LOCK_SEALED)).all():
                try:
                    tokens = {name: self._encryption.rotate(bytes(getattr(row, name))) for name in TOKENS}
                except DecryptionFailed as error:
                    log.error("oauth.undecipherable", account=row.account, error=str(error))  # noqa: TRY400  # its message says it all
                    continue
                await connection.execute(sql.RESEAL, tokens | {"account": row.account})
                resealed += 1
            return resealed

    async def _happened(self, statement: TextClause, grant: Grant, **values: Any) -> bool:
        return bool(await self._run(statement, account=grant.account, version=grant.version, **values))

    async def _run(self, statement: TextClause, **values: Any) -> Sequence[Row[Any]]:
        async with self._engine.begin() as connection:
            return (await connection.execute(statement, values)).all()


async def _released(connection: AsyncConnection, account: str) -> int:
    waiting = {"account": account, "reason": NOT_CONNECTED}
    released: int = (await connection.execute(sql.RELEASE_HELD, waiting)).scalar_one()
    return released


def _other_name(account: str, hub_id: str, name: str) -> str:
    return (
        f"HubSpot account {hub_id} is already the account {name!r}: under two names it would be asked twice as fast as "
        f"it allows. Choose another one at HubSpot for {account!r}, or run `segue hubspot disconnect {name}` first."
    )


def _other_hub(account: str, hub_id: str, other: str) -> str:
    return (
        f"The account {account!r} is connected to HubSpot account {other}, and this is {hub_id}. Choose {other} at "
        f"HubSpot, give this one a name of its own in the rules, or run `segue hubspot disconnect {account}` first."
    )
