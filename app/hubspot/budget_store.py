"""What is used of the budgets of accounts right now: the windows of requests, and the day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.database.engine import busy_when_gone
from app.hubspot.windows import GENERAL, allowance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.model import Account

# Permits count as long as their requests may still be within HubSpot's window. The rows of a window that is not used
# stay until the next request: there are few of them.
READ_WINDOWS = text("""
    SELECT account, kind, maximum, window_ms, blocked_by,
           CASE WHEN blocked_until > clock_timestamp() THEN blocked_until END AS blocked_until, (
               SELECT COALESCE(sum(count), 0) FROM rate_grants AS given
               WHERE given.account = rate_windows.account AND given.kind = rate_windows.kind
                 AND granted_at + make_interval(secs => window_ms / 1000.0 + waited) > clock_timestamp()
           ) AS used
    FROM rate_windows WHERE account = ANY(CAST(:accounts AS text[])) ORDER BY account, kind
""")

READ_DAYS = text("""
    SELECT account, used, ends_at FROM rate_days
    WHERE account = ANY(CAST(:accounts AS text[])) AND ends_at > clock_timestamp()
""")


@dataclass(frozen=True, slots=True)
class Window:
    """One window: `used` of `allowed` requests in the running `window_ms`; HubSpot itself allows `maximum`.

    Until `blocked_until` HubSpot has asked for a pause, by the code `blocked_by`; both None where it has not.
    """

    kind: str
    used: int
    allowed: int
    maximum: int
    window_ms: int
    blocked_until: datetime | None
    blocked_by: str | None


@dataclass(frozen=True, slots=True)
class Day:
    """`used` of `cap` requests of the day that ends then; `ends_at` is None where nothing was used in it yet."""

    used: int
    cap: int
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Budget:
    """What is used of an account's windows and day. `day` is None where the rules set no cap on it."""

    windows: tuple[Window, ...]
    day: Day | None


async def read_budget(engine: AsyncEngine, account: Account, *, headroom: float) -> Budget:
    """Return what is used of an account's budgets now. Raises Busy."""
    return (await read_budgets(engine, [account], headroom=headroom))[account.name]


async def read_budgets(engine: AsyncEngine, accounts: Sequence[Account], *, headroom: float) -> dict[str, Budget]:
    """Return what is used of the budgets of accounts now, by their names. Raises Busy."""
    values = {"accounts": [account.name for account in accounts]}
    with busy_when_gone():
        async with engine.connect() as connection:
            windows = (await connection.execute(READ_WINDOWS, values)).mappings().all()
            days = {row["account"]: row for row in (await connection.execute(READ_DAYS, values)).mappings()}
    return {
        account.name: Budget(
            tuple(_window(row, account, headroom) for row in windows if row["account"] == account.name),
            _day(days.get(account.name), account),
        )
        for account in accounts
    }


def _window(row: Mapping[Any, Any], account: Account, headroom: float) -> Window:
    return Window(
        kind=row["kind"],
        used=row["used"],
        allowed=allowance(row["maximum"], account.per_10s if row["kind"] == GENERAL else None, headroom),
        maximum=row["maximum"],
        window_ms=row["window_ms"],
        blocked_until=row["blocked_until"],
        blocked_by=row["blocked_by"] if row["blocked_until"] else None,
    )


def _day(row: Mapping[Any, Any] | None, account: Account) -> Day | None:
    if account.daily is None:
        return None
    return Day(row["used"], account.daily, row["ends_at"]) if row else Day(0, account.daily, None)
