from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from app.model import Delivery, Secret, SourceConfig
from app.sandbox.webhooks import signing
from app.sources.providers.hubspot import PROVIDER
from tests.support.sandbox_account import CONTACTS, START, SandboxAccount

ADA, BEA = "ada@corp.example", "bea@corp.example"
URL, SECRET = "https://segue.example/webhooks/crm", "app-secret"
VECTOR = b"{'example_field':'example_value'}"  # hubspot-api-python, tests/spec/utils/test_signature.py
PROPERTIES = ["hs_sequences_is_enrolled", "company"]


@dataclass
class Receiver:
    """A server of ours, as the sandbox sees it: it answers with `statuses` one after the other, then with 200."""

    statuses: list[int] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        status = self.statuses.pop(0) if self.statuses else 200
        if status == 0:
            raise httpx.ReadTimeout("no answer")
        return httpx.Response(status)

    @property
    def batches(self) -> list[list[dict[str, Any]]]:
        return [json.loads(request.content) for request in self.requests]

    @property
    def changes(self) -> list[tuple[Any, ...]]:
        events = [event for batch in self.batches for event in batch]
        return [(one["objectId"], one.get("propertyName"), one.get("propertyValue")) for one in events]


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


def opened(receiver: Receiver, **settings: Any) -> SandboxAccount:
    return SandboxAccount(outside=httpx.MockTransport(receiver), **settings)


async def subscribe(account: SandboxAccount, **more: Any) -> None:
    subscription = {"url": URL, "secret": SECRET, "subscriptions": ["contact.propertyChange"], "properties": PROPERTIES}
    await account.control("webhooks", subscription | more)


async def deliver(account: SandboxAccount) -> int:
    made: int = (await account.control("webhooks/deliver", {}))["delivered"]
    return made


async def test_a_change_is_sent_as_an_array_of_events(receiver: Receiver) -> None:
    account = opened(receiver)
    await subscribe(account)
    await account.write(ADA, company="Corp", phone="1")
    assert await deliver(account) == 1
    ((event,),) = receiver.batches
    assert event.pop("subscriptionId") > 0
    assert event == {
        "eventId": 1,
        "portalId": account.state.id,
        "appId": 4711000,
        "occurredAt": START * 1000,
        "subscriptionType": "contact.propertyChange",
        "attemptNumber": 0,
        "objectId": int(account.id_of(ADA)),
        "changeSource": "INTEGRATION",
        "propertyName": "company",
        "propertyValue": "Corp",
    }


async def test_what_does_not_change_or_is_not_subscribed_to_or_is_past_is_not_sent(receiver: Receiver) -> None:
    account = opened(receiver)
    await account.write(ADA, company="Corp")
    await subscribe(account)
    await account.write(ADA, company="Corp", phone="1")
    assert await deliver(account) == 0


async def test_changes_by_sequences_are_sent_when_they_show(receiver: Receiver) -> None:
    account = opened(receiver)
    await subscribe(account)
    account.state.settings.property_lag = 10
    await account.enroll(ADA, "310003")
    assert await deliver(account) == 0
    account.clock.now += 31
    await deliver(account)
    ada = int(account.id_of(ADA))
    assert receiver.changes == [(ada, "hs_sequences_is_enrolled", value) for value in ("true", "false")]
    assert [event["occurredAt"] - START * 1000 for event in receiver.batches[0]] == [10_000, 30_000]


async def test_new_contacts_are_sent_where_asked_for(receiver: Receiver) -> None:
    account = opened(receiver)
    await subscribe(account, subscriptions=["contact.creation"])
    answer = await account.client.post(CONTACTS, json={"properties": {"email": "new@corp.example"}})
    await deliver(account)
    assert [event["subscriptionType"] for event in receiver.batches[0]] == ["contact.creation"]
    assert receiver.changes == [(int(answer.json()["id"]), None, None)]


async def test_contacts_that_are_deleted_are_sent_where_asked_for(receiver: Receiver) -> None:
    account = opened(receiver)
    contact_id = int(account.id_of(ADA))
    await subscribe(account, subscriptions=["contact.deletion"])
    await account.control("happen", {"email": ADA, "what": "delete"})
    await deliver(account)
    ((event,),) = receiver.batches
    assert (event["subscriptionType"], event["changeFlag"], event["objectId"]) == (
        "contact.deletion",
        "DELETED",
        contact_id,
    )


async def test_at_most_a_hundred_events_go_together(receiver: Receiver) -> None:
    account = opened(receiver)
    await subscribe(account, properties=["email"])
    for size in (100, 50):
        inputs = [{"id": f"p{size}-{n}@corp.example", "idProperty": "email"} for n in range(size)]
        await account.upsert(*inputs)
    await deliver(account)
    assert [len(batch) for batch in receiver.batches] == [100, 50]


