"""What statements read of tables that grow: a look that finds nothing due reads next to nothing, however much there is.

Every statement of the store is either POLLED, and then executed on a filled database, or ASKED.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import re
from datetime import timedelta
from importlib import import_module
from itertools import product
from pkgutil import walk_packages
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from sqlalchemy import TextClause, select
from sqlalchemy.engine import URL, make_url

import app
from app.database.engine import _DIALECT, connect, driver_sql
from app.database.migrate import migrate
from app.database.schema import metadata
from app.model import Filters
from app.people.search_statements import searches
from app.reports import enrollments_store, event_statements
from app.reports.enrollments_store import Wanted, counted, end_of_look, listed
from app.reports.event_statements import EventFilters
from app.reports.person_statements import MOST_LOOKED_AT, NEWEST
from app.reports.store import PLAN_FOR_VALUES, _narrowed
from tests.conftest import NOON
from tests.database.filled import GROWING, NOT_ALL_VISIBLE, ROWS, filling

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.support.postgres import Databases

# Whatever a loop, the sweep or a scrape of the metrics asks again and again, with values.
ME = {"account": "main"}
CLAIM: dict[str, Any] = {"worker": "w", "lease": 15.0, "limit": 100}
MONTH, DAY = timedelta(days=30), timedelta(days=1)
PARKED = dict.fromkeys(("reason", "rule", "sender", "since", "until")) | {
    "lacks": [],
    "by": "cause",
    "one_by_one": ["unsettled"],
    "most": 200,
}
POLLED: dict[str, dict[str, Any]] = {
    "bulk.parked_store.GROUP_PARKED": PARKED,
    "bulk.statements.CLAIM": {"worker": "w", "lease": 60.0, "kinds": ["cancel"]},
    "bulk.statements.NEXT_DUE": {"worker": "w", "kinds": ["cancel"]},
    "enrichment.statements.CLAIM": CLAIM,
    "enrichment.statements.NEXT_DUE": {},
    "enrollments.statements.CLAIM_CONFIRMATIONS": ME | {"whole": 100, "patience": 20.0},
    "enrollments.statements.CLAIM_READY": ME | CLAIM,
    "enrollments.statements.CLAIM_UNCERTAIN": ME | CLAIM,
    "enrollments.statements.EXPIRE": {},
    "enrollments.statements.WHAT_IS_DUE": ME | {"whole": 100, "patience": 20.0},
    "enrollments.statements.RENEW_LEASES": {"ids": ["000000004004"], "attempts": [0], "lease": 15.0},
    "enrollments.statements.RECLAIM_EXPIRED": {"span": MONTH, "leaving": None, "first_read": 30.0},
    "followup.statements.CLAIM_LOOKS": ME | {"limit": 100},
    "followup.statements.END_TURN": ME | {"turn": 1},
    "followup.statements.GIVE_UP": ME | {"span": MONTH, "detail": ""},
    "followup.statements.HINT": {"accounts": ["main"], "portals": [""], "contacts": ["4004"]},
    "followup.statements.NEXT_WORK": ME,
    "followup.statements.OVERDUE": {"accounts": ["main"]},
    "followup.statements.TAKE_TURN": ME | {"worker": "w", "lease": 120.0},
    "accounts.grant_statements.ACTIVE": {},
    "accounts.grant_statements.LIST": {},
    "accounts.grant_statements.READ": ME,
    "accounts.grant_statements.RELEASE_HELD": ME | {"reason": "account_not_connected"},
    "accounts.identity_store.PORTALS": {},
    "accounts.identity_store.TIMEZONE": ME,
    "senders.inbox_store.READ_INBOXES": {"accounts": ["main", "other"], "inboxes": ["s2", "s1"], "period": DAY},
    "outbound.statements.BACKLOG": {},
    "outbound.statements.CLAIM": {
        "endpoints": ["e0", "e1"],
        "rooms": [20, 20],
        "now": NOON,
        "worker": "w",
        "lease": 15.0,
    },
    "outbound.statements.NEXT_DUE": {"endpoints": ["e0", "e1"]},
    "outbound.statements.READ_ENDPOINTS": {"endpoints": ["e0", "e1"]},
    "hubspot.rate_limit_statements.CLOCK": {},
    "hubspot.rate_limit_statements.LOCK_WINDOW": ME | {"kind": "general", "maximum": 100, "window_ms": 10_000},
    "hubspot.spent_days_store.READ_SPENT_DAYS": {"kind": "general", "code": "RATE_LIMIT_DAILY"},
    "reports.accounts_store.READ": {"accounts": ["main"], "reason": "account_not_connected", "most": 10_001},
    "reports.overview_store.STANDING": PARKED,
    "reports.rail_store.RAIL": {},
    "reports.store.BACKLOG": {},
    "reports.store.OLDEST": {},
    "reports.store.THIN": {},
    "database.retention.PRUNE_AUDIT": {"age": MONTH, "bite": 1000},
    "database.history.PRUNE_ENROLLMENTS": {"before": "000000000000", "age": MONTH, "bite": 1000},
    "database.history.PRUNE_EVENTS": {"before": "000000000000", "age": MONTH, "bite": 1000},
    "database.history.PRUNE_STICKY": {"age": MONTH, "bite": 1000},
    "database.retention.PRUNE_CONSOLE_FORMS": {"age": MONTH, "bite": 1000},
    "database.retention.PRUNE_CONSOLE_LINKS": {"age": timedelta(0), "bite": 1000},
    "database.retention.PRUNE_CONSOLE_LOGINS": {"age": MONTH, "bite": 1000},
    "database.retention.PRUNE_CONSOLE_SESSIONS": {"age": timedelta(0), "bite": 1000},
    "database.retention.PRUNE_DELIVERED": {"age": 2 * DAY, "bite": 1000},
    "database.retention.PRUNE_DELIVERIES": {"age": MONTH, "bite": 1000},
    "database.retention.PRUNE_ENRICHMENTS": {"age": MONTH, "bite": 1000},
    "database.retention.PRUNE_EVENT_KEYS": {"age": MONTH, "bite": 1000},
    "database.retention.PRUNE_INTENTS": {"age": timedelta(0), "bite": 1000},
    "database.retention.PRUNE_INVENTORIES": {"age": DAY, "bite": 1000},
    "database.retention.PRUNE_JOBS": {"age": MONTH, "bite": 1000},
    "database.retention.PRUNE_PAYLOADS": {"age": MONTH, "bite": 1000},
    "database.retention.PRUNE_REFUSED": {"age": DAY, "bite": 1000},
    "database.retention.PRUNE_RESERVATIONS": {"age": DAY, "bite": 1000},
    "database.retention.PRUNE_STANDINGS": {"age": MONTH, "bite": 1000},
    "database.retention.PRUNE_UNDELIVERED": {"age": MONTH, "bite": 1000},
    "people.forget_statements.OPEN": {},
    "people.inventory_statements.CLAIM": {"lease": 60.0},
    "tallies.statements.HORIZON": {"behind": timedelta(0), "patience": timedelta(minutes=15)},
    "tallies.statements.NEXT_WORK": {"clocks_differ": timedelta(minutes=15)},
    "tallies.statements.FIND_JOURNALLED": {"cursor": ROWS, "most": 20_000, "horizon": NOON},
    "tallies.statements.FIND_DECIDED": {"since": "019000000000", "decided_since": NOON},
    "tallies.statements.RECOUNT": {
        "hour": NOON,
        "first": "evt_019000000000",
        "beyond": "evt_019000000001",
        "most": 5000,
    },
    "tallies.statements.NEXT_HOUR": {"since": NOON - 9999 * DAY, "first": "evt_000000000000"},
    "tallies.statements.FOLD": {},
    "doctor.run_store.CLAIM": {"accounts": ["main"], "worker": "w", "lease": 15.0, "most": 3},
    "doctor.run_store.GIVE_UP": {"most": 3, "detail": ""},
    "rules.store.READ_IN_FORCE": {},
    "senders.pause_store.READ_ALL": {"accounts": ["main", "emea"], "inboxes": ["s1"], "period": DAY},
    "senders.pause_store.READ_OTHERS": {"accounts": ["main", "emea"], "inboxes": ["s1"], "period": DAY},
    "enrollments.one_per_person_statements.HOLD_BLOCKED": ME,
    "enrollments.one_per_person_statements.RELEASE_DUE": {},
}
# These count, and read what they count.
GAUGES = frozenset(
    {
        "bulk.parked_store.GROUP_PARKED",
        "senders.inbox_store.READ_INBOXES",
        "outbound.statements.BACKLOG",
        "reports.store.BACKLOG",
        "reports.store.OLDEST",
        "reports.store.THIN",
        "reports.overview_store.STANDING",
        "senders.pause_store.READ_ALL",
    }
)
OF_SENDERS = {"senders.inbox_store.READ_INBOXES", "senders.pause_store.READ_ALL"}  # these count, and read rows besides
# Asked of rows by their keys, for one delivery or enrollment; or by an operator, or when a process starts or stops.
ASKED = {
    "intake.statements": "ACCEPT ENRICHED COUNT_REPEATS NOTIFY",
    "intake.redecide_statements": "DECIDE_AGAIN LIST_HEARD_BY_RULE LOCK_ENROLLMENTS LOCK_EVENT LOCK_LOOKUP LOOK_UP"
    " READ_ENROLLMENT READ_LATEST",
    "senders.statements": "ASSIGN_WHO_CAN_SEND LOCK_OURS LOCK_POOLS READ_STICKY TAKE_TURNS WRITE_ASSIGNMENTS"
    " WRITE_STICKY",
    "enrichment.statements": "HAND_BACK LATER WAITING",
    "enrollments.statements": "CANCEL_EARLIER CHECKPOINT_WORKFLOW_ENDED"
    " CHECKPOINT_WORKFLOW_STARTED CONFIRM READ_LATER REMARK"
    " TERMINATE_STUCK_SESSIONS",  # polled, and reads PostgreSQL's own list of sessions
    "followup.statements": "ENDED LOCK_CALLS LOCK_LOOKED_AT LOOKED NOTIFY REPLIED SEARCHED SPEND_CALL",
    "accounts.grant_statements": "CLAIM CONNECT FORGET FORGET_OLD_INSTALLS HUB_LOCK KEEP_INSTALL LOCK_SEALED OTHER_NAME"
    " PAUSE READ_HUB"
    " READ_TICKET READ_UNREAD RENEW RESEAL REVOKE TAKE_INSTALL NOTIFY",
    "accounts.identity_store": "IDENTITY LEARN",
    "doctor.run_store": "ASK FINISH KEEP_NEWEST LIST NOTIFY",
    "hubspot.budget_store": "READ_DAY READ_WINDOWS",
    "reports.held_store": "COUNT_HELD HELD_BY_REASON HELD_FIRST",
    "senders.ledger_store": "NEXT_PLACES SENT_BY_HOUR WAITING_BY_REASON WAITING_FIRST",
    "audit.form_store": "KEEP READ TAKE",
    "audit.store": "INSERT PLAN_FOR_VALUES",
    "console.signin.store": "ADD_LINK ADD_LOGIN ADD_SESSION END_SESSION LIST_SESSIONS LIST_SESSIONS_NEWER"
    " LIST_SESSIONS_OF LIST_SESSIONS_OF_NEWER PUT_ZONE"
    " READ_LINK READ_SESSION SEE_SESSION TAKE_LINK TAKE_LOGIN",
    "database.backup.contents": "FOUND SESSIONS",
    "database.installation": "MAKE READ",
    "database.restore_statements": "CHECK CHECK_TABLES CONFIRM INSERT LOCK NOTE UNMARK",
    "database.migrate": "IS_MIGRATED LOCK_MIGRATIONS READ_REVISION READ_WORKS_WITH WRITE_WORKS_WITH",
    "database.history": "KEEP_TALLIES",
    "database.downgrade": "READ_COLUMNS TRY_LOCK",
    "enrollments.operator_store": "CANCEL CANCEL_THESE CANCEL_WAITING COUNT_WAITING RELEASE RELEASE_THESE",
    "bulk.statements": "ASK HAND_BACK LIST LOCK LOCK_ASKING LOCK_MINE MOVE MOVE_ON NEWER NOTIFY NOW SHOW UNDER_WAY",
    "bulk.rows_store": "COUNT FIND FIRST_ROWS PLAN_FOR_VALUES",
    "bulk.outbound_rows_store": "COUNT_OUTBOUND FIND_OUTBOUND FIRST_OUTBOUND",
    "senders.quota_store": "NEXT_FREE",
    "outbound.statements": "COUNT_REPLAY ENABLE FIRST_WAITING HAND_BACK LOCK_ENDPOINT NOTE NOTE_TEST NOTIFY RECORD"
    " REPLAY REPLAY_MANY REPLAY_THESE TAKE_PROBE WRITE_ENDPOINT",
    "hubspot.rate_limit_statements": "ADOPT_LIMIT BLOCK COUNT_DAY GIVE_PERMITS INSERT_PERMITS SPEND_DAY",
    "intake.rejected_store": "FIND_ACCEPTED FIND_REJECTED INSERT KEEP_NEWEST LIST_REJECTED",
    "reports.find_store": "EVENT_OF_DECISION FIND_CONTACT FIND_DELIVERY FIND_ENROLLMENT FIND_EVENT FIND_REJECTED"
    " FIRST_OF_DELIVERY NEWEST_PEOPLE",
    "reports.source_store": "LAST_OF_SOURCES",
    "reports.store": "PLAN_FOR_VALUES TABLE_SIZES",  # polled, and reads PostgreSQL's catalogue
    "rules.store": "CLEAR_REJECTED LOCK PUT_IN_FORCE READ_ACCOUNTS READ_EARLIER READ_REVISION REJECT"
    " UNFINISHED_ELSEWHERE",
    "rules.revision_store": "LIST LIST_ABOVE READ READ_BEFORE READ_REJECTED",
    "catalogue.listing_store": "KEEP NAMES READ_AT",
    "reports.event_statements": "BECAME READ SENT",
    "reports.journal_store": "JOURNAL JOURNAL_NEWER",
    "reports.person_statements": "STANDING STORY_NEWER STORY_OLDER",
    "enrollments.person_statements": "CHECKPOINT_PREPARED READ_CONFLICT",
    "enrollments.restore_store": "READ_GAPS READ_SENT",
    "enrollments.sending_statements": "COMMIT_SENDING LOCK_INBOXES",
    "enrollments.transition_statements": "MOVE RELEASE_INTENTS",
    "senders.pause_store": "NOTE_FULL NOTE_REFUSAL PAUSE READ_PAUSE RESUME",
    "people.suppression_store": "ADD COUNT LIST LIST_ABOVE READ REMOVE",
    "people.waiting_store": "WAITING_FIT",
    "people.eligibility_store": "COUNT_ENROLLED COVERING FIND",
    "people.restored_store": "ANY_KEPT BROUGHT_BACK EXISTS KEY",
    "people.erase_statements": "FIND_ENROLLMENTS FIND_EVENTS FIND_EVENTS_OF_CONTACTS KNOWING NOTIFY_ENDPOINTS"
    " STILL_THERE",
    "people.forget_statements": "BURY FINISH IS_FORGOTTEN LIFT LIST LIST_ABOVE LOCK LOCK_TIMEOUT NOTIFY RELATED REQUEST"
    " REQUEST_CONTACT SHOW STOP_DECIDING WRITE",
    "people.inventory_statements": "ASK BY_HASH DROP FINISH MOVE_ON OWN_ROWS SHOW",
    "enrollments.one_per_person_statements": "RELEASE_PEOPLE",
    "tallies.statements": "ADVANCE ASK_REBUILD BEGIN END_TURN LOCK READ_REBUILD REBUILT TAKE_TURN WRITE_COUNTERS",
    "tallies.read_statements": "ARRIVALS FUNNEL FUNNEL_BY_HOUR KINDS PLAN_FOR_VALUES RULES SENDERS SERIES SOURCES"
    " STATE",
}
ROWS_OF_A_LOOK, BLOCKS_OF_A_LOOK = 300, 300
BOUND = 1_000  # rows of a list of the console
PARKED_ROWS = 200  # of the filled database
LATER = NOON + timedelta(days=3650)


def _statements() -> Iterator[tuple[str, TextClause]]:
    """Find the statements of all rooms, each where it is written."""
    for found in walk_packages(app.__path__, "app."):
        if found.name.startswith(("app.sandbox", "app.database.migrations", "app.__main__")):
            continue
        module = import_module(found.name)
        written = re.findall(r"^(\w+) = ", inspect.getsource(module), re.MULTILINE)
        for name in written:
            if isinstance(statement := getattr(module, name), TextClause):
                yield f"{found.name.removeprefix('app.')}.{name}", statement


STATEMENTS = dict(_statements())
READS_ALL = {"people.restored_store.ANY_KEPT"}  # the first row of each, before a restore
LOCKS = {
    "people.forget_statements.LOCK_TIMEOUT",
    "people.forget_statements.STOP_DECIDING",
    "rules.store.LOCK",
    "audit.store.PLAN_FOR_VALUES",
    "reports.store.PLAN_FOR_VALUES",
    "bulk.rows_store.PLAN_FOR_VALUES",
    "tallies.read_statements.PLAN_FOR_VALUES",
}  # PostgreSQL has no plan for them


@pytest.fixture(scope="module")
def filled(postgres: Databases) -> Iterator[URL]:
    """The URL of a filled database. What a test changes there it rolls back."""
    name = f"filled_{os.getpid()}"  # each process that runs tests has its own on the shared server
    url = make_url(postgres.url).set(database=name)
    server = make_url(postgres.url)
    asyncio.run(_execute(server, f"CREATE DATABASE {name}"))
    asyncio.run(migrate(url))
    asyncio.run(_execute(url, *filling()))
    asyncio.run(_let_the_planner_know(url))
    yield url
    asyncio.run(_execute(server, f"DROP DATABASE {name} WITH (FORCE)"))


async def _let_the_planner_know(url: URL) -> None:
    connection = await connect(url)
    async with asyncio.timeout(300):
        await connection.execute("VACUUM (ANALYZE)")
        while await connection.fetchval(NOT_ALL_VISIBLE, list(GROWING)):
            await connection.execute("VACUUM (ANALYZE)")
    await connection.close()


async def _execute(url: URL, *statements: str) -> None:
    connection = await connect(url)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


@pytest.fixture
async def connection(filled: URL) -> AsyncIterator[Any]:
    connection = await connect(filled)
    transaction = connection.transaction()
    await transaction.start()
    yield connection
    await transaction.rollback()
    await connection.close()


async def explained(connection: Any, name: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    """Execute a statement; return the nodes of its plan, with what each of them read."""
    sql, names = driver_sql(STATEMENTS[name])
    return await _plan(connection, sql, [values[each] for each in names], "ANALYZE, BUFFERS, ")


async def generic_plan(connection: Any, name: str) -> list[dict[str, Any]]:
    """Return the nodes of the plan that PostgreSQL makes of a statement whatever its values are."""
    sql, names = driver_sql(STATEMENTS[name])
    return await _plan(connection, sql, [None] * len(names))


async def _plan(connection: Any, sql: str, values: list[Any], options: str = "") -> list[dict[str, Any]]:
    """Plan a statement as the service's connections do, for any values."""
    await connection.execute(f"PREPARE it AS {sql}")
    written = f"({', '.join(map(_literal, values))})" if values else ""
    plan = await connection.fetchval(f"EXPLAIN ({options}FORMAT JSON) EXECUTE it{written}")
    await connection.execute("DEALLOCATE it")
    return list(_nodes(orjson.loads(plan)[0]["Plan"]))


