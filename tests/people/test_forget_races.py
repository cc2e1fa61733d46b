"""Forgetting someone while other things go on: what ends meanwhile, comes back, or was there twice."""

from __future__ import annotations

import asyncio
import itertools
import json
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.event import listen

from app.database.engine import open_engine
from app.errors import Unauthenticated
from app.intake.group_commit import GroupCommit
from app.intake.rejected_store import RejectedDeliveries
from app.people.forget import BY_CLI, Forgetter
from app.people.forget_store import ForgetStore
from app.people.whole import named_person
from tests.people.conftest import accept, ask
from tests.people.planted import ADDRESS

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

WORKING = """
    UPDATE enrollments SET state = 'working', step = 'sending', first_sending_at = now(),
        leased_until = now() + interval '1 hour'
"""
# A worker that ends its work between two statements of a turn.
ENDS_MEANWHILE = """
    CREATE FUNCTION ends() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO outbound (id, endpoint, kind, enrollment_id, body, state, due_at, created_at, updated_at)
            SELECT 'out_1', 'crm', 'enrolled', id, convert_to(email, 'UTF8'), 'waiting', now(), now(), now()
            FROM enrollments WHERE state = 'working';
        UPDATE enrollments SET state = 'enrolled', contact_id = '7' WHERE state = 'working';
        RETURN NULL;
    END $$;
    CREATE TRIGGER ends AFTER DELETE ON deliveries FOR EACH STATEMENT EXECUTE FUNCTION ends();
"""


async def script(engine: AsyncEngine, statements: str) -> None:
    async with engine.begin() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        await raw.execute(statements)


async def test_what_ends_between_two_statements_is_erased_too(
    engine: AsyncEngine, make_entry: Any, forgetter: Forgetter
) -> None:
    await accept(engine, make_entry("e1", ADDRESS))
    await ask(engine, "INSERT INTO hubspot_accounts VALUES ('main', '77', NULL, now())")
    await ask(engine, WORKING)
    await ForgetStore(engine).request("fgt_9", named_person(ADDRESS), by=BY_CLI)
    await script(engine, ENDS_MEANWHILE)
    while await forgetter.work() is not None:
        pass
    assert await ask(engine, "SELECT state, email, contact_id FROM enrollments") == [("enrolled", "forgotten", None)]
    assert await ask(engine, "SELECT count(*) FROM outbound WHERE kind = 'enrolled'") == [(0,)]
    assert await ask(engine, "SELECT kind, count(*) FROM forgotten GROUP BY kind ORDER BY kind") == [
        ("address", 1),
        ("contact", 1),
    ]


async def test_a_contact_that_is_found_on_the_way_gets_a_tombstone_first(
    engine: AsyncEngine, make_entry: Any, forgetter: Forgetter
) -> None:
    await accept(engine, make_entry("e1", ADDRESS))
    await ask(engine, "INSERT INTO hubspot_accounts VALUES ('main', '77', NULL, now())")
    await ask(engine, WORKING)
    begun = await forgetter.begin(ADDRESS, by=BY_CLI)
    await ask(engine, "UPDATE enrollments SET state = 'enrolled', contact_id = '7'")
    assert not await ForgetStore(engine).erase(begun.id, finish=True)
    assert await forgetter.finish(begun.id)
    assert await ask(engine, "SELECT count(*) FROM forgotten WHERE kind = 'contact'") == [(1,)]


async def test_a_suppression_that_is_made_again_is_forgotten_again_and_lifted(
    engine: AsyncEngine, forgetter: Forgetter
) -> None:
    suppress = f"INSERT INTO suppressions VALUES ('{ADDRESS}', 'address', NULL, NULL, now())"  # noqa: S608  # ours
    for _ in range(2):
        await ask(engine, suppress)
        assert await forgetter.finish((await forgetter.begin(ADDRESS, by=BY_CLI)).id)
        ((kept,),) = await ask(engine, "SELECT value FROM suppressions")
        assert kept.startswith("forgotten:")
    await ask(engine, suppress)
    assert await forgetter.lift(ADDRESS, by=BY_CLI)
    assert await ask(engine, "SELECT value FROM suppressions") == [(ADDRESS,)]


async def test_an_intent_that_a_backup_brings_back_is_kept_once_and_longest(
    engine: AsyncEngine, make_entry: Any, forgetter: Forgetter
) -> None:
    await accept(engine, make_entry("e1", ADDRESS))
    await ask(engine, "UPDATE enrollments SET state = 'enrolled'")
    assert await forgetter.finish((await forgetter.begin(ADDRESS, by=BY_CLI)).id)
    again = f"INSERT INTO intents SELECT account, intent, '{ADDRESS}', enrollment_id, 'infinity' FROM intents"  # noqa: S608  # ours
    await ask(engine, again)
    assert await forgetter.finish((await forgetter.begin(ADDRESS, by=BY_CLI)).id)
    held = "SELECT email LIKE 'forgotten:%', until = 'infinity' FROM intents"
    assert await ask(engine, held) == [(True, True)]
    await ask(engine, again)
    assert await forgetter.lift(ADDRESS, by=BY_CLI)
    assert await ask(engine, "SELECT email, until = 'infinity' FROM intents") == [(ADDRESS, True)]


