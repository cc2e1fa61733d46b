from __future__ import annotations

import asyncio
import itertools
import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import LargeBinary

from app.database.schema import metadata
from app.enrollments.transition_statements import RELEASE_INTENTS
from app.model import Endpoint
from app.outbound.retry_schedule import Outcome, Verdict
from app.outbound.store import Outbox
from app.people import forget_statements as sql
from app.people.export import as_json
from app.people.export_store import ExportStore
from app.people.forget import BY_CLI, WAITING_SECONDS, Forgetter
from app.people.forget_store import ForgetStore
from app.people.inventory_store import InventoryStore
from app.people.kept import IMPERSONAL, OWN, SEARCHED
from app.people.whole import named_person
from tests.people.conftest import accept, ask
from tests.people.planted import ADDRESS, CONTACT, MENTIONS, NAME, OTHER, OWN_ROWS

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine


def columns(lines: str) -> set[str]:
    return set(lines.split())


def test_each_column_of_the_schema_has_its_line() -> None:
    for name, table in metadata.tables.items():
        impersonal = columns(" ".join(IMPERSONAL[name].values()))
        someone = columns(OWN.get(name, "")) | columns(SEARCHED.get(name, ""))
        assert {column.name for column in table.columns} == impersonal | someone, name
        assert not impersonal & someone, name


async def run(engine: AsyncEngine, script: str) -> None:
    async with engine.begin() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        await raw.execute(script.format(ADDRESS, NAME, CONTACT))


async def found(engine: AsyncEngine, *wanted: str) -> set[str]:
    """Return each column of the database that holds one of these, in whatever letters."""
    columns = set[str]()
    for table in metadata.tables.values():
        for column in table.columns:
            shown = (
                f"encode({column.name}, 'escape')"
                if isinstance(column.type, LargeBinary)
                else f'CAST("{column.name}" AS text)'
            )
            statement = f"SELECT count(*) FROM {table.name} WHERE {shown} ~* ANY(CAST(:wanted AS text[]))"  # noqa: S608
            ((count,),) = await ask(engine, statement, wanted=list(wanted))
            columns |= {f"{table.name}.{column.name}"} if count else set()
    return columns


async def planted(engine: AsyncEngine, make_entry: Any) -> None:
    await accept(engine, make_entry("e1", ADDRESS), make_entry("e2", OTHER))
    await ask(engine, "UPDATE enrollments SET state = 'enrolled', follow_at = now(), confirm_at = now()")
    await run(engine, MENTIONS)
    await run(engine, OWN_ROWS)


RAW = ("zoe.marker(@|%40|.{0,3}u0040)corp.example", NAME, CONTACT, "902109001")


async def test_a_person_is_erased_from_every_column_that_may_hold_one(
    engine: AsyncEngine, make_entry: Any, forgetter: Forgetter
) -> None:
    await planted(engine, make_entry)
    await InventoryStore(engine).ask("inv_1", ADDRESS, named_person(ADDRESS))
    before = await found(engine, *RAW)
    wanted = {
        f"{table}.{name}" for lines in (OWN, SEARCHED) for table, names in lines.items() for name in names.split()
    }
    assert wanted - before == {"forgettings.person", "enrollments.baseline_date"}
    begun = await forgetter.begin(ADDRESS, by=BY_CLI)
    assert await forgetter.finish(begun.id)
    assert await found(engine, *RAW) == {"outbound.body"}
    ((body,),) = await ask(engine, "SELECT convert_from(body, 'UTF8') FROM outbound WHERE kind = 'forgotten'")
    message = json.loads(body)
    assert message["type"] == "person.forgotten"
    assert message["data"]["emails"] == [ADDRESS]
    assert message["data"]["contacts"] == [{"account": "main", "contact_id": CONTACT}]
    outbox = Outbox(engine, worker="w", lease=timedelta(minutes=1))
    endpoint = Endpoint("crm", "https://crm.example", (), frozenset(), None, "", "f")
    claimed = await outbox.claim([(endpoint, 10)], now=datetime.now(UTC))
    for one in claimed:
        await outbox.record(
            one, endpoint, Outcome(Verdict.DELIVERED, 200, None, None, 5, ADDRESS), now=datetime.now(UTC)
        )
    assert await ask(engine, "SELECT count(*) FROM outbound WHERE kind = 'forgotten' AND body = ''") == [(1,)]
    assert {name for name in await found(engine, *RAW) if name != "outbound.attempts"} == set()