def _literal(value: Any) -> str:
    """Write a value as SQL does."""
    if value is None:
        return "NULL"
    if isinstance(value, list):
        return f"ARRAY[{', '.join(map(_literal, value))}]" if value else "'{}'"
    return str(value) if isinstance(value, int | float) else f"'{value}'"


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def whole_tables(nodes: list[dict[str, Any]]) -> list[str]:
    """Return the growing tables that a plan reads from end to end."""
    return [node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan" and _grows(node)]


def _grows(node: dict[str, Any]) -> bool:
    return node.get("Relation Name") in GROWING and "Scan" in node["Node Type"]


def rows_looked_at(nodes: list[dict[str, Any]]) -> dict[str, float]:
    """Return how many rows of growing tables were looked at, by the index that led to them."""
    looked: dict[str, float] = {}
    for node in filter(_grows, nodes):
        rows = node["Actual Rows"] + sum(node.get(f"Rows Removed by {why}", 0) for why in ("Filter", "Index Recheck"))
        by = node.get("Index Name", node["Relation Name"])
        looked[by] = looked.get(by, 0) + rows * node["Actual Loops"]
    return looked


def blocks(nodes: list[dict[str, Any]]) -> int:
    """Return how many blocks the greediest part of a plan has read, those in memory included."""
    return max(int(node["Shared Hit Blocks"] + node["Shared Read Blocks"]) for node in nodes)


def test_every_statement_of_the_store_is_polled_or_asked() -> None:
    asked = [f"{module}.{name}" for module, names in ASKED.items() for name in names.split()]
    assert sorted(STATEMENTS) == sorted([*POLLED, *asked])


async def test_every_connection_plans_for_any_values(connection: Any) -> None:
    assert await connection.fetchval("SHOW plan_cache_mode") == "force_generic_plan"


async def test_the_driver_asks_nothing_of_its_own_for_any_statement(connection: Any) -> None:
    asked = list[str]()
    connection.add_query_logger(lambda record: asked.append(record.query))
    for name in sorted(set(STATEMENTS) - LOCKS):
        await connection.prepare(driver_sql(STATEMENTS[name])[0])
    assert asked == []


async def test_every_table_that_grows_is_filled(connection: Any) -> None:
    for table in sorted(GROWING):
        assert await connection.fetchval(f"SELECT count(*) FROM {table}") == ROWS, table  # noqa: S608  # our own


@pytest.mark.parametrize("name", POLLED)
async def test_a_look_that_finds_nothing_due_reads_next_to_nothing(connection: Any, name: str) -> None:
    nodes = await explained(connection, name, POLLED[name])
    assert whole_tables(nodes) == []
    removed = {node.get("Index Name"): node.get("Rows Removed by Filter", 0) for node in filter(_grows, nodes)}
    assert max(removed.values(), default=0) <= ROWS_OF_A_LOOK, removed
    if name not in GAUGES:
        assert sum(rows_looked_at(nodes).values()) <= ROWS_OF_A_LOOK, rows_looked_at(nodes)
        assert blocks(nodes) <= BLOCKS_OF_A_LOOK


@pytest.mark.parametrize("name", sorted(GAUGES - OF_SENDERS))
async def test_a_gauge_is_answered_by_indexes_alone(connection: Any, name: str) -> None:
    nodes = await explained(connection, name, POLLED[name])
    assert {node["Node Type"] for node in filter(_grows, nodes)} == {"Index Only Scan"}


def pages() -> Iterator[tuple[str, Filters]]:
    """List what a page can be narrowed to: nothing, one thing, or a person and one thing."""
    for column in (None, "email", "source", "rule", "state", "verdict", "ended"):
        for after in (None, "000000004004"):
            narrowed: dict[str, Any] = {column: "main"} if column else {}
            yield from ((table, Filters(**narrowed, after=after)) for table in ("events", "decisions", "enrollments"))


@pytest.mark.parametrize(("table", "filters"), list(pages()))
async def test_a_page_is_read_in_the_order_of_an_index(connection: Any, table: str, filters: Filters) -> None:
    asked = _narrowed(select(metadata.tables[table]), metadata.tables[table], filters)
    compiled = asked.compile(dialect=_DIALECT)
    values = [compiled.params[name] for name in compiled.positiontup or ()]
    await connection.execute(PLAN_FOR_VALUES.text)
    nodes = await _plan(connection, str(compiled), values, "ANALYZE, BUFFERS, ")
    assert whole_tables(nodes) == []
    assert [node["Node Type"] for node in nodes] == ["Limit", "Index Scan"]
    assert sum(rows_looked_at(nodes).values()) <= ROWS_OF_A_LOOK


@pytest.mark.parametrize("before", [None, "000000004004"])
@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"state": "parked"},
        {"state": "parked", "reason": "odd", "rule": "main"},
        {"rule": "main", "sender": "anna"},
        {"reason": "window"},
        {"state": "enrolled", "source": "main"},
    ],
)
async def test_a_list_of_the_console_looks_at_a_bounded_part(
    connection: Any, columns: dict[str, str], before: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrollments_store, "LOOKED_AT", BOUND)
    changed = (NOON - 9999 * DAY, NOON) if columns.get("state") == "parked" else None
    wanted = Wanted("000000000000", columns, before, changed=changed)
    for asked in (listed(wanted, 51), counted(wanted), end_of_look(wanted)):
        compiled = asked.compile(dialect=_DIALECT)
        values = [compiled.params[name] for name in compiled.positiontup or ()]
        await connection.execute(PLAN_FOR_VALUES.text)
        nodes = await _plan(connection, str(compiled), values, "ANALYZE, BUFFERS, ")
        assert whole_tables(nodes) == []
        looked = rows_looked_at([node for node in nodes if node.get("Relation Name") == "enrollments"])
        # All rows of a value that has a few more are read at once, and sorted, where that costs less.
        assert sum(looked.values()) <= 1.5 * BOUND


