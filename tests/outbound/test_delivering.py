"""From the note to the endpoint: signed, retried, sent at least once, and no endpoint waits for another."""

from __future__ import annotations

import asyncio
import json
import math
from contextlib import aclosing
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest
import structlog
from standardwebhooks import Webhook
from svix.webhooks import Webhook as SvixWebhook

from app.errors import FenceLost, Unauthenticated
from app.model import Delivery, Secret, SourceConfig, State
from app.networks import read_networks
from app.outbound.client import EndpointClient, signed
from app.outbound.operator_store import OutboundOperatorStore
from app.outbound.retry_schedule import WAITS
from app.sources import PROVIDERS
from tests.outbound.conftest import NEWER, SECRET, drained, endpoint
from tests.support.far_endpoint import far_end

if TYPE_CHECKING:
    from tests.outbound.conftest import Desk
    from tests.support.far_endpoint import Posted

LONGEST = timedelta(hours=11)


def verified(posted: Posted, secret: str, desk: Desk) -> Secret | None:
    """Verify a request as our own source of the same scheme does."""
    provider = PROVIDERS["standard-webhooks"]
    source = SourceConfig("back", "standard-webhooks", (Secret(secret),), provider.Options())
    delivery = Delivery("dlv_1", "back", desk.now(), posted.method, desk.far.url, posted.headers, posted.body)
    return provider.verify(delivery, source, desk.now())


async def test_an_event_is_posted_signed_with_the_bytes_that_were_noted(desk: Desk) -> None:
    await desk.ends(State.ENROLLED)
    row = await desk.one()
    assert await desk.send() == 1

    (posted,) = desk.far.posted
    assert (posted.method, posted.path) == ("POST", "/hooks")
    assert posted.body == row["body"]
    assert posted.id == row["id"]
    assert posted.headers["webhook-timestamp"] == str(int(desk.now().timestamp()))
    assert posted.headers["content-type"] == "application/json"
    assert posted.headers["user-agent"].startswith("Segue/")
    kept = await desk.one("state, last_status, last_error, delivered_at, leased_by")
    assert kept == {
        "state": "delivered",
        "last_status": 204,
        "last_error": None,
        "delivered_at": desk.now(),
        "leased_by": None,
    }
    assert await desk.send() == 0


async def test_receivers_verify_it_by_our_own_source_and_by_the_libraries(desk: Desk) -> None:
    await desk.ends(State.ENROLLED)
    await desk.send()
    (posted,) = desk.far.posted
    assert verified(posted, SECRET, desk) == Secret(SECRET)
    with pytest.raises(Unauthenticated, match="matches none"):
        verified(posted, NEWER, desk)
    body = json.loads(posted.body)
    assert Webhook(SECRET).verify(posted.body, dict(posted.headers)) == body
    SvixWebhook(SECRET).verify(posted.body, dict(posted.headers))  # it raises what is wrong


async def test_while_a_secret_is_rotated_both_sign(desk: Desk) -> None:
    desk.endpoints["crm"] = endpoint("crm", desk.far.url, SECRET, NEWER)
    await desk.ends(State.ENROLLED)
    await desk.send()
    (posted,) = desk.far.posted
    assert len(posted.headers["webhook-signature"].split(" ")) == 2
    for secret in (SECRET, NEWER):
        assert verified(posted, secret, desk) == Secret(secret)
        Webhook(secret).verify(posted.body, dict(posted.headers))


def test_a_signature_is_the_specifications_own(desk: Desk) -> None:
    headers = signed("msg_1", b"{}", (Secret(SECRET),), desk.now())
    assert headers["webhook-signature"] == Webhook(SECRET).sign("msg_1", desk.now(), "{}")


