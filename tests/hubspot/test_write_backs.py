"""Write-backs in batches: what HubSpot refuses is left out, at the price of one more call, and tried again later."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from app.errors import HubSpotError, OutcomeUnknown, Refusal
from app.hubspot.batched import BatchedHubSpot
from app.hubspot.write_backs import LEFT_OUT_SECONDS, MOST_KNOWN, KnownProblems
from app.model import DroppedProperty, WrittenContact
from app.sandbox.app import create_app
from app.sandbox.state.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from app.hubspot.client import CallRecord, HubSpotClient

BACK = (("source", "segue_source"), ("rule", "segue_rule"), ("decision", "segue_decision"))
MISSING = "HubSpot has no such property (PROPERTY_DOESNT_EXIST)"
NO_OPTION = "the value is none of its options (INVALID_OPTION)"
BOTH = pytest.mark.parametrize("whole", [False, True], ids=["207", "400"])


class Far:
    """The sandbox inside this process, the desk in front of it, and the desk's clock."""

    def __init__(self, *, whole: bool, properties: Sequence[Any]) -> None:
        self.settings = Settings(whole_upserts=whole, extra_properties=list(properties))
        self.app = create_app(self.settings)
        self.now = 1000.0

    @asynccontextmanager
    async def desk(self, new_client: Callable[..., aclosing[HubSpotClient]]) -> AsyncIterator[BatchedHubSpot]:
        transport = httpx.ASGITransport(self.app)
        async with (
            new_client(transport, token="pat-sandbox", base_url="http://sandbox.test") as client,
            aclosing(BatchedHubSpot(client, now=lambda: self.now)) as desk,
        ):
            yield desk

    def shows(self, email: str, name: str) -> str | None:
        person = self.app.state.sandbox.contact(email, by_email=True)
        assert person is not None
        value: str | None = person.properties.get(name)
        return value


def email(number: int) -> str:
    return f"p{number}@corp.example"


async def write(
    desk: BatchedHubSpot, number: int, back: tuple[tuple[str, str], ...] = BACK, **more: str
) -> WrittenContact:
    """Write a contact with a company of its own, and with write-backs."""
    values = {"source": "crm", "rule": "demo", "decision": f"dec_{number}"}
    properties = {name: values[fact] for fact, name in back}
    return await desk.write(email(number), {"company": f"c{number}", **properties, **more}, back)


def names(written: object) -> list[str]:
    assert isinstance(written, WrittenContact)
    return [one.name for one in written.dropped]


@BOTH
async def test_a_hundred_contacts_share_one_more_call(
    new_client: Callable[..., aclosing[HubSpotClient]], records: list[CallRecord], *, whole: bool
) -> None:
    far = Far(whole=whole, properties=["segue_source", "segue_rule"])
    async with far.desk(new_client) as desk:
        written = await asyncio.gather(*(write(desk, number) for number in range(100)))
        assert {one.dropped for one in written} == {(DroppedProperty("segue_decision", MISSING),)}
        assert len(records) == 2
        assert names(await write(desk, 100)) == ["segue_decision"]
    assert len(records) == 3
    assert (far.shows(email(7), "segue_source"), far.shows(email(7), "company")) == ("crm", "c7")


@BOTH
async def test_who_shares_a_batch_and_has_no_write_back_is_written_with_it(
    new_client: Callable[..., aclosing[HubSpotClient]], records: list[CallRecord], *, whole: bool
) -> None:
    far = Far(whole=whole, properties=[])
    async with far.desk(new_client) as desk:
        plain = [desk.upsert(f"plain{number}@corp.example", {"city": "Ulm"}) for number in range(5)]
        await asyncio.gather(*plain, *(write(desk, number, BACK[:1]) for number in range(5)))
    assert far.shows("plain4@corp.example", "city") == "Ulm"
    assert len(records) == 2


@BOTH
async def test_a_property_that_was_mended_is_written_again_after_ten_minutes(
    new_client: Callable[..., aclosing[HubSpotClient]], records: list[CallRecord], *, whole: bool
) -> None:
    far = Far(whole=whole, properties=[])
    async with far.desk(new_client) as desk:
        assert names(await write(desk, 1, BACK[:1])) == ["segue_source"]
        far.settings.extra_properties = ["segue_source"]
        far.now += LEFT_OUT_SECONDS - 1
        assert names(await write(desk, 2, BACK[:1])) == ["segue_source"]
        far.now += 1
        assert names(await write(desk, 3, BACK[:1])) == []
    assert len(records) == 4
    assert (far.shows(email(2), "segue_source"), far.shows(email(3), "segue_source")) == (None, "crm")


@BOTH
async def test_a_missing_option_is_left_out_for_that_value_alone(
    new_client: Callable[..., aclosing[HubSpotClient]], *, whole: bool
) -> None:
    sources = [f"source{number}" for number in range(10)]
    options = [one for one in sources if one != "source3"]
    far = Far(whole=whole, properties=[{"name": "segue_source", "type": "enumeration", "options": options}])
    async with far.desk(new_client) as desk:
        wanted = [write(desk, number, BACK[:1], segue_source=one) for number, one in enumerate(sources)]
        written = await asyncio.gather(*wanted)
        assert [one.dropped for one in written if one.dropped] == [(DroppedProperty("segue_source", NO_OPTION),)]
    assert [far.shows(email(number), "segue_source") for number in range(2, 5)] == ["source2", None, "source4"]


@BOTH
async def test_ids_of_decisions_are_all_alike_to_a_property_that_takes_none(
    new_client: Callable[..., aclosing[HubSpotClient]], records: list[CallRecord], *, whole: bool
) -> None:
    far = Far(whole=whole, properties=[{"name": "segue_decision", "type": "number"}])
    async with far.desk(new_client) as desk:
        await asyncio.gather(*(write(desk, number, BACK[2:]) for number in range(10)))
        assert names(await write(desk, 10, BACK[2:])) == ["segue_decision"]
    assert len(records) == 3