def console_pages() -> Iterator[tuple[Any, int]]:
    """List what the console's pages of events read that is put together, and how many rows they may read."""
    for before in (None, "000000004004"):
        for source, type_, verdict in product((None, "main"), (None, "other"), (None, "main")):
            since, until = (NOON, NOON + DAY) if before else (None, None)
            edges: tuple[dict[str, Any], ...] = ({"before": f"evt_{before}"}, {"after": before}) if before else ({},)
            for edge in edges:
                filters = EventFilters(source, type_, verdict, since, until, **edge)
                most = ROWS_OF_A_LOOK if filters.is_indexed else event_statements.LOOK
                yield event_statements.listed(filters), most
                yield event_statements.looked_back(filters), event_statements.LOOK


@pytest.mark.parametrize(("statement", "most"), list(console_pages()))
async def test_a_page_of_the_console_reads_by_indexes_and_no_more_than_it_may(
    connection: Any, statement: Any, most: int
) -> None:
    compiled = statement.compile(dialect=_DIALECT)
    values = [compiled.params[name] for name in compiled.positiontup or ()]
    await connection.execute(PLAN_FOR_VALUES.text)
    nodes = await _plan(connection, str(compiled), values, "ANALYZE, BUFFERS, ")
    assert whole_tables(nodes) == []
    looked = rows_looked_at(nodes)
    assert max(looked.values(), default=0) <= most, looked


