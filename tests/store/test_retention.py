from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.errors import Unauthentic
from app.store.group_commit import GroupCommit
from app.store.refused import KEPT_BODY_BYTES, RefusedDeliveries
from app.store.retention import prune

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine


async def ask(engine: AsyncEngine, statement: str) -> list[Any]:
    async with engine.begin() as connection:
        result = await connection.execute(text(statement))
        return [tuple(row) for row in result] if result.returns_rows else []


async def test_payloads_go_and_receipts_and_keys_stay(engine: AsyncEngine, make_entry: Any) -> None:
    writer = GroupCommit(engine.url)
    writer.start()
    await writer.accept(make_entry("old"))
    await writer.accept(make_entry("new", "new@corp.example"))
    await ask(engine, "UPDATE deliveries SET received_at = now() - interval '31 days' WHERE id LIKE '%004'")
    await ask(engine, "UPDATE deliveries SET received_at = now() WHERE id NOT LIKE '%004'")
    await ask(engine, "UPDATE events SET received_at = now() - interval '31 days' WHERE provider_id = 'old'")
    await ask(engine, "UPDATE events SET received_at = now() WHERE provider_id = 'new'")
    await prune(engine, retention=timedelta(days=30), dedupe=timedelta(days=45))
    assert await ask(engine, "SELECT id FROM deliveries") == [("dlv_000008",)]
    assert await ask(engine, "SELECT provider_id, data IS NULL FROM events ORDER BY id") == [
        ("old", True),
        ("new", False),
    ]
    assert await ask(engine, "SELECT count(*) FROM decisions") == [(2,)]
    again = await writer.accept(make_entry("old"))
    await writer.close()
    assert again.first_delivery_id == "dlv_000004"


async def test_event_keys_go_only_after_their_own_time(engine: AsyncEngine, make_entry: Any) -> None:
    writer = GroupCommit(engine.url)
    writer.start()
    await writer.accept(make_entry("e1"))
    await writer.close()
    await ask(engine, "UPDATE event_keys SET seen_at = now() - interval '6 days'")
    await prune(engine, retention=timedelta(days=1), dedupe=timedelta(days=7))
    assert await ask(engine, "SELECT count(*) FROM event_keys") == [(1,)]
    await ask(engine, "UPDATE event_keys SET seen_at = now() - interval '8 days'")
    await prune(engine, retention=timedelta(days=1), dedupe=timedelta(days=7))
    assert await ask(engine, "SELECT count(*) FROM event_keys") == [(0,)]


async def test_the_last_twenty_refused_deliveries_of_a_source_are_kept(engine: AsyncEngine, make_entry: Any) -> None:
    refused = RefusedDeliveries(engine)
    delivery = make_entry("e1").delivery
    for number in range(25):
        changed = type(delivery)(
            f"dlv_{number:06d}",
            "crm",
            delivery.received_at,
            "POST",
            "https://x.example/\x00",
            {"x-odd": "\x00"},
            b"x" * (KEPT_BODY_BYTES + 1),
        )
        await refused._write(changed, Unauthentic("signature_mismatch"))
    kept = await ask(engine, "SELECT id, length(body) FROM refused_deliveries ORDER BY id")
    assert kept == [(f"dlv_{number:06d}", KEPT_BODY_BYTES) for number in range(5, 25)]
    await ask(engine, "UPDATE refused_deliveries SET received_at = now() - interval '25 hours'")
    await prune(engine, retention=timedelta(days=30), dedupe=timedelta(days=7))
    assert await ask(engine, "SELECT count(*) FROM refused_deliveries") == [(0,)]


async def test_outbound_events_go_with_the_payloads_but_not_from_under_a_sender(engine: AsyncEngine) -> None:
    columns = "id, endpoint, kind, body, state, due_at, created_at, updated_at"
    for age in (29, 31):
        for state in ("waiting", "sending", "delivered", "failed"):
            created = f"now() - interval '{age} days'"
            values = f"'out_{state}_{age}', 'crm', 'enrolled', '', '{state}', now(), {created}, now()"
            await ask(engine, f"INSERT INTO outbound ({columns}) VALUES ({values})")  # noqa: S608  # a test's own
    await ask(engine, "UPDATE outbound SET leased_until = now() + interval '1 minute' WHERE state = 'sending'")
    await prune(engine, retention=timedelta(days=30), dedupe=timedelta(days=7))
    kept = await ask(engine, "SELECT id FROM outbound WHERE id LIKE '%31' ORDER BY id")
    assert kept == [("out_sending_31",)]
    assert await ask(engine, "SELECT count(*) FROM outbound") == [(5,)]
    # Its process has died, and its endpoint has left the rules: nobody would ever take it up.
    await ask(engine, "UPDATE outbound SET leased_until = now() WHERE state = 'sending'")
    await prune(engine, retention=timedelta(days=30), dedupe=timedelta(days=7))
    assert await ask(engine, "SELECT count(*) FROM outbound") == [(4,)]