async def test_what_fails_is_sent_again_by_the_schedule_and_then_listed_as_failed(desk: Desk) -> None:
    await desk.ends(State.ENROLLED)
    desk.far.answer(500, 400, 404, 301, 500, 500, 500, 500, location="http://127.0.0.1:1/")
    for tries, wait in enumerate(WAITS, start=1):
        assert await desk.send() == 1
        row = await desk.one()
        assert (row["state"], row["tries"], row["due_at"]) == ("waiting", tries, desk.now() + wait)
        # The breaker opens after five in a row, which is another test's.
        await desk.run("DELETE FROM outbound_endpoints")
        desk.moment[0] += wait - timedelta(seconds=1)
        assert await desk.send() == 0
        desk.later(seconds=1)
    assert await desk.send() == 1
    row = await desk.one()
    assert (row["state"], row["tries"], row["last_status"], row["last_error"]) == ("failed", 8, 500, "status 500")
    desk.moment[0] += LONGEST
    assert await desk.send() == 0
    assert len({(posted.id, posted.body) for posted in desk.far.posted}) == 1
    assert len(desk.far.posted) == 8
    assert [attempt["status"] for attempt in row["attempts"]] == [500, 400, 404, 301, 500, 500, 500, 500]


async def test_the_wait_is_drawn_a_tenth_longer_at_most(desk: Desk) -> None:
    desk.drawn = 0.999
    await desk.ends(State.ENROLLED)
    desk.far.answer(500)
    await desk.send()
    assert (await desk.one())["due_at"] == desk.now() + WAITS[0] * (1 + 0.1 * 0.999)


@pytest.mark.parametrize(("status", "retry_after", "seconds"), [(429, "120", 120), (503, "120", 120), (500, "120", 5)])
async def test_a_pause_that_the_endpoint_asks_for_is_kept(
    desk: Desk, status: int, retry_after: str, seconds: int
) -> None:
    await desk.ends(State.ENROLLED)
    desk.far.answer(status, retry_after=retry_after)
    await desk.send()
    assert (await desk.one())["due_at"] == desk.now() + timedelta(seconds=seconds)


async def test_a_pause_until_a_date_is_kept(desk: Desk) -> None:
    await desk.ends(State.ENROLLED)
    until = (desk.now() + timedelta(minutes=7)).replace(microsecond=0)
    desk.far.answer(503, retry_after=format_datetime(until, usegmt=True))
    await desk.send()
    assert (await desk.one())["due_at"] == until


async def test_an_endpoint_that_is_gone_is_sent_nothing_until_its_url_or_secret_changes(desk: Desk) -> None:
    await desk.ends(State.ENROLLED)
    desk.far.answer(410)
    await desk.send()
    row = await desk.one("state, tries, last_status")
    assert row == {"state": "waiting", "tries": 0, "last_status": 410}
    await desk.ends(State.ENROLLED, "bea@corp.example")
    desk.later(days=2)
    assert await desk.send() == 0
    desk.endpoints["crm"] = endpoint("crm", desk.far.url, NEWER, fingerprint="crm-2")
    assert await desk.send() == 2
    assert {row["state"] for row in await desk.rows("state")} == {"delivered"}


async def test_a_refused_connection_is_a_failure_that_names_no_address(desk: Desk) -> None:
    desk.endpoints["crm"] = endpoint("crm", "http://127.0.0.1:1/very-secret-path")
    await desk.ends(State.ENROLLED)
    with structlog.testing.capture_logs() as logs:
        await desk.send()
    row = await desk.one()
    assert (row["state"], row["last_status"], row["last_error"]) == ("waiting", None, "refused")
    assert [line["event"] for line in logs] == ["outbound.sent"]
    assert "very-secret-path" not in str(logs) + str(row)
    assert "corp.example" not in str(logs)


async def test_a_url_that_http_does_not_know_is_a_failure_like_any_other(desk: Desk) -> None:
    desk.endpoints["crm"] = endpoint("crm", "http://300.1.1.1/very-secret-path")
    await desk.ends(State.ENROLLED)
    await desk.send()
    row = await desk.one()
    assert (row["state"], row["tries"], row["last_error"]) == ("waiting", 1, "InvalidURL")