OF_PERSON = {"emails": ["p4004@corp.example"], "accounts": ["main"], "contacts": ["4004"]}
PAGE = 61
STORY: dict[str, Any] = {"email": "p4004@corp.example", **dict.fromkeys(("events", "decisions", "enrollments"), PAGE)}
CONSOLE_VALUES: dict[str, dict[str, Any]] = {
    "reports.journal_store.JOURNAL": {"ids": ["000000004004", "000000004006"], "edge": ROWS, "most": 21},
    "reports.journal_store.JOURNAL_NEWER": {"ids": ["000000004004", "000000004006"], "edge": 0, "most": 51},
    "reports.person_statements.STORY_OLDER": STORY | {"edge": NEWEST, "limit": PAGE},
    "reports.person_statements.STORY_NEWER": STORY | {"edge": "000000004004", "limit": PAGE},
    "reports.person_statements.STANDING": {
        "email": "p4004@corp.example",
        "subjects": ["p4004@corp.example", "corp.example"],
        "own_accounts": ["main", "other"],
        "pools": ["emea", "usa"],
        "capped": ["main"],
        "periods": "{30 days}",
        "owned": ["p4004@corp.example"],
        "accounts": ["main"],
        "contacts": ["4004"],
        "owners": ["p4004@corp.example"],
        "keys": ["p4004@corp.example"],
        "emails": ["p4004@corp.example"],
        "forms": ["p4004@corp.example"],
    },
    "people.forget_statements.RELATED": OF_PERSON | {"most": 201},
    "people.inventory_statements.OWN_ROWS": OF_PERSON | {"most": 201},
    "reports.event_statements.READ": {"id": "000000004004"},
    "reports.event_statements.BECAME": {"ids": ["000000004004", "000000004006"]},
    "reports.event_statements.SENT": {"ids": ["000000004004", "000000004006"]},
}


