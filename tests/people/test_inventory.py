"""Looking through everything for a person: by turns, whatever crashes, by one worker at a time, and for a day."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from app.database.retention import prune
from app.database.schema import metadata
from app.errors import FenceLost
from app.people.forget import BY_CLI, Forgetter
from app.people.forget_store import ForgetStore
from app.people.inventory import IN_ONE_TURN, TABLES, InventoryRunner
from app.people.inventory_statements import CLAIM
from app.people.inventory_store import MOST, Inventory, InventoryStore, Taken
from app.people.whole import named_person
from tests.people.conftest import accept, ask
from tests.people.planted import ADDRESS, CONTACT, MENTIONS, OTHER, OWN_ROWS

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

LEASE = 60.0
MANY_EVENTS = """
    INSERT INTO events (id, delivery_id, source, type, received_at, data)
    SELECT 'evt_' || lpad(CAST(n AS text), 9, '0'), 'dlv', 'crm', 'note', now(),
           CASE WHEN n % 4000 = 0 THEN '{"by": "zoe.marker@corp.example"}' ELSE '{}' END::jsonb
    FROM generate_series(1, 12000) AS n
"""

MORE_EVENTS = """
    INSERT INTO events (id, delivery_id, source, type, received_at, email)
    SELECT 'evt_' || n, 'dlv', 'crm', 'note', now(), :email FROM generate_series(1, CAST(:many AS integer)) AS n