async def test_other_people_keep_what_is_theirs(engine: AsyncEngine, make_entry: Any, forgetter: Forgetter) -> None:
    await planted(engine, make_entry)
    begun = await forgetter.begin(ADDRESS, by=BY_CLI)
    assert await forgetter.finish(begun.id)
    ((note, email),) = await ask(engine, "SELECT data->>'note', email FROM events WHERE email IS NOT NULL")
    assert (note, email) == ("Hi,\n[forgotten]!", OTHER)
    assert await ask(engine, "SELECT email, properties->>'p' FROM enrollments ORDER BY id") == [
        ("forgotten", None),
        (OTHER, "[forgotten]"),
    ]
    kept = await ask(engine, "SELECT convert_from(body, 'UTF8') FROM outbound WHERE kind = 'enrolled'")
    assert kept == [('{"email": "[forgotten]"}',)]


async def test_a_dry_run_counts_and_changes_nothing(engine: AsyncEngine, make_entry: Any, forgetter: Forgetter) -> None:
    await planted(engine, make_entry)
    before = await found(engine, *RAW)
    plan = await forgetter.plan(ADDRESS.upper())
    assert (plan.emails, plan.contacts, plan.endpoints) == ((ADDRESS,), (("main", CONTACT),), ("crm",))
    assert plan.counts["events"] == 2
    assert plan.counts["deliveries"] == 2
    assert plan.counts["intents"] == 1
    assert await found(engine, *RAW) == before
    assert await ask(engine, "SELECT count(*) FROM forgotten") == [(0,)]


async def test_a_forgotten_person_is_stored_without_the_person_and_not_enrolled(
    engine: AsyncEngine, make_entry: Any, forgetter: Forgetter
) -> None:
    await accept(engine, make_entry("e1", ADDRESS))
    begun = await forgetter.begin(ADDRESS, by=BY_CLI)
    assert await forgetter.finish(begun.id)
    await accept(engine, make_entry("e2", ADDRESS.upper()))
    rows = await ask(engine, "SELECT state, reason, email, contact_id FROM enrollments")
    assert rows == [("cancelled", "forgotten", "forgotten", None)]
    assert await ask(
        engine, "SELECT email, verdict, reason, enrollment_id FROM decisions ORDER BY id DESC LIMIT 1"
    ) == [(None, "forgotten", "the person was forgotten", None)]
    assert await ask(engine, "SELECT email, data, provider_id FROM events") == [(None, None, None)] * 2
    assert await ask(engine, "SELECT * FROM deliveries") == []


async def test_an_event_that_is_stored_while_the_tombstone_is_written_sees_it(
    engine: AsyncEngine, make_entry: Any
) -> None:
    store = ForgetStore(engine)
    await store.request("fgt_1", named_person(ADDRESS), by=BY_CLI)
    async with engine.begin() as connection:
        await connection.execute(sql.STOP_DECIDING)
        accepting = asyncio.create_task(accept(engine, make_entry("e1", ADDRESS)))
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = CAST('decisions' AS regclass)"
        async with asyncio.timeout(60):
            while await ask(engine, waiting) == [(0,)]:
                pass
        await connection.execute(sql.BURY, {"id": "fgt_1", "emails": [ADDRESS], "portal_contacts": []})
    await accepting
    assert await ask(engine, "SELECT verdict, email FROM decisions") == [("forgotten", None)]
    assert await ask(engine, "SELECT count(*) FROM enrollments") == [(0,)]


@pytest.mark.parametrize("state", ["working", "uncertain"])
async def test_what_is_on_its_way_ends_first(
    engine: AsyncEngine, make_entry: Any, forgetter: Forgetter, state: str
) -> None:
    await accept(engine, make_entry("e1", ADDRESS))
    sent = "first_sending_at = now(), contact_id = '1', leased_until = now() + interval '1 hour'"
    await ask(engine, f"UPDATE enrollments SET state = '{state}', step = 'sending', {sent}")  # noqa: S608
    begun = await forgetter.begin(ADDRESS, by=BY_CLI)
    assert not await forgetter.finish(begun.id)
    assert await forgetter.work() == WAITING_SECONDS
    assert await ask(engine, "SELECT state, email, contact_id FROM enrollments") == [(state, ADDRESS, "1")]
    await ask(engine, "UPDATE enrollments SET state = 'enrolled'")
    assert await forgetter.work() is None
    assert await ask(engine, "SELECT state, email, contact_id FROM enrollments") == [("enrolled", "forgotten", None)]
    assert await ask(engine, "SELECT person, done_at IS NOT NULL FROM forgettings") == [(None, True)]
    ((kept,),) = await ask(engine, "SELECT email FROM intents")
    assert kept.startswith("forgotten:")


