"""What is stored of all HubSpot accounts, in one statement: grants, budgets, who is held, what the doctor found."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.database.engine import busy_when_gone
from app.hubspot.budget_store import WINDOWS, budget_of
from app.model import NOT_CONNECTED
from app.reports.held_store import MOST_COUNTED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.hubspot.budget_store import Budget
    from app.model import Account

# A row for each window of an account, one for an account without any: accounts that are named, and those with a grant.
# There are few of each. Those who are held are counted by an index, which has their account and reason.
READ = text(f"""
    WITH known AS (
        SELECT unnest(CAST(:accounts AS text[])) AS account UNION SELECT account FROM oauth_grants
    )
    SELECT known.account, given.hub_id, given.state, given.detail, given.updated_at, portal_id, held,
           day_used, day_ends_at, run.id AS run_id, run.done_at AS run_done_at, run.findings AS run_findings,
           run.detail AS run_detail, kind, maximum, window_ms, blocked_by, blocked_until, used
    FROM known
    LEFT JOIN oauth_grants AS given ON given.account = known.account
    LEFT JOIN hubspot_accounts AS learnt ON learnt.account = known.account
    LEFT JOIN LATERAL (
        SELECT rate_days.used AS day_used, ends_at AS day_ends_at FROM rate_days
        WHERE rate_days.account = known.account AND ends_at > clock_timestamp()
    ) AS today ON true
    LEFT JOIN LATERAL (
        SELECT id, done_at, findings, detail FROM doctor_runs
        WHERE doctor_runs.account = known.account AND doctor_runs.state = 'done' ORDER BY id DESC LIMIT 1
    ) AS run ON true
    CROSS JOIN LATERAL (
        SELECT count(*) AS held FROM (
            SELECT FROM enrollments
            WHERE enrollments.account = known.account AND reason = :reason AND enrollments.state = 'held' LIMIT :most
        ) AS waiting
    ) AS counted
    LEFT JOIN LATERAL ({WINDOWS} WHERE rate_windows.account = known.account) AS pace ON true
    ORDER BY known.account, kind
""")  # noqa: S608  # the only text put in is a constant


@dataclass(frozen=True, slots=True)
class StoredAccount:
    """One account. `grant` is None without one; `run` is the doctor's newest that is done, None where there is none.

    `budget` is None for an account that was not asked for; `held` wait until Segue is let in, counted up to 10,001.
    """

    grant: Mapping[str, Any] | None
    portal: str | None
    budget: Budget | None
    held: int
    run: Mapping[str, Any] | None


async def read_accounts(
    engine: AsyncEngine, accounts: Sequence[Account], *, headroom: float
) -> dict[str, StoredAccount]:
    """Return these accounts and those that have a grant, by their names. Raises Busy."""
    named = {account.name: account for account in accounts}
    values = {"accounts": list(named), "reason": NOT_CONNECTED, "most": MOST_COUNTED + 1}
    with busy_when_gone():
        async with engine.connect() as connection:
            rows = (await connection.execute(READ, values)).mappings().all()
    return {
        name: _stored(list(found), named.get(name), headroom)
        for name, found in groupby(rows, key=itemgetter("account"))
    }


def _stored(rows: Sequence[Mapping[Any, Any]], account: Account | None, headroom: float) -> StoredAccount:
    row = rows[0]
    windows = [one for one in rows if one["kind"] is not None]
    day = (row["day_used"], row["day_ends_at"]) if row["day_ends_at"] else None
    return StoredAccount(
        grant={name: row[name] for name in ("account", "hub_id", "state", "detail", "updated_at")}
        if row["state"]
        else None,
        portal=row["portal_id"],
        budget=budget_of(account, windows, day, headroom) if account else None,
        held=row["held"],
        run={name: row[f"run_{name}"] for name in ("id", "done_at", "findings", "detail")} if row["run_id"] else None,
    )