@pytest.mark.parametrize("name", CONSOLE_VALUES)
async def test_a_page_about_one_person_or_event_reads_next_to_nothing(connection: Any, name: str) -> None:
    nodes = await explained(connection, name, CONSOLE_VALUES[name])
    assert whole_tables(nodes) == []
    assert sum(rows_looked_at(nodes).values()) <= ROWS_OF_A_LOOK, rows_looked_at(nodes)


@pytest.fixture
async def frequent(filled: URL, connection: Any) -> AsyncIterator[Any]:
    """A connection on which one person has 2,000 of each kind of row, where the planner expects some forty."""
    for table, prefix in (("events", "evt_"), ("decisions", "dec_"), ("enrollments", "enr_")):
        await connection.execute(
            f"UPDATE {table} SET id = '{prefix}' || id, email = 'p4004@corp.example' WHERE id < '000000002000'"  # noqa: S608  # our own
        )
        await connection.execute(f"ALTER TABLE {table} ALTER COLUMN email SET (n_distinct = 500)")
        await connection.execute(f"ANALYZE {table} (email)")
    await connection.execute(
        "UPDATE enrollments SET state = 'refused' WHERE id LIKE 'enr%' AND id > 'enr_000000000020'"
    )
    yield connection
    await connection.execute("ROLLBACK")
    await _let_the_planner_know(filled)
    await connection.execute("BEGIN")