"""


@pytest.fixture
def store(engine: AsyncEngine) -> InventoryStore:
    return InventoryStore(engine)


@pytest.fixture
def runner(engine: AsyncEngine, store: InventoryStore) -> InventoryRunner:
    return InventoryRunner(store, ForgetStore(engine))


async def planted(engine: AsyncEngine, make_entry: Any) -> None:
    await accept(engine, make_entry("e1", ADDRESS), make_entry("e2", OTHER))
    for script in (MENTIONS, OWN_ROWS):
        async with engine.begin() as connection:
            raw = (await connection.get_raw_connection()).driver_connection
            assert raw is not None
            await raw.execute(script.format(ADDRESS, "Zoemarkername", CONTACT))


async def asked(store: InventoryStore, number: int = 1, address: str = ADDRESS) -> bool:
    return await store.ask(f"inv_{number}", address, named_person(address))


async def shown(store: InventoryStore, address: str = ADDRESS) -> Inventory:
    found = await store.show(address)
    assert found is not None
    return found


async def claimed(store: InventoryStore) -> Taken:
    taken = await store.claim(lease=LEASE)
    assert taken is not None
    return taken


async def lapse(engine: AsyncEngine) -> None:
    """End the lease of the worker that has the turn: it has crashed a minute ago."""
    await ask(engine, "UPDATE inventories SET leased_until = now() - interval '1 second'")


async def finish(runner: InventoryRunner) -> None:
    while await runner.once() is not None:
        pass


async def test_it_counts_what_a_dry_run_of_forgetting_counts_and_changes_nothing(
    engine: AsyncEngine, make_entry: Any, store: InventoryStore, runner: InventoryRunner, forgetter: Forgetter
) -> None:
    await planted(engine, make_entry)
    rows = {name: await ask(engine, f"SELECT * FROM {name}") for name in metadata.tables if name != "inventories"}  # noqa: S608  # our own
    assert await asked(store)
    assert not await asked(store, 2)  # it is not done yet
    await finish(runner)
    one = await shown(store)
    assert one.done_at is not None
    assert one.counts == (await forgetter.plan(ADDRESS)).counts
    assert one.counts["events"] == 2
    assert (one.asked_by, one.error) == ("system", None)
    for name, before in rows.items():
        assert await ask(engine, f"SELECT * FROM {name}") == before, name  # noqa: S608  # our own
    assert await ask(engine, "SELECT person FROM inventories") == [(None,)]
    assert await asked(store, 3)
    again = await shown(store)
    assert (again.done_at, again.tables_done, again.tables, again.counts) == (None, 0, len(TABLES), {})


async def test_a_large_table_takes_several_turns_each_of_which_goes_on_where_the_last_one_ended(
    engine: AsyncEngine, store: InventoryStore
) -> None:
    await ask(engine, MANY_EVENTS)
    await asked(store)
    runner = InventoryRunner(store, ForgetStore(engine), turn=0.0)
    ends = []
    while await runner.once() is not None:
        ends += [row[0] for row in await ask(engine, "SELECT found->'events' FROM inventories") if row[0] is not None]
    assert [end for number, end in enumerate(ends) if end not in ends[:number]] == [
        [1, "evt_000005000"],
        [2, "evt_000010000"],
        [3, "evt_000012000"],
        [3, None],
    ]
    assert (await shown(store)).counts["events"] == 3


async def test_what_a_crash_leaves_another_worker_goes_on_with_and_the_first_one_writes_nothing(
    engine: AsyncEngine, make_entry: Any, store: InventoryStore, runner: InventoryRunner
) -> None:
    await planted(engine, make_entry)
    await asked(store)
    for _ in range(3):
        await runner.once()
    crashed = await claimed(store)
    assert (await shown(store)).tables_done == 3
    assert await runner.once() is None  # the lease holds
    await lapse(engine)
    other = await claimed(store)
    assert (other.id, other.attempt, other.found) == (crashed.id, crashed.attempt + 1, crashed.found)
    with pytest.raises(FenceLost):
        await store.move_on(crashed, TABLES[3], 99, None)
    with pytest.raises(FenceLost):
        await store.finish(crashed, {"events": 99})
    await lapse(engine)
    await finish(runner)
    assert (await shown(store)).counts["events"] == 2


async def test_of_two_workers_one_has_the_turn(engine: AsyncEngine, store: InventoryStore) -> None:
    await asked(store)
    taken = await asyncio.gather(*(InventoryStore(engine).claim(lease=LEASE) for _ in range(4)))
    assert len([one for one in taken if one is not None]) == 1
    await asked(store, 2, OTHER)
    assert (await claimed(store)).id == "inv_2"  # another person's is not kept waiting


async def test_a_worker_does_not_wait_for_one_that_takes_a_turn_at_that_moment(
    engine: AsyncEngine, store: InventoryStore
) -> None:
    await asked(store)
    async with engine.begin() as connection, asyncio.timeout(30):
        assert (await connection.execute(CLAIM, {"lease": LEASE})).one().id == "inv_1"
        assert await store.claim(lease=LEASE) is None


async def test_two_workers_end_one_inventory_once(
    engine: AsyncEngine, make_entry: Any, store: InventoryStore, runner: InventoryRunner, forgetter: Forgetter
) -> None:
    await planted(engine, make_entry)
    await asked(store)
    other = InventoryRunner(InventoryStore(engine), ForgetStore(engine), turn=0.0)
    while (await shown(store)).done_at is None:
        await asyncio.gather(runner.once(), other.once())
    assert (await shown(store)).counts == (await forgetter.plan(ADDRESS)).counts


async def test_a_defect_ends_an_inventory_and_keeps_no_other_one_waiting(
    engine: AsyncEngine, store: InventoryStore, runner: InventoryRunner
) -> None:
    await asked(store)
    await ask(engine, """UPDATE inventories SET found = '{"events": ["no number", ""]}'""")
    await asked(store, 2, OTHER)
    await finish(runner)
    broken = await shown(store)
    assert (broken.done_at is not None, broken.counts) == (True, {})
    assert broken.error is not None
    assert broken.error.startswith("a defect (")
    assert (await shown(store, OTHER)).error is None
    assert await ask(engine, "SELECT id FROM inventories WHERE person IS NOT NULL") == []


async def test_forgetting_a_person_drops_the_inventory_also_one_that_is_worked_on(
    engine: AsyncEngine, make_entry: Any, store: InventoryStore, runner: InventoryRunner, forgetter: Forgetter
) -> None:
    await planted(engine, make_entry)
    await asked(store)
    await asked(store, 2, OTHER)
    taken = await claimed(store)
    begun = await forgetter.begin(ADDRESS, by=BY_CLI)
    assert await store.show(ADDRESS) is None
    with pytest.raises(FenceLost):
        await store.move_on(taken, TABLES[0], 1, None)
    await asked(store, 3)  # while the person is being forgotten
    assert await forgetter.finish(begun.id)
    assert await ask(engine, "SELECT id FROM inventories") == [("inv_2",)]
    await asked(store, 4)
    await finish(runner)
    assert (await shown(store)).counts == {}


async def test_it_is_kept_for_a_day_and_then_names_nobody_whether_it_is_done_or_not(
    engine: AsyncEngine, store: InventoryStore, runner: InventoryRunner
) -> None:
    await asked(store)
    await finish(runner)
    await asked(store, 2, OTHER)
    taken = await claimed(store)
    await prune(engine, retention=timedelta(days=30), dedupe=timedelta(days=7))
    assert await ask(engine, "SELECT count(*) FROM inventories") == [(2,)]
    await ask(engine, "UPDATE inventories SET asked_at = now() - interval '25 hours'")
    await prune(engine, retention=timedelta(days=30), dedupe=timedelta(days=7))
    assert await ask(engine, "SELECT id FROM inventories") == []
    with pytest.raises(FenceLost):
        await store.move_on(taken, TABLES[0], 1, None)


async def test_what_stands_under_own_keys_is_counted_up_to_a_number(
    engine: AsyncEngine, make_entry: Any, store: InventoryStore, forgetter: Forgetter
) -> None:
    await planted(engine, make_entry)
    person = await ForgetStore(engine).whole(named_person(ADDRESS))
    own = await store.own(person)
    assert not own.forgotten
    assert own.counts == {
        "decisions": 1, "deliveries": 1, "enrichments": 1, "enrollments": 1, "events": 1, "intents": 1, "journal": 1,
        "outbound": 1, "suppressions": 1,
    }  # fmt: skip
    await ask(engine, MORE_EVENTS, email=ADDRESS, many=MOST + 50)
    assert (await store.own(person)).counts["events"] == MOST + 1
    begun = await forgetter.begin(ADDRESS, by=BY_CLI)
    assert await forgetter.finish(begun.id)
    gone = await store.own(await ForgetStore(engine).whole(named_person(ADDRESS)))
    assert gone.forgotten
    assert set(gone.counts.values()) == {0}


async def test_addresses_and_contacts_lead_to_each_other_however_long_the_chain_is(
    engine: AsyncEngine, make_entry: Any
) -> None:
    length = 14
    await accept(engine, *(make_entry(f"e{number}", f"p{number}@corp.example") for number in range(length)))
    for number in range(length):
        # The enrollment of each event also has the contact of the one before.
        await ask(
            engine,
            "UPDATE enrollments SET contact_id = :contact WHERE email = :email",
            contact=str(number // 2),
            email=f"p{number}@corp.example",
        )
    copied = """
        INSERT INTO enrollments SELECT (jsonb_populate_record(enrollments, jsonb_build_object(
            'id', 'copy_' || id, 'contact_id', CAST(contact_id AS integer) + 1))).*
        FROM enrollments WHERE CAST(substring(email FROM '[0-9]+') AS integer) % 2 = 1
    """
    async with engine.begin() as connection:
        await connection.execute(text(copied))
    people = ForgetStore(engine)
    whole = await people.whole(named_person("p0@corp.example"))
    assert set(whole.emails) == {f"p{number}@corp.example" for number in range(length)}
    assert len(whole.contacts) == length // 2 + 1
    assert await people.whole(whole) == whole


def test_no_key_that_names_a_person_is_kept_between_two_turns() -> None:
    assert {"suppressions"} == IN_ONE_TURN