@pytest.mark.parametrize("failure", [500, 400, 0])
async def test_a_batch_that_is_not_taken_is_sent_again_a_few_times(receiver: Receiver, failure: int) -> None:
    account = opened(receiver, webhook_attempts=3, webhook_retry_seconds=5)
    receiver.statuses = [failure] * 3
    await subscribe(account)
    await account.write(ADA, company="Corp")
    made = []
    for pause in (0.0, 4.5, 0.5, 5.0, 5.0):
        account.clock.now += pause
        made.append(await deliver(account))
    assert made == [1, 0, 1, 1, 0]
    assert [batch[0]["attemptNumber"] for batch in receiver.batches] == [0, 1, 2]
    assert {batch[0]["eventId"] for batch in receiver.batches} == {1}
    (hook,) = (await account.client.get("/_sandbox/webhooks")).json()
    assert (hook["answers"], hook["waiting"]) == ([failure] * 3, 0)


async def test_every_batch_comes_twice_on_request(receiver: Receiver) -> None:
    account = opened(receiver, webhook_duplicates=True)
    await subscribe(account)
    await account.write(ADA, company="Corp")
    assert await deliver(account) == 2
    assert receiver.batches[0] == receiver.batches[1]


async def test_accounts_tell_of_themselves_only(receiver: Receiver) -> None:
    account = opened(receiver)
    subscription = {"url": URL, "secret": SECRET, "subscriptions": ["contact.propertyChange"]}
    await account.control("webhooks", subscription, "north")
    await account.write(ADA, company="Corp")
    assert (await account.control("webhooks/deliver", {}, "north"), await deliver(account)) == ({"delivered": 0}, 0)


async def test_nothing_more_is_sent_once_it_is_ended(receiver: Receiver) -> None:
    account = opened(receiver)
    await subscribe(account)
    await account.write(ADA, company="Corp")
    assert (await account.client.delete("/_sandbox/webhooks")).status_code == 200
    assert await deliver(account) == 0


@pytest.mark.parametrize("wrong", [{"url": "segue"}, {"url": 1}, {"subscriptions": ["deal.creation"]}, {"x": 1}])
async def test_a_subscription_that_makes_no_sense_is_refused(account: SandboxAccount, wrong: dict[str, Any]) -> None:
    subscription = {"url": URL, "secret": SECRET, "subscriptions": ["contact.propertyChange"]} | wrong
    assert (await account.client.post("/_sandbox/webhooks", json=subscription)).status_code == 422


async def test_a_workflow_posts_a_contact_on_request(receiver: Receiver) -> None:
    account = opened(receiver)
    receiver.statuses = [429]
    body = {"url": f"{URL}?flow=demo", "secret": SECRET, "email": ADA}
    assert await account.control("workflow-webhook", body) == {"status": 429}
    assert await account.control("workflow-webhook", body | {"body": {"email": ADA}}) == {"status": 200}
    whole, custom = [json.loads(request.content) for request in receiver.requests]
    assert (whole["vid"], whole["portal-id"]) == (int(account.id_of(ADA)), account.state.id)
    assert whole["properties"]["email"] == {"value": ADA}
    assert custom == {"email": ADA}


async def test_what_is_sent_carries_signatures_that_hold_where_they_are_read(receiver: Receiver) -> None:
    account = opened(receiver)
    url = f"{URL}?flow=demo%40corp&x=%20"
    await subscribe(account, url=url)
    await account.write(ADA, company="Corp")
    await deliver(account)
    await account.control("workflow-webhook", {"url": url, "secret": SECRET, "email": ADA})
    older = PROVIDER.Options.model_validate({"signatures": "any"})
    config = SourceConfig("crm", "hubspot", (Secret(SECRET),), older)
    now = datetime.fromtimestamp(account.clock.now, UTC)
    for request in receiver.requests:
        delivery = Delivery("1", "crm", now, request.method, url, dict(request.headers), request.content)
        assert PROVIDER.verify(delivery, config, now) == Secret(SECRET)
    versions = [request.headers.get("x-hubspot-signature-version") for request in receiver.requests]
    assert versions == ["v1", "v2"]
    assert ["x-hubspot-signature-v3" in request.headers for request in receiver.requests] == [True, False]


def test_signatures_are_the_ones_of_hubspots_own_libraries() -> None:
    secret, url, body = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy", "https://www.example.com/webhook_uri", VECTOR
    assert signing.first(secret, body) == "69fc6631a867edd4f9e9e627fc5c1148e3fbdd8b21837b6d2b8901c1fa57f750"
    second = signing.second(secret, "POST", url, body)
    assert second == "4fe4e3a7d3cf09db53be39d0a58130e2aaba074ec123a9e355b876a689a1c383"
    third = signing.third(secret, "POST", url, body, "1693657560000")
    assert third == "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="
