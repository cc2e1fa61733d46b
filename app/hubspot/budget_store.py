"""What is used of the budgets of accounts right now: the windows of requests, and the day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.database.engine import busy_when_gone
from app.hubspot.windows import GENERAL, allowance

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.model import Account

# Permits count as long as their requests may still be within HubSpot's window. The rows of a window that is not used
# stay until the next request: there are few of them.
WINDOWS = """
    SELECT kind, maximum, window_ms, blocked_by,
           CASE WHEN blocked_until > clock_timestamp() THEN blocked_until END AS blocked_until, (
               SELECT COALESCE(sum(count), 0) FROM rate_grants AS permitted
               WHERE permitted.account = rate_windows.account AND permitted.kind = rate_windows.kind
                 AND granted_at + make_interval(secs => window_ms / 1000.0 + waited) > clock_timestamp()
           ) AS used
    FROM rate_windows
"""
READ_WINDOWS = text(f"{WINDOWS} WHERE account = :account ORDER BY kind")

READ_DAY = text("SELECT used, ends_at FROM rate_days WHERE account = :account AND ends_at > clock_timestamp()")


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
    values = {"account": account.name}
    with busy_when_gone():
        async with engine.connect() as connection:
            windows = (await connection.execute(READ_WINDOWS, values)).mappings().all()
            day = (await connection.execute(READ_DAY, values)).one_or_none()
    return budget_of(account, windows, tuple(day) if day else None, headroom)


def budget_of(
    account: Account, windows: Iterable[Mapping[Any, Any]], day: tuple[int, datetime] | None, headroom: float
) -> Budget:
    """Return an account's budget, from the rows of its WINDOWS, and what is used of its day with the end of that."""
    return Budget(tuple(_window(row, account, headroom) for row in windows), _day(day, account))


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


def _day(found: tuple[int, datetime] | None, account: Account) -> Day | None:
    if account.daily is None:
        return None
    used, ends_at = found or (0, None)
    return Day(used, account.daily, ends_at)