async def test_a_page_of_a_person_reads_what_it_shows_however_much_there_is(frequent: Any) -> None:
    bounds = {"STORY_OLDER": PAGE, "STORY_NEWER": PAGE, "STANDING": MOST_LOOKED_AT + 1}
    for name, most in bounds.items():
        edge = NEWEST if name == "STORY_OLDER" else "0"
        full = f"reports.person_statements.{name}"
        nodes = await explained(frequent, full, CONSOLE_VALUES[full] | {"edge": edge})
        assert whole_tables(nodes) == []
        looked = rows_looked_at(nodes)
        assert most - 1 <= max(looked.values()) <= most, str(looked)


@pytest.mark.parametrize("name", sorted(set(STATEMENTS) - LOCKS - READS_ALL))
async def test_no_statement_is_planned_to_read_a_whole_table_that_grows(connection: Any, name: str) -> None:
    assert whole_tables(await generic_plan(connection, name)) == []


async def test_the_last_event_of_a_source_is_found_without_those_of_others(connection: Any) -> None:
    nodes = await explained(
        connection, "reports.source_store.LAST_OF_SOURCES", {"names": ["main", "none", "aaa"], "behind": "evu"}
    )
    assert sum(rows_looked_at(nodes).values()) <= 3  # one for each, whichever source it is of


