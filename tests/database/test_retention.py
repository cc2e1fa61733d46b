from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import text

from app.clock import utc_now
from app.database.retention import prune
from app.errors import Unauthenticated
from app.ids import Ids
from app.intake.group_commit import GroupCommit
from app.intake.rejected_store import KEPT_BODY_BYTES, RejectedDeliveries
from app.model import Decision, RuleFact, Verdict

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
    await ask(engine, "UPDATE events SET answers = jsonb_build_object('Size', '50+')")
    await ask(engine, "UPDATE events SET received_at = now() - interval '31 days' WHERE provider_id = 'old'")
    await ask(engine, "UPDATE events SET received_at = now() WHERE provider_id = 'new'")
    await prune(engine, retention=timedelta(days=30), dedupe=timedelta(days=45))
    assert await ask(engine, "SELECT id FROM deliveries") == [("dlv_000008",)]
    assert await ask(engine, "SELECT provider_id, data IS NULL, answers IS NULL FROM events ORDER BY id") == [
        ("old", True, True),
        ("new", False, False),
    ]
    assert await ask(engine, "SELECT count(*) FROM decisions") == [(2,)]
    again = await writer.accept(make_entry("old"))
    await writer.close()
    assert again.first_delivery_id == "dlv_000004"


async def test_deliveries_are_found_by_the_time_in_their_ids(engine: AsyncEngine, make_entry: Any) -> None:
    writer = GroupCommit(engine.url)
    writer.start()
    for days in (31, 29):
        received = utc_now() - timedelta(days=days)
        entry = make_entry(f"e{days}")
        id_ = Ids(clock=partial(int, received.timestamp() * 1000))("dlv")
        await writer.accept(replace(entry, delivery=replace(entry.delivery, id=id_, received_at=received)))
    await writer.close()
    await prune(engine, retention=timedelta(days=30), dedupe=timedelta(days=45))
    assert await ask(engine, "SELECT received_at > now() - interval '30 days' FROM deliveries") == [(True,)]


async def test_the_values_that_decisions_quote_go_with_the_payload(engine: AsyncEngine, make_entry: Any) -> None:
    facts = [RuleFact(name, 5, matched=False, because="its condition is false") for name in ("one", "two")]
    writer = GroupCommit(engine.url)
    writer.start()
    for name in ("old", "new"):
        entry = make_entry(name)
        recorded = entry.events[0].decisions[0]
        quoted = (replace(facts[0], detail='event.data.plan is "pro"'), facts[1])
        none = replace(recorded, enrollment_id=None, decision=Decision(Verdict.NONE, "no", "abc", facts=quoted))
        await writer.accept(replace(entry, events=(replace(entry.events[0], decisions=(none,)),)))
    await writer.close()
    await ask(engine, "UPDATE events SET received_at = now() - interval '31 days' WHERE provider_id = 'old'")
    await ask(engine, "UPDATE events SET received_at = now() WHERE provider_id = 'new'")
    await prune(engine, retention=timedelta(days=30), dedupe=timedelta(days=45))
    (old,), (new,) = await ask(engine, "SELECT facts FROM decisions ORDER BY id")
    plain = [{"rule": f.rule, "line": f.line, "matched": False, "because": f.because, "error": False} for f in facts]
    assert old == plain
    assert new == [plain[0] | {"detail": 'event.data.plan is "pro"'}, plain[1]]


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
    refused = RejectedDeliveries(engine)
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
        refused.keep(changed, Unauthenticated("signature_mismatch"))
        await refused._write(*refused._queue.get_nowait())
    kept = await ask(engine, "SELECT id, length(body) FROM refused_deliveries ORDER BY id")
    assert kept == [(f"dlv_{number:06d}", KEPT_BODY_BYTES) for number in range(5, 25)]
    await ask(engine, "UPDATE refused_deliveries SET received_at = now() - interval '25 hours'")
    await prune(engine, retention=timedelta(days=30), dedupe=timedelta(days=7))
    assert await ask(engine, "SELECT count(*) FROM refused_deliveries") == [(0,)]


async def noted(engine: AsyncEngine, state: str, created: int, touched: int) -> None:
    """Have an event noted, and last touched, so many days ago."""
    columns = "id, endpoint, kind, body, state, due_at, created_at, updated_at"
    ages = f"now() - interval '{created} days', now() - interval '{touched} days'"
    values = f"'out_{state}_{created}', 'crm', 'enrolled', '', '{state}', now(), {ages}"
    await ask(engine, f"INSERT INTO outbound ({columns}) VALUES ({values})")  # noqa: S608  # a test's own


