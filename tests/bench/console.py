"""The console at size: how long each page takes, how often it asks the store, and whether it reads a big table whole.

The service is in this process, as are the browsers; PostgreSQL is a server of its own. `CONSOLE_EVENTS` is how many
events are made first. `CONSOLE_DATABASE_URL` names a migrated database that is filled where it is empty, and stays.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import make_url

from app.database.engine import connect
from app.database.migrate import migrate
from app.operators import Role
from app.web.server import spare_collector
from tests.bench.console_fill import contents, fill
from tests.bench.console_plans import Asked, Plan, noted, planned
from tests.bench.console_rows import ACCOUNT
from tests.bench.console_rules import rules
from tests.bench.results import Aim, at_most
from tests.bench.usage import cpu_seconds, parent_of
from tests.bench.worlds import database, dropped
from tests.console.places import looks_of, parameters_of, path_of, served
from tests.support.console import Browser, signed_in
from tests.support.service import SECRETS, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    import httpx
    from sqlalchemy.engine import URL

    from app.database.embedded import EmbeddedPostgres
    from tests.bench.results import Results
    from tests.support.service import Running

EVENTS = 10_000_000
ROUNDS = 30
MILLISECONDS, STATEMENTS = 150, 6
BIG = 10_000  # rows of a table that no page may read whole
OWN_SESSION = (
    "SELECT encode(sha256, 'hex') AS id FROM console_sessions WHERE way = 'token' ORDER BY created_at DESC LIMIT 1"
)
# Looks that are hard to answer: at what is rare among much, and at more than a page counts.
HARD: dict[str, tuple[dict[str, str], ...]] = {
    "/enrollments": (
        {"state": "parked", "period": "30d"},
        {"state": "enrolled", "sender": "b3", "period": "30d"},
        {"rule": "r7", "state": "refused", "reason": "BOUNCED", "period": "30d"},
        {"account": ACCOUNT, "state": "held", "reason": "account_not_connected", "period": "30d"},
        {"source": "s15", "period": "30d"},
    ),
    "/parked": ({"sender": "b3"}, {"rule": "signup", "reason": "gave_up"}),
    "/audit": (
        {"period": "30d"},
        {"who": "rare", "period": "30d"},
        {"target": "anna", "what": "POST /-/reload", "period": "30d"},
        {"who": "rare", "what": "POST /-/reload", "target": "anna", "period": "30d"},
    ),
    "/events": (
        {"period": "30d"},
        {"source": "s15", "period": "30d"},
        {"type": "company.creation", "period": "30d"},
        {"source": "s3", "type": "identify", "became": "dropped", "period": "30d"},
        {"became": "dropped", "period": "30d"},
    ),
}


@dataclass
class Measured:
    """One look at one page: milliseconds by the clock and of processors, and what it asks the store.

    What is kept for a while is asked by some rounds only: `asked` are the statements of the round that asked most,
    `every` is each statement of any round.
    """

    name: str
    status: int = 0
    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    every: dict[str, Asked] = field(default_factory=dict)
    plans: list[Plan] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many rows of big tables its greediest statement looks at."""
        return max((plan.rows for plan in self.plans), default=0)

    @property
    def whole_tables(self) -> set[str]:
        """The big tables that it reads from end to end."""
        return {table for plan in self.plans for table in plan.whole_tables}


async def console(server: EmbeddedPostgres, results: Results) -> None:
    """Fill a database, and ask every page of the console."""
    events = int(os.environ.get("CONSOLE_EVENTS", EVENTS))
    async with _filled(server, events) as url:
        for table, rows, size in await contents(url):
            results.tell(f"rows of {table}", f"{rows:,}", f"{size / 1e6:,.0f} MB")
        for one in await looks(url, rounds=ROUNDS, big=BIG):
            judge(results, one)