@pytest.mark.parametrize("name", [name for name, search in searches().items() if search.first is not None])
async def test_a_search_for_an_address_reads_a_page_and_not_the_table(connection: Any, name: str) -> None:
    for statement in (searches()[name].counting, searches()[name].changing, searches()[name].showing):
        sql, names = driver_sql(statement)
        assert whole_tables(await _plan(connection, sql, [None] * len(names))) == []


async def test_what_waits_for_a_domain_is_looked_for_in_a_bounded_part(connection: Any) -> None:
    lists = {"addresses": ["p4004@corp.example"], "domains": ["rival.example"], "patterns": ["*@*.gov"]}
    values = lists | {"looked": BOUND, "most": 10_001, "shown": 10}
    nodes = await explained(connection, "people.waiting_store.WAITING_FIT", values)
    assert sum(rows_looked_at(nodes).values()) <= 2 * BOUND + 1, rows_looked_at(nodes)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("reports.held_store.HELD_FIRST", ME | {"reason": "window", "most": 10}),
        ("outbound.statements.FIRST_WAITING", {"endpoint": "e1", "most": 10}),
    ],
)
async def test_a_sample_reads_what_it_shows(connection: Any, name: str, values: dict[str, Any]) -> None:
    assert sum(rows_looked_at(await explained(connection, name, values)).values()) <= 10