async def test_outbound_events_go_with_the_payloads_but_not_from_under_a_sender(engine: AsyncEngine) -> None:
    for age in (29, 31):
        for state in ("waiting", "sending", "delivered", "failed"):
            await noted(engine, state, age, age)
    await ask(engine, "UPDATE outbound SET leased_until = now() + interval '1 minute' WHERE state = 'sending'")
    await prune(engine, retention=timedelta(days=30), dedupe=timedelta(days=7))
    kept = await ask(engine, "SELECT id FROM outbound WHERE id LIKE '%31' ORDER BY id")
    assert kept == [("out_sending_31",)]
    assert await ask(engine, "SELECT count(*) FROM outbound") == [(5,)]
    # Its process has died, and its endpoint has left the rules: no process would ever take it up.
    await ask(engine, "UPDATE outbound SET leased_until = now() WHERE state = 'sending'")
    await prune(engine, retention=timedelta(days=30), dedupe=timedelta(days=7))
    assert await ask(engine, "SELECT count(*) FROM outbound") == [(4,)]


async def test_what_an_endpoint_has_not_taken_outlives_a_short_retention(engine: AsyncEngine) -> None:
    for state in ("waiting", "failed", "delivered"):
        for age in (13, 15):
            await noted(engine, state, age, age)
    await noted(engine, "waiting", 16, 1)  # an operator replayed it yesterday
    await prune(engine, retention=timedelta(hours=1), dedupe=timedelta(days=7))
    kept = await ask(engine, "SELECT id FROM outbound ORDER BY id")
    assert kept == [("out_failed_13",), ("out_waiting_13",), ("out_waiting_16",)]


async def test_what_is_given_up_unsent_is_counted_and_logged(engine: AsyncEngine) -> None:
    await noted(engine, "waiting", 31, 31)
    await noted(engine, "sending", 32, 31)
    await ask(engine, "UPDATE outbound SET leased_until = now() WHERE state = 'sending'")
    await noted(engine, "failed", 33, 31)  # that was counted when it failed
    await noted(engine, "delivered", 34, 34)
    stopping, reported = asyncio.Event(), list[tuple[str, int]]()

    def expired(endpoint: str, count: int) -> None:
        reported.append((endpoint, count))
        stopping.set()

    with structlog.testing.capture_logs() as logs:
        await prune(
            engine,
            retention=timedelta(days=30),
            dedupe=timedelta(days=7),
            expired=expired,
            stopping=stopping.is_set,
        )
    assert reported == [("crm", 2)]
    assert await ask(engine, "SELECT id FROM outbound") == []
    (line,) = [line for line in logs if line["event"] == "outbound.expired"]
    assert (line["endpoint"], line["count"], line["log_level"]) == ("crm", 2, "warning")


async def test_how_an_endpoint_answered_under_an_old_secret_goes_and_the_last_word_stays(engine: AsyncEngine) -> None:
    for endpoint, fingerprint, age in (("crm", "old", 40), ("crm", "new", 35), ("lake", "a", 20), ("lake", "b", 40)):
        values = f"'{endpoint}', '{fingerprint}', now(), now() - interval '{age} days'"
        columns = "endpoint, fingerprint, disabled_at, last_error_at"
        await ask(engine, f"INSERT INTO outbound_endpoints ({columns}) VALUES ({values})")  # noqa: S608  # as above
    await prune(engine, retention=timedelta(days=30), dedupe=timedelta(days=7))
    kept = await ask(engine, "SELECT endpoint, fingerprint FROM outbound_endpoints ORDER BY endpoint")
    assert kept == [("crm", "new"), ("lake", "a")]


async def test_the_audit_log_is_kept_for_good_or_for_as_long_as_is_said(engine: AsyncEngine) -> None:
    row = "INSERT INTO audit (id, at, who, origin, what, outcome) VALUES ('aud_%d', now() - interval '%d days', %s)"
    for days in (399, 401):
        await ask(engine, row % (days, days, "'olga', '192.0.2.1', 'x', 'done'"))
    await prune(engine, retention=timedelta(days=30), dedupe=timedelta(days=7))
    assert await ask(engine, "SELECT count(*) FROM audit") == [(2,)]
    await prune(engine, retention=timedelta(days=30), dedupe=timedelta(days=7), audit=timedelta(days=400))
    assert await ask(engine, "SELECT id FROM audit") == [("aud_399",)]


async def test_jobs_that_are_over_go_with_the_audit_log(engine: AsyncEngine) -> None:
    await ask(
        engine,
        """
        INSERT INTO bulk_jobs (id, kind, state, asked_by, origin, filter, total, created_at, due_at, finished_at)
        SELECT 'job_' || name, 'cancel', 'done', 'ada', '', '{"rule": "demo"}', 1, now(), now(),
               CASE WHEN name <> 'paused' THEN now() - CAST(name AS integer) * interval '1 day' END
        FROM unnest(ARRAY['399', '401', 'paused']) AS name
        """,
    )
    await prune(engine, retention=timedelta(days=30), dedupe=timedelta(days=7))
    assert await ask(engine, "SELECT count(*) FROM bulk_jobs") == [(3,)]
    await prune(engine, retention=timedelta(days=30), dedupe=timedelta(days=7), audit=timedelta(days=400))
    assert await ask(engine, "SELECT id FROM bulk_jobs ORDER BY id") == [("job_399",), ("job_paused",)]