@BOTH
async def test_a_contact_that_is_refused_for_its_rule_fails_alone_and_as_before(
    new_client: Callable[..., aclosing[HubSpotClient]], *, whole: bool
) -> None:
    far = Far(whole=whole, properties=["segue_rule", "segue_decision"])
    async with far.desk(new_client) as desk:
        wanted = [write(desk, number) for number in range(20)]
        bad = write(desk, 20, nonsense="1")
        *good, refused = await asyncio.gather(*wanted, bad, return_exceptions=True)
        assert [names(one) for one in good] == [["segue_source"]] * 20
    assert isinstance(refused, Refusal)
    assert (refused.code, "property nonsense: HubSpot has no such property" in refused.detail) == (
        "PROPERTY_DOESNT_EXIST",
        True,
    )


class Answers:
    """Answers upserts that write a property named `bad`, in whatever way, and takes all others."""

    def __init__(self, bad: str, status: int, body: dict[str, Any] | None) -> None:
        self.bad, self.status, self.body = bad, status, body
        self.calls: list[int] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        inputs = json.loads(request.content)["inputs"]
        self.calls.append(len(inputs))
        if any(self.bad in item["properties"] for item in inputs):
            return httpx.Response(self.status, json=self.body)
        results = [{"id": str(500 + place), "properties": {}} | item for place, item in enumerate(inputs)]
        written = [{"id": "501", "objectWriteTraceId": one["objectWriteTraceId"], "properties": {}} for one in results]
        return httpx.Response(200, json={"results": written})


@asynccontextmanager
async def desk_before(
    far: Answers, new_client: Callable[..., aclosing[HubSpotClient]]
) -> AsyncIterator[BatchedHubSpot]:
    async with new_client(httpx.MockTransport(far)) as client, aclosing(BatchedHubSpot(client)) as desk:
        yield desk


async def test_what_a_message_names_without_json_is_left_out_alone(
    new_client: Callable[..., aclosing[HubSpotClient]],
) -> None:
    unread = 'Property values were not valid: [{"message":"Property "segue_rule" does not exist","name":"segue_rule"}]'
    far = Answers("segue_rule", 400, {"category": "VALIDATION_ERROR", "message": unread})
    async with desk_before(far, new_client) as desk:
        written = await write(desk, 1)
        assert names(written) == ["segue_rule"]
        assert written.dropped[0].problem == f"HubSpot refuses the contact with it ({unread})"
        assert names(await write(desk, 2)) == ["segue_rule"]
    assert far.calls == [1, 1, 1]


async def test_without_a_name_all_write_backs_are_left_out_and_a_batch_learns_it_soon(
    new_client: Callable[..., aclosing[HubSpotClient]],
) -> None:
    far = Answers("segue_rule", 400, {"category": "VALIDATION_ERROR", "message": "one of these is wrong"})
    async with desk_before(far, new_client) as desk:
        written = await asyncio.gather(*(write(desk, number) for number in range(64)))
    assert {tuple(names(one)) for one in written} == {("segue_decision", "segue_rule", "segue_source")}
    assert len(far.calls) < 20


async def test_a_suspicion_that_was_wrong_leaves_nothing_out_of_others(
    new_client: Callable[..., aclosing[HubSpotClient]],
) -> None:
    far = Answers("company", 400, {"category": "VALIDATION_ERROR", "message": "the request is wrong"})
    async with desk_before(far, new_client) as desk:
        with pytest.raises(Refusal):
            await write(desk, 1)
        assert names(await desk.write(email(2), {"segue_source": "crm"}, BACK[:1])) == []
    assert far.calls == [1, 1, 1]


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, {"category": "INVALID_AUTHENTICATION"}, Refusal),
        (403, {"category": "MISSING_SCOPES"}, Refusal),
        (409, {"category": "CONFLICT", "message": "Contact already exists. Existing ID: 3401"}, Refusal),
        (423, {"message": "locked"}, Refusal),
        (429, {"policyName": "TEN_SECONDLY_ROLLING"}, Refusal),
        (502, None, OutcomeUnknown),
    ],
)
async def test_what_is_wrong_with_no_property_is_sent_once(
    new_client: Callable[..., aclosing[HubSpotClient]],
    status: int,
    body: dict[str, Any] | None,
    error: type[HubSpotError],
) -> None:
    far = Answers("company", status, body)
    async with desk_before(far, new_client) as desk:
        with pytest.raises(error):
            await write(desk, 1)
    assert far.calls == [1]


async def test_names_are_compared_without_regard_to_letters(new_client: Callable[..., aclosing[HubSpotClient]]) -> None:
    problems = [{"error": "PROPERTY_DOESNT_EXIST", "name": "segue_source"}]
    message = f"Property values were not valid: {json.dumps(problems)}"
    far = Answers("Segue_Source", 400, {"category": "VALIDATION_ERROR", "message": message})
    async with desk_before(far, new_client) as desk:
        written = await write(desk, 1, (("source", "Segue_Source"),))
    assert written.dropped == (DroppedProperty("Segue_Source", MISSING),)


def test_what_is_known_has_an_end_in_time_and_in_number() -> None:
    moment = [0.0]
    known = KnownProblems(lambda: moment[0])
    known.note("first", None, "gone")
    for number in range(MOST_KNOWN):
        known.note("rule", f"r{number}", "no option")
    assert known.of("first", "x") is None
    assert (known.of("rule", "r0"), known.of("rule", "other")) == ("no option", None)
    moment[0] = LEFT_OUT_SECONDS
    assert known.of("rule", "r0") is None