async def test_a_claim_looks_at_what_it_takes_however_many_are_due_at_one_time(connection: Any) -> None:
    nodes = await explained(connection, "enrollments.statements.CLAIM_READY", CLAIM | {"account": "bulk", "limit": 20})
    assert max(rows_looked_at(nodes).values()) <= 3 * 20, rows_looked_at(nodes)


CHUNK: dict[str, Any] = {
    "lacks": [],
    "states": ["parked"],
    "waiting": False,
    "asked_at": LATER,
    "without": ["unsettled"],
    "after": "",
}
NAMED = dict.fromkeys(("reason", "rule", "sender", "source", "account", "since", "until"))


@pytest.mark.parametrize("named", [{"reason": "odd"}, {"rule": "odd"}, {"source": "odd"}, {"sender": "odd"}])
@pytest.mark.parametrize("name", ["COUNT", "FIND", "FIRST_ROWS"])
async def test_a_job_looks_at_the_rows_of_its_states_or_its_reason_alone(
    connection: Any, name: str, named: dict[str, str]
) -> None:
    await connection.execute(PLAN_FOR_VALUES.text)
    nodes = await explained(connection, f"bulk.rows_store.{name}", NAMED | CHUNK | named | {"most": 500})
    assert whole_tables(nodes) == []
    assert sum(rows_looked_at(nodes).values()) <= PARKED_ROWS


async def test_a_chunk_looks_at_little_more_than_it_takes(connection: Any) -> None:
    await connection.execute(PLAN_FOR_VALUES.text)
    values = NAMED | CHUNK | {"states": ["held", "ready"], "waiting": True, "account": "main", "most": 20}
    nodes = await explained(connection, "bulk.rows_store.FIND", values | {"after": "000000004004"})
    assert sum(rows_looked_at(nodes).values()) <= 3 * 2 * 20, rows_looked_at(nodes)


@pytest.mark.parametrize("name", [name for name in POLLED if name.startswith("database.retention.")])
async def test_a_bite_of_the_sweep_looks_at_what_it_takes_however_much_is_too_old(connection: Any, name: str) -> None:
    nodes = await explained(connection, name, {"age": -MONTH, "bite": 20})
    assert sum(rows_looked_at(nodes).values()) <= 3 * 20, rows_looked_at(nodes)
