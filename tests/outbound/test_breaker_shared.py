"""The breaker in the store: all replicas obey it, one of them probes, and events behind it use up no tries."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from app.model import State
from app.outbound import loop
from app.outbound.operator_store import OutboundOperatorStore
from tests.outbound.conftest import NEWER, drained, endpoint

if TYPE_CHECKING:
    from app.model import Endpoint
    from tests.outbound.conftest import Desk

PEOPLE = tuple(f"p{number}@corp.example" for number in range(8))


@pytest.fixture
async def broken(desk: Desk) -> Desk:
    """A desk whose endpoint has failed five times in a row; three events have not been tried."""
    await desk.ends(State.ENROLLED, *PEOPLE)
    desk.far.answer(*[500] * 5)
    outbox, delivering = desk.replica("w1")
    for outgoing in await outbox.claim([(desk.endpoints["crm"], 5)], now=desk.now()):
        await delivering._sender.send(outgoing, desk.endpoints["crm"])
    return desk


async def test_after_five_failures_no_replica_sends_and_who_waits_loses_no_try(broken: Desk) -> None:
    assert await broken.send("w1") == 0
    broken.later(seconds=29)
    assert await broken.send("w2") == 0
    assert len(broken.far.posted) == 5
    untried = [row["attempt"] for row in await broken.rows("attempt, tries") if row["tries"] == 0]
    assert untried == [0, 0, 0]


async def test_then_one_replica_sends_one_probe(broken: Desk) -> None:
    broken.later(seconds=30)
    broken.far.gate.clear()
    _, one = broken.replica("w1")
    _, other = broken.replica("w2")
    assert sorted(await asyncio.gather(one.take(), other.take())) == [0, 1]
    assert sorted([await one.take(), await other.take()]) == [0, 0]
    broken.far.gate.set()
    await drained(one, other)
    # It was answered: everybody sends again.
    assert await broken.send("w2") == 7


async def test_a_probe_that_fails_leaves_it_closed_off_for_twice_as_long(broken: Desk) -> None:
    broken.later(seconds=30)
    broken.far.answer(500)
    assert await broken.send("w1") == 1
    broken.later(seconds=59)
    assert await broken.send("w2") == 0
    broken.later(seconds=1)
    assert await broken.send("w2") == 1


async def test_a_probe_whose_process_died_keeps_the_place_for_its_lease_only(broken: Desk) -> None:
    broken.later(seconds=30)
    dying, _ = broken.replica("w1", lease=timedelta(seconds=0.001))
    assert len(await dying.claim([(broken.endpoints["crm"], 5)], now=broken.now())) == 1
    assert await broken.send("w2") == 0
    broken.later(seconds=1)
    assert await broken.send("w2") == 1


async def test_where_nothing_is_due_no_probe_is_taken(broken: Desk) -> None:
    broken.later(seconds=30)
    await broken.run("UPDATE outbound SET due_at = now() + interval '1 day'")
    assert await broken.send("w1") == 0
    (row,) = await broken.rows("probing_until", "outbound_endpoints")
    assert row["probing_until"] is None


async def test_another_url_or_secret_begins_with_a_closed_breaker(broken: Desk) -> None:
    broken.endpoints["crm"] = endpoint("crm", broken.far.url, NEWER, fingerprint="crm-2")
    assert await broken.send("w1") == 3
    rows = await broken.rows("failures, fingerprint", "outbound_endpoints ORDER BY fingerprint")
    assert rows == [{"failures": 5, "fingerprint": "crm-1"}, {"failures": 0, "fingerprint": "crm-2"}]


def another(desk: Desk) -> dict[str, Endpoint]:
    """Return the endpoints of a replica that kept older rules: the secret is another one."""
    return {"crm": endpoint("crm", desk.far.url, NEWER, fingerprint="crm-2")}


async def test_replicas_whose_secrets_differ_each_stop_sending_to_an_endpoint_that_is_gone(desk: Desk) -> None:
    await desk.ends(State.ENROLLED, *PEOPLE)
    desk.far.answer(*[410] * 100)
    sent = []
    for _ in range(4):
        sent.append((await desk.send("w1"), await desk.send("w2", rules=another(desk))))
        desk.later(hours=1)
    assert sent == [(8, 8), (0, 0), (0, 0), (0, 0)]
    assert await desk.rows("DISTINCT state, tries", "outbound") == [{"state": "waiting", "tries": 0}]


async def test_replicas_whose_secrets_differ_each_have_a_breaker_that_stays_open(desk: Desk) -> None:
    await desk.ends(State.ENROLLED, *PEOPLE)
    desk.far.answer(*[500] * 100)
    assert (await desk.send("w1"), await desk.send("w2", rules=another(desk))) == (8, 0)
    desk.later(seconds=10)
    assert (await desk.send("w1"), await desk.send("w2", rules=another(desk))) == (0, 8)
    desk.later(minutes=6)
    # Both ask once, and are left alone again.
    assert (await desk.send("w1"), await desk.send("w2", rules=another(desk))) == (1, 1)
    assert (await desk.send("w1"), await desk.send("w2", rules=another(desk))) == (0, 0)


async def test_a_replica_with_an_old_secret_does_not_hold_up_one_with_the_right_one(desk: Desk) -> None:
    await desk.ends(State.ENROLLED, *PEOPLE)
    desk.far.answer(*[401] * 8)
    assert await desk.send("w2", rules=another(desk)) == 8
    desk.later(seconds=10)
    assert (await desk.send("w2", rules=another(desk)), await desk.send("w1")) == (0, 8)
    assert await desk.rows("DISTINCT state", "outbound") == [{"state": "delivered"}]


async def test_who_enables_an_endpoint_enables_it_for_all_replicas(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "AT_ONCE", 4)
    await desk.ends(State.ENROLLED, *PEOPLE)
    desk.far.answer(*[410] * 16)
    await desk.send("w1")
    await desk.send("w2", rules=another(desk))
    await OutboundOperatorStore(desk.engine).enable("crm")
    (_, one), (_, other) = desk.replica("w1"), desk.replica("w2", rules=another(desk))
    for delivering in (other, one):
        assert await delivering.take() == 4
    await drained(one, other)


async def test_one_endpoints_breaker_stops_no_other_endpoint(broken: Desk) -> None:
    broken.endpoints["lake"] = endpoint("lake", broken.far.url)
    await broken.ends(State.ENROLLED, "other@corp.example")
    assert await broken.send("w1") == 1
    assert (await broken.rows("endpoint", "outbound WHERE state = 'delivered'")) == [{"endpoint": "lake"}]
