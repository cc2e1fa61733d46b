"""What tests of the pages on many rows use: enrollments in a state, and the worker's loop over jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.bulk import wiring

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.console import Browser
    from tests.support.service import Running

MADE = """
    INSERT INTO enrollments (id, decision_id, event_id, delivery_id, source, rule, account, email, sequence, properties,
                             require, intent, received_at, created_at, updated_at, state, reason, sender, due_at,
                             first_sending_at)
    SELECT 'enr_' || lpad(to_hex(CAST(EXTRACT(epoch FROM now()) * 1000 AS bigint) - 60000), 12, '0')
           || lpad(CAST(n + :begin AS text), 20, '0'), '', '', '', 'crm', :rule, 'default',
           'p' || n + :begin || '@corp.example', '310001', '{}', '{}', 'demo', now(), now(),
           COALESCE(CAST(:at AS timestamptz), now() - interval '1 minute'), :state, :reason, :sender, now(),
           CASE WHEN n <= :sent THEN now() END
    FROM generate_series(1, :rows) AS n
"""
USUAL: dict[str, Any] = {
    "state": "parked", "reason": "DISCONNECTED_INBOX", "sender": "ben", "rule": "demo", "sent": 0, "at": None,
}  # fmt: skip


async def has(web: Running, rows: int, **facts: Any) -> None:
    """Add enrollments, parked for a disconnected inbox of ben where nothing else is said."""
    (there,) = await web.rows("SELECT count(*) AS rows FROM enrollments")
    await web.execute(MADE, **USUAL | facts, rows=rows, begin=there["rows"])


async def states(web: Running) -> dict[str, int]:
    """Return how many enrollments are in each state."""
    rows = await web.rows("SELECT state, count(*) AS rows FROM enrollments GROUP BY state")
    return {row["state"]: row["rows"] for row in rows}


async def work(web: Running) -> None:
    """Let the loop of a worker do all jobs there are."""
    await wiring.start(web.process)
    await web.rows_once_there(
        "SELECT 1 AS over WHERE NOT EXISTS (SELECT FROM bulk_jobs WHERE state IN ('waiting', 'running'))"
    )


async def begun(browser: Browser, path: str, form: Mapping[str, str] | None = None, **query: str) -> str:
    """Confirm a change, and return the path of the job's page that it leads to."""
    answer = await browser.confirm(path, form, **query)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].removeprefix("/admin")
