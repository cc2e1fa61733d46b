"""Contacts asked for one by one, against a HubSpot that answers batches."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from app.errors import NotSent, OutcomeUnknown, Refusal
from app.hubspot.batched import BatchedHubSpot, baseline_from
from app.model import Baseline, ObservedEnrollment, Sender

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.hubspot.client import HubSpotClient

NINE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class PracticeContacts:
    """Keeps contacts by address; refuses an unknown property: alone with 207, or whole with 400."""

    def __init__(self, *, whole: bool = False) -> None:
        self.whole = whole
        self.properties: dict[str, dict[str, str]] = {}
        self.calls: Counter[str] = Counter()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        what = request.url.path.rpartition("/")[2]
        self.calls[what] += 1
        body = json.loads(request.content or b"{}")
        if what == "upsert":
            return self.upsert(body["inputs"])
        if what == "read":
            return self.read(body)
        return httpx.Response(200, json={"id": "9", "sequenceId": "310001", "enrolledAt": "2026-11-23T09:00:00Z"})

    def upsert(self, inputs: list[dict[str, Any]]) -> httpx.Response:
        bad = [item for item in inputs if "unknown" in item["properties"]]
        if bad and self.whole:
            return httpx.Response(400, json={"category": "VALIDATION_ERROR", "message": "one of these is wrong"})
        for item in inputs:
            if item not in bad:
                self.properties.setdefault(item["id"], {}).update(item["properties"])
        results = [self.result(item) for item in inputs if item not in bad]
        context = [{"objectWriteTraceId": [item["objectWriteTraceId"]]} for item in bad]
        errors = [{"category": "VALIDATION_ERROR", "context": named} for named in context]
        return httpx.Response(207 if bad else 200, json={"results": results[::-1], "errors": errors})

    def result(self, item: dict[str, Any]) -> dict[str, Any]:
        return {"id": self.id_of(item["id"]), "objectWriteTraceId": item["objectWriteTraceId"], "properties": {}}

    def id_of(self, email: str) -> str:
        return str(500 + list(self.properties).index(email))

    def read(self, body: dict[str, Any]) -> httpx.Response:
        kept = {self.id_of(email): values for email, values in self.properties.items()}
        asked = [item["id"] for item in body["inputs"] if item["id"] in kept]
        results = [{"id": i, "properties": {n: kept[i].get(n) for n in body["properties"]}} for i in asked]
        return httpx.Response(200, json={"results": results})


async def test_many_contacts_share_calls_and_permits(
    new_client: Callable[..., aclosing[HubSpotClient]], rate_limit: Any
) -> None:
    far = PracticeContacts()
    async with new_client(httpx.MockTransport(far)) as client, aclosing(BatchedHubSpot(client)) as desk:
        emails = [f"person{number}@corp.example" for number in range(150)]
        ids = await asyncio.gather(*(desk.upsert(email, {"firstname": email[:9]}) for email in emails))
        assert ids == [far.id_of(email) for email in emails]
        read = await asyncio.gather(*(desk.read(contact_id, ["firstname"]) for contact_id in ids))
    assert read == [{"firstname": email[:9]} for email in emails]
    assert far.calls == {"upsert": 2, "read": 2}
    assert rate_limit.acquired == 4


async def test_each_reader_gets_what_it_asked_for(new_client: Callable[..., aclosing[HubSpotClient]]) -> None:
    far = PracticeContacts()
    async with new_client(httpx.MockTransport(far)) as client, aclosing(BatchedHubSpot(client)) as desk:
        ada = await desk.upsert("ada@corp.example", {"firstname": "Ada", "company": "Corp"})
        first, both = await asyncio.gather(desk.read(ada, ["firstname"]), desk.read(ada, ["company", "nothing"]))
    assert (first, both) == ({"firstname": "Ada"}, {"company": "Corp", "nothing": None})
    assert far.calls["read"] == 1


async def test_a_hundred_are_looked_at_in_one_call(new_client: Callable[..., aclosing[HubSpotClient]]) -> None:
    far = PracticeContacts()
    async with new_client(httpx.MockTransport(far)) as client, aclosing(BatchedHubSpot(client)) as desk:
        emails = [f"person{number}@corp.example" for number in range(100)]
        ids = await asyncio.gather(*(desk.upsert(email, {"firstname": email[:9]}) for email in emails))
        looked = await asyncio.gather(*(desk.look(contact_id, ["firstname"]) for contact_id in ids))
    assert looked == [({"firstname": email[:9]}, Baseline(None, None, None)) for email in emails]
    assert far.calls["read"] == 1


@pytest.mark.parametrize("whole", [False, True], ids=["207", "400"])
async def test_one_bad_contact_fails_alone(new_client: Callable[..., aclosing[HubSpotClient]], *, whole: bool) -> None:
    far = PracticeContacts(whole=whole)
    async with new_client(httpx.MockTransport(far)) as client, aclosing(BatchedHubSpot(client)) as desk:
        wanted = [desk.upsert(f"person{number}@corp.example", {}) for number in range(5)]
        bad = desk.upsert("bad@corp.example", {"unknown": "x"})
        *ids, error = await asyncio.gather(*wanted, bad, return_exceptions=True)
    assert sorted(str(i) for i in ids) == ["500", "501", "502", "503", "504"]
    assert isinstance(error, Refusal)
    assert error.code == "VALIDATION_ERROR"
    assert (far.calls["upsert"] > 1) == whole


async def test_who_is_not_there_cannot_be_read(new_client: Callable[..., aclosing[HubSpotClient]]) -> None:
    async with new_client(httpx.MockTransport(PracticeContacts())) as client, aclosing(BatchedHubSpot(client)) as desk:
        there = await desk.upsert("ada@corp.example", {})
        found, missing = await asyncio.gather(
            desk.baseline(there), desk.read("999", ["firstname"]), return_exceptions=True
        )
    assert found == Baseline(None, None, None)
    assert isinstance(missing, Refusal)
    assert missing.code == "OBJECT_NOT_FOUND"


async def test_two_writes_to_one_person_arrive_in_order(new_client: Callable[..., aclosing[HubSpotClient]]) -> None:
    far = PracticeContacts()
    async with new_client(httpx.MockTransport(far)) as client, aclosing(BatchedHubSpot(client)) as desk:
        await asyncio.gather(
            desk.upsert("ada@corp.example", {"company": "Old"}), desk.upsert("ada@corp.example", {"company": "New"})
        )
    assert far.properties == {"ada@corp.example": {"company": "New"}}
    assert far.calls["upsert"] == 2


async def test_enrolling_and_asking_who_is_enrolled(new_client: Callable[..., aclosing[HubSpotClient]]) -> None:
    asked: list[None] = []

    async def before_send() -> None:
        asked.append(None)

    async with new_client(httpx.MockTransport(PracticeContacts())) as client, aclosing(BatchedHubSpot(client)) as desk:
        sender = Sender("anna", "7001", "anna@acme.example")
        enrolled = await desk.enroll("501", "310001", sender, before_send=before_send)
        assert await desk.status("501") == ObservedEnrollment("310001", NINE)
    assert (enrolled.id, enrolled.enrolled_at, len(asked)) == ("9", NINE, 2)


async def test_what_the_rate_limit_raises_reaches_the_caller(
    new_client: Callable[..., aclosing[HubSpotClient]], rate_limit: Any
) -> None:
    rate_limit.error = TimeoutError("the store is down")
    far = PracticeContacts()
    async with new_client(httpx.MockTransport(far)) as client, aclosing(BatchedHubSpot(client)) as desk:
        with pytest.raises(TimeoutError):
            await desk.upsert("ada@corp.example", {})
        with pytest.raises(TimeoutError):
            await desk.status("501")
    assert not far.calls


async def test_a_closed_desk_sends_nothing(new_client: Callable[..., aclosing[HubSpotClient]]) -> None:
    far = PracticeContacts()
    async with new_client(httpx.MockTransport(far)) as client:
        desk = BatchedHubSpot(client)
        await desk.aclose()
        with pytest.raises(NotSent):
            await desk.upsert("ada@corp.example", {})
    assert not far.calls


@pytest.mark.parametrize(
    ("count", "sequence", "date", "baseline"),
    [
        (None, None, None, Baseline(None, None, None)),
        ("", "", "", Baseline(None, None, None)),
        ("2", "310001", "2026-11-23T09:00:00.000Z", Baseline(2, "310001", NINE)),
        ("0", None, str(int(NINE.timestamp()) * 1000), Baseline(0, None, NINE)),
    ],
)
def test_a_baseline_is_read_from_three_properties(count: Any, sequence: Any, date: Any, baseline: Baseline) -> None:
    properties = zip(
        ("hs_sequences_enrolled_count", "hs_latest_sequence_enrolled", "hs_latest_sequence_enrolled_date"),
        (count, sequence, date),
        strict=True,
    )
    assert baseline_from(dict(properties)) == baseline


@pytest.mark.parametrize(
    "properties", [{"hs_sequences_enrolled_count": "two"}, {"hs_latest_sequence_enrolled_date": "yesterday"}]
)
def test_a_baseline_that_cannot_be_read_is_not_made_up(properties: dict[str, str | None]) -> None:
    with pytest.raises(OutcomeUnknown):
        baseline_from(properties)