async def test_an_event_whose_worker_died_may_be_replayed_once_its_lease_is_over(desk: Desk) -> None:
    await desk.ends(State.ENROLLED)
    outbox, _ = desk.replica("dying")
    (one,) = await outbox.claim([(desk.endpoints["crm"], 10)], now=desk.now())
    del desk.endpoints["crm"]
    assert await OutboundOperatorStore(desk.engine).replay(one.id) is False
    await desk.run("UPDATE outbound SET leased_until = clock_timestamp()")
    assert await OutboundOperatorStore(desk.engine).replay(one.id) is True
    assert (await desk.one())["state"] == "waiting"


async def test_an_endpoint_that_never_answers_is_given_up(desk: Desk) -> None:
    desk.far.gate.clear()
    async with aclosing(EndpointClient(read_networks("127.0.0.1"), timeout=timedelta(milliseconds=50))) as http:
        desk.http = http
        await desk.ends(State.ENROLLED)
        await desk.send()
    assert (await desk.one())["last_error"] == "timeout"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 x\r\ncontent-length: 100\r\n\r\nonly so much",  # and then nothing
        b"HTTP/1.1 200 x\r\ncontent-length: 1000000\r\n\r\n" + b"x" * 1_000_000,
        b"HTTP/1.1 200 x\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nnope",
    ],
    ids=["trickles", "large", "not gzip"],
)
async def test_a_yes_counts_whatever_its_body_does(desk: Desk, answer: bytes) -> None:
    desk.far.answers.append(answer)
    async with aclosing(EndpointClient(read_networks("127.0.0.1"), timeout=timedelta(milliseconds=500))) as http:
        desk.http = http
        await desk.ends(State.ENROLLED)
        await desk.send()
    assert (await desk.one())["state"] == "delivered"


async def test_of_a_no_the_first_kilobyte_is_kept_for_operators_and_not_logged(desk: Desk) -> None:
    await desk.ends(State.ENROLLED)
    desk.far.answer(422, body="no such lead\x00" + "y" * 5000)
    with structlog.testing.capture_logs() as logs:
        await desk.send()
    (attempt,) = (await desk.one())["attempts"]
    assert attempt["answer"].startswith("no such leady")
    assert len(attempt["answer"]) == 1023
    assert "no such lead" not in str(logs)


async def test_events_go_out_in_the_order_in_which_they_happened(desk: Desk) -> None:
    for number in range(5):
        await desk.ends(State.ENROLLED, f"p{number}@corp.example")
    outbox, _ = desk.replica("w1")
    claimed = await outbox.claim([(desk.endpoints["crm"], 3)], now=desk.now())
    emails = [json.loads(outgoing.body)["data"]["email"] for outgoing in claimed]
    assert emails == ["p0@corp.example", "p1@corp.example", "p2@corp.example"]


async def test_two_replicas_share_and_send_nothing_twice(desk: Desk) -> None:
    await desk.ends(State.ENROLLED, *(f"p{number}@corp.example" for number in range(20)))
    _, one = desk.replica("w1")
    _, other = desk.replica("w2")
    claimed = await asyncio.gather(one.take(), other.take())
    await drained(one, other)
    assert sum(claimed) == 20
    assert len({posted.id for posted in desk.far.posted}) == len(desk.far.posted) == 20


async def test_who_dies_after_sending_is_replaced_and_the_event_comes_again_under_its_id(desk: Desk) -> None:
    await desk.ends(State.ENROLLED)
    dying, _ = desk.replica("w1", lease=timedelta(0))
    (lost,) = await dying.claim([(desk.endpoints["crm"], 1)], now=desk.now())
    await desk.http.post(desk.endpoints["crm"], lost.id, lost.body, desk.now())
    assert await desk.send("w2") == 1
    first, second = desk.far.posted
    assert (first.id, first.body) == (second.id, second.body)