def judge(results: Results, one: Measured) -> None:
    """Add what one look takes; what it must not is named."""
    parts = f"p50 {percentile(one.wall, 0.5):.0f} ms, {len(one.asked)} statements, {one.rows:,} rows"
    by_clock, spent = percentile(one.wall, 0.95), percentile(one.processor, 0.95)
    words = f"p95 {by_clock:.0f} ms, {spent:.0f} ms of processors"
    results.judge(one.name, by_clock, at_most(MILLISECONDS, unit="ms"), measured=f"{words}; {parts}")
    for what, figure, aim in (
        ("is answered", one.status, Aim("200", least=200, most=200)),
        ("statements", len(one.asked), at_most(STATEMENTS, unit="")),
        (f"reads whole: {', '.join(sorted(one.whole_tables))}", len(one.whole_tables), at_most(0, unit="tables")),
    ):
        if not aim.met_by(figure):
            results.judge(f"{one.name}, {what}", figure, aim, measured=str(figure))


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that so many are not above."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


async def looks(url: URL, *, rounds: int, big: int) -> list[Measured]:
    """Ask every page `rounds` times, signed in as an admin, and explain its statements."""
    tables = frozenset(name for name, rows, _ in await contents(url) if rows >= big)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rules.yaml"
        file.write_text(rules(), encoding="utf-8")
        async with running(url.render_as_string(hide_password=False), file, secrets=SECRETS) as web:
            browser, connection = await signed_in(web, Role.ADMIN), await connect(url, command_timeout=None)
            server = parent_of(await connection.fetchval("SELECT pg_backend_pid()"))
            async with browser.client:
                spare_collector()  # as the service does once it serves, and once more when the console is built
                await browser.get("/about")
                spare_collector()
                found = [await _looked(browser, target, server, rounds) async for target in _targets(web, browser)]
            for one in found:
                one.plans = [await planned(connection, asked, tables) for asked in one.every.values()]
            await connection.close()
            return found


async def _targets(web: Running, browser: Browser) -> AsyncIterator[str]:
    """Name all looks: each page, narrowed as hard as may be, and the pages before and after where it is a list."""
    parameters = await parameters_of(web) | {"account": ACCOUNT, "session": (await web.rows(OWN_SESSION))[0]["id"]}
    for route in served(web):
        if route.method == "GET" and not route.as_json:
            path = path_of(route, parameters)
            for query in (*looks_of(route), *HARD.get(path, ())):
                first = browser.client.build_request("GET", f"/admin{path}", params=query)
                yield str(first.url.raw_path, "ascii")
                answer = await browser.client.send(first)
                if older := _link(answer, "next"):
                    yield older
                    if newer := _link(await browser.client.get(older), "prev"):
                        yield newer


def _link(answer: httpx.Response, rel: str) -> str | None:
    found = re.search(rf'<a href="([^"]+)" rel="{rel}">', answer.text)
    return unescape(found.group(1)) if found else None


async def _looked(browser: Browser, target: str, server: int, rounds: int) -> Measured:
    one = Measured(target)
    for _ in range(rounds):
        before, begun = _spent(server), time.perf_counter()
        with noted() as asked:
            answer = await browser.client.get(target)
        one.wall.append(1000 * (time.perf_counter() - begun))
        one.processor.append(1000 * (_spent(server) - before))
        one.status, one.asked = answer.status_code, max(one.asked, asked, key=len)
        one.every |= {each.statement: each for each in asked}
    return one


def _spent(server: int) -> float:
    return time.process_time() + cpu_seconds([server])


@asynccontextmanager
async def _filled(server: EmbeddedPostgres, events: int) -> AsyncIterator[URL]:
    """Yield the URL of a database with so many events; one that is named by the environment stays."""
    kept = os.environ.get("CONSOLE_DATABASE_URL")
    url = make_url(kept) if kept else await database(server, "console")
    await migrate(url)
    if not await _has_events(url):
        await fill(url, events)
    yield url
    if not kept:
        await dropped(server, "console")


async def _has_events(url: URL) -> bool:
    connection = await connect(url)
    found = await connection.fetchval("SELECT EXISTS (SELECT FROM events)")
    await connection.close()
    return bool(found)