async def test_a_domain_is_no_person(engine: AsyncEngine, forgetter: Forgetter) -> None:
    await ask(engine, "INSERT INTO suppressions VALUES ('corp.example', 'domain', NULL, 'a customer', now())")
    await ask(engine, "INSERT INTO sticky_senders VALUES ('main', 'left', 'corp.example', 'anna', now())")
    assert await forgetter.finish((await forgetter.begin("corp.example", by=BY_CLI)).id)
    assert await ask(engine, "SELECT value, reason FROM suppressions") == [("corp.example", "a customer")]
    assert await ask(engine, "SELECT subject FROM sticky_senders") == [("corp.example",)]


async def test_one_request_that_cannot_be_done_keeps_no_other_waiting(
    engine: AsyncEngine, make_entry: Any, forgetter: Forgetter
) -> None:
    await accept(engine, make_entry("e1", ADDRESS))
    await ask(engine, "INSERT INTO forgettings (id, requested_by, requested_at, person) VALUES ('a', 'x', now(), '{}')")
    await ForgetStore(engine).request("b", named_person(ADDRESS), by=BY_CLI)
    with pytest.raises(KeyError):
        await forgetter.work()
    assert await ask(engine, "SELECT id, done_at IS NOT NULL FROM forgettings ORDER BY id") == [
        ("a", False),
        ("b", True),
    ]


@pytest.mark.parametrize(("came", "kept"), [(timedelta(minutes=-5), 0), (timedelta(hours=1), 1)])
async def test_a_refused_request_that_waits_in_memory_is_not_written_after_someone_was_forgotten(
    engine: AsyncEngine, make_entry: Any, forgetter: Forgetter, came: timedelta, kept: int
) -> None:
    delivery = make_entry("e1", ADDRESS).delivery
    assert await forgetter.finish((await forgetter.begin(ADDRESS, by=BY_CLI)).id)
    ((written,),) = await ask(engine, "SELECT requested_at FROM forgettings")
    await ask(engine, "UPDATE forgettings SET requested_at = now() - interval '1 minute'")
    changed = replace(delivery, received_at=written + came)
    await RejectedDeliveries(engine, now=lambda: written)._write(changed, Unauthenticated("signature_mismatch"))
    assert await ask(engine, "SELECT count(*) FROM refused_deliveries") == [(kept,)]


async def test_events_that_two_processes_receive_meanwhile_leave_nothing(
    engine: AsyncEngine, make_entry: Any, forgetter: Forgetter
) -> None:
    async def receive(number: int) -> None:
        writer = GroupCommit(engine.url)
        writer.start()
        entries = [make_entry(f"e{number}_{n}", ADDRESS, intent=f"i{number}_{n}") for n in range(100)]
        await asyncio.gather(*(writer.accept(entry) for entry in entries))
        await writer.close()

    receiving = [asyncio.create_task(receive(number)) for number in range(4)]
    begun = await forgetter.begin(ADDRESS, by=BY_CLI)
    await asyncio.gather(*receiving)
    assert await forgetter.finish(begun.id)
    assert await ask(engine, "SELECT count(*) FROM events WHERE email IS NOT NULL OR data IS NOT NULL") == [(0,)]
    assert await ask(engine, "SELECT count(*) FROM decisions WHERE email IS NOT NULL") == [(0,)]
    assert await ask(engine, "SELECT count(*) FROM deliveries") == [(0,)]
    left = "SELECT count(*) FROM enrollments WHERE email <> 'forgotten' OR state <> 'cancelled'"
    assert await ask(engine, left) == [(0,)]
    assert await ask(engine, "SELECT count(*) FROM intents WHERE email NOT LIKE 'forgotten:%'") == [(0,)]


@pytest.mark.parametrize("step", [1, 4, 9, 16, 25, 40])
async def test_another_process_goes_on_where_one_was_killed(
    engine: AsyncEngine, make_entry: Any, forgetter: Forgetter, step: int
) -> None:
    await accept(engine, make_entry("e1", ADDRESS), make_entry("e2", "bob@corp.example"))
    await ask(engine, "UPDATE events SET data = CAST(:j AS jsonb)", j=json.dumps({"by": ADDRESS}))
    await ForgetStore(engine).request("fgt_9", named_person(ADDRESS), by=BY_CLI)
    left = itertools.count(step, -1)

    def killed(*_: object) -> None:
        if next(left) == 0:
            raise KeyboardInterrupt

    doomed = open_engine(engine.url)
    listen(doomed.sync_engine, "before_cursor_execute", killed)
    with suppress(KeyboardInterrupt):
        await Forgetter(ForgetStore(doomed), new_id=lambda _: "x", hash_email=lambda _: "h").work()
    await doomed.dispose()
    assert await forgetter.work() is None
    assert await ask(engine, "SELECT state, email FROM enrollments ORDER BY id") == [
        ("cancelled", "forgotten"),
        ("ready", "bob@corp.example"),
    ]
    assert await ask(engine, "SELECT data FROM events ORDER BY id") == [(None,), ({"by": "[forgotten]"},)]
    assert await ask(engine, "SELECT count(*) FROM forgettings WHERE done_at IS NOT NULL") == [(1,)]