async def test_who_lost_its_claim_records_nothing(desk: Desk) -> None:
    await desk.ends(State.ENROLLED)
    slow, delivering = desk.replica("w1", lease=timedelta(0))
    (lost,) = await slow.claim([(desk.endpoints["crm"], 1)], now=desk.now())
    other, _ = desk.replica("w2")
    (taken,) = await other.claim([(desk.endpoints["crm"], 1)], now=desk.now())
    assert (lost.id, lost.attempt + 1) == (taken.id, taken.attempt)
    desk.far.answer(410)
    with pytest.raises(FenceLost):
        await delivering._sender.send(lost, desk.endpoints["crm"])
    assert (await desk.one())["attempts"] == []
    assert await desk.rows("*", "outbound_endpoints") == []


async def test_while_a_lease_runs_no_other_worker_sends(desk: Desk) -> None:
    await desk.ends(State.ENROLLED)
    holding, _ = desk.replica("w1")
    assert len(await holding.claim([(desk.endpoints["crm"], 1)], now=desk.now())) == 1
    assert await desk.send("w2") == 0
    await holding.hand_back()
    assert await desk.send("w2") == 1


async def test_a_slow_endpoint_delays_no_other(desk: Desk) -> None:
    async with far_end() as slow:
        slow.gate.clear()
        desk.endpoints = {"slow": endpoint("slow", slow.url), "crm": endpoint("crm", desk.far.url)}
        await desk.ends(State.ENROLLED, *(f"p{number}@corp.example" for number in range(30)))
        _, delivering = desk.replica("w1")
        for _ in range(3):
            await delivering.take()
            while set(delivering._sending.values()) != {"slow"}:
                await asyncio.wait(delivering._sending, return_when=asyncio.FIRST_COMPLETED)
        assert len(desk.far.posted) == 30
        assert len(slow.posted) == 10
        slow.gate.set()
        await drained(delivering)


async def test_what_waits_for_an_endpoint_that_left_goes_out_when_it_comes_back(desk: Desk) -> None:
    await desk.ends(State.ENROLLED)
    gone = desk.endpoints.pop("crm")
    assert await desk.send() == 0
    assert (await desk.one())["state"] == "waiting"
    desk.endpoints["crm"] = gone
    assert await desk.send() == 1


async def test_the_loop_sends_by_itself_and_ends_with_what_it_has_in_hand(desk: Desk) -> None:
    _, delivering = desk.replica("w1")
    delivering.start()
    await desk.ends(State.ENROLLED)
    delivering.wake()
    await desk.far.arrived.acquire()
    await delivering.stop(drain_seconds=10)
    assert (await desk.one())["state"] == "delivered"


async def test_the_loop_knows_when_the_next_event_is_due(desk: Desk) -> None:
    outbox, _ = desk.replica("w1")
    assert await outbox.due_in(desk.endpoints) == math.inf
    await desk.ends(State.ENROLLED)
    assert await outbox.due_in([]) == await outbox.due_in(["another"]) == math.inf
    assert await outbox.due_in(["another", *desk.endpoints]) <= 0
    desk.far.answer(500)
    await desk.send()
    assert 0 < await outbox.due_in(desk.endpoints) < LONGEST.total_seconds()


async def test_what_is_on_its_way_for_too_long_at_the_end_is_handed_back(desk: Desk) -> None:
    desk.far.gate.clear()
    await desk.ends(State.ENROLLED)
    _, delivering = desk.replica("w1")
    delivering.start()
    await desk.far.arrived.acquire()
    await delivering.stop(drain_seconds=0)
    desk.far.gate.set()
    row = await desk.one()
    assert (row["state"], row["leased_by"], row["tries"]) == ("waiting", None, 0)
    assert await desk.send("w2") == 1


async def test_outcomes_are_counted(desk: Desk) -> None:
    await desk.ends(State.ENROLLED, "a@corp.example", "b@corp.example")
    desk.far.answer(500)
    await desk.send()
    for outcome in ("delivered", "retry"):
        labels = {"endpoint": "crm", "outcome": outcome}
        assert desk.metrics.registry.get_sample_value("segue_outbound_total", labels) == 1