async def test_what_is_on_its_way_may_still_free_its_intent(
    engine: AsyncEngine, make_entry: Any, forgetter: Forgetter
) -> None:
    await accept(engine, make_entry("e1", ADDRESS))
    await ask(engine, "UPDATE enrollments SET state = 'working', leased_until = now() + interval '1 hour'")
    begun = await forgetter.begin(ADDRESS, by=BY_CLI)
    assert not await forgetter.finish(begun.id)
    ids = [id_ for (id_,) in await ask(engine, "UPDATE enrollments SET state = 'refused' RETURNING id")]
    async with engine.begin() as connection:
        await connection.execute(RELEASE_INTENTS, {"ids": ids})
    assert await forgetter.work() is None
    assert await ask(engine, "SELECT * FROM intents") == []


async def test_two_processes_forget_the_same_person_at_once(engine: AsyncEngine, make_entry: Any) -> None:
    await planted(engine, make_entry)
    numbers = itertools.count(1)
    forgetters = [
        Forgetter(ForgetStore(engine), new_id=lambda prefix: f"{prefix}_{next(numbers)}", hash_email=lambda _: "h")
        for _ in range(2)
    ]
    begun = await asyncio.gather(*(one.begin(ADDRESS, by=BY_CLI) for one in forgetters))
    await asyncio.gather(*(one.work() for one in forgetters))
    await asyncio.gather(*(one.finish(this.id) for one in forgetters for this in begun))
    assert await found(engine, *RAW) <= {"outbound.body"}
    assert await ask(engine, "SELECT count(*) FROM outbound WHERE kind = 'forgotten'") == [(2,)]


async def test_a_crash_after_the_request_leaves_it_to_any_worker(
    engine: AsyncEngine, make_entry: Any, forgetter: Forgetter
) -> None:
    await planted(engine, make_entry)
    await ForgetStore(engine).request("fgt_9", named_person(ADDRESS), by=BY_CLI)
    assert await forgetter.work() is None
    assert await found(engine, *RAW) <= {"outbound.body"}


async def test_who_comes_back_may_be_enrolled_again_and_once_still_holds(
    engine: AsyncEngine, make_entry: Any, forgetter: Forgetter
) -> None:
    await accept(engine, make_entry("e1", ADDRESS))
    await ask(engine, "UPDATE enrollments SET state = 'enrolled'")
    await ask(engine, f"INSERT INTO suppressions VALUES ('{ADDRESS}', 'address', NULL, NULL, now())")  # noqa: S608
    begun = await forgetter.begin(ADDRESS, by=BY_CLI)
    assert await forgetter.finish(begun.id)
    assert await forgetter.lift(ADDRESS, by=BY_CLI)
    assert not await forgetter.lift(ADDRESS, by=BY_CLI)
    await accept(engine, make_entry("e2", ADDRESS), make_entry("e3", ADDRESS, intent="other"))
    verdicts = await ask(engine, "SELECT verdict FROM decisions ORDER BY id")
    assert verdicts == [("enroll",), ("duplicate",), ("enroll",)]
    assert await ask(engine, "SELECT value FROM suppressions") == [(ADDRESS,)]


async def test_a_person_is_found_by_the_contact_and_all_its_addresses(
    engine: AsyncEngine, make_entry: Any, forgetter: Forgetter
) -> None:
    await accept(engine, make_entry("e1", ADDRESS), make_entry("e2", "zoe@home.example"))
    await ask(engine, "INSERT INTO hubspot_accounts VALUES ('main', '77', NULL, now())")
    await ask(engine, "UPDATE enrollments SET state = 'enrolled', contact_id = '5'")
    await forgetter.begin_contacts(["main"], [("77", "5"), ("78", "5")])
    assert await forgetter.work() is None
    assert await ask(engine, "SELECT email FROM enrollments") == [("forgotten",)] * 2
    await forgetter.begin_contacts(["main"], [("77", "5")])
    assert await ask(engine, "SELECT count(*) FROM forgettings") == [(2,)]
    await accept(engine, make_entry("e3", "zoe@home.example"))
    assert await ask(engine, "SELECT verdict FROM decisions ORDER BY id DESC LIMIT 1") == [("forgotten",)]


async def test_an_export_has_all_that_is_kept(engine: AsyncEngine, make_entry: Any) -> None:
    await planted(engine, make_entry)
    exported = json.loads(as_json(await ExportStore(engine).export(ADDRESS)))
    columns = {
        f"{table}.{name}"
        for table, rows in exported["tables"].items()
        for row in rows
        for name, value in row.items()
        if any(re.search(one, json.dumps(value), re.IGNORECASE) for one in RAW)
    }
    assert columns == await found(engine, *RAW)
    assert exported["tables"]["events"][0]["received_at"].endswith("Z")
