from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from app.errors import OutcomeUnknown, Refusal
from app.hubspot.api import account, details, properties
from app.hubspot.api import sequences as protocol
from app.hubspot.api.account import AccountDetails, TokenInfo, Usage
from app.hubspot.api.call import Page
from app.hubspot.api.details import SendSettings, SequenceStep, User
from app.hubspot.api.properties import PropertyDefinition
from app.hubspot.api.replies import Reply
from tests.support.sandbox_account import SandboxAccount

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import aclosing

    from app.hubspot.client import HubSpotClient

MIDNIGHT = datetime(2026, 11, 24, tzinfo=UTC)


def reply(body: Any, status: int = 200) -> Reply:
    return Reply(status, {}, json.dumps(body).encode())


def test_a_step_has_what_hubspot_gives_and_none_for_the_rest() -> None:
    steps = [
        {"stepOrder": 0, "actionType": "EMAIL", "delayMillis": 0, "emailPattern": {"templateId": "77"}},
        {
            "stepOrder": 1,
            "actionType": "TASK",
            "delayMillis": 90_500,
            "taskPattern": {"taskType": "EMAIL", "taskPriority": "HIGH", "subject": "Write", "templateId": 78},
        },
        {"stepOrder": 2, "actionType": "TASK", "delayMillis": -1, "taskPattern": {"subject": "", "taskType": None}},
        {"stepOrder": 3, "actionType": "FINISH_ENROLLMENT", "delayMillis": "soon", "emailPattern": []},
    ]
    call = details.sequence_details("7001", "310001")
    assert call.parse(reply({"id": "1", "steps": steps})).steps == (
        SequenceStep("EMAIL", 0.0, "77"),
        SequenceStep("TASK", 90.5, "78", "EMAIL", "Write", "HIGH"),
        SequenceStep("TASK", None),
        SequenceStep("FINISH_ENROLLMENT", None),
    )


def test_a_running_enrollment_is_read_and_404_means_none() -> None:
    call = details.running_enrollment("501")
    body = {"id": 9, "sequenceId": "310001", "enrolledAt": "2026-11-23T09:00:00Z", "enrolledBy": 7001}
    found = call.parse(reply(body))
    assert found is not None
    assert (found.id, found.sequence, found.user_id, found.sequence_name, found.sender) == (
        "9",
        "310001",
        "7001",
        None,
        None,
    )
    assert call.parse(reply({}, 404)) is None
    with pytest.raises(OutcomeUnknown):
        call.parse(reply({"id": "9"}))


def test_a_sequence_has_its_steps_in_order_and_when_it_sends() -> None:
    call = details.sequence_details("7001", "310/1")
    assert (call.path("2026-09"), call.query) == ("/automation/sequences/2026-09/310%2F1", (("userId", "7001"),))
    steps = [{"stepOrder": 1, "actionType": "TASK"}, {"stepOrder": 0, "actionType": "EMAIL"}, {"stepOrder": 2}]
    settings = {"sendWindowStartMinute": 480, "sendWindowEndMinute": 1080, "eligibleFollowUpDays": "BUSINESS_DAYS"}
    found = call.parse(reply({"id": 310001, "name": "Demo", "steps": steps, "settings": settings}))
    assert (found.sequence.id, found.sequence.name) == ("310001", "Demo")
    assert [step.kind for step in found.steps] == ["EMAIL", "TASK", "UNKNOWN"]
    assert found.settings == SendSettings(480, 1080, "BUSINESS_DAYS")


def test_a_sequence_without_settings_is_a_sequence() -> None:
    call = details.sequence_details("7001", "1")
    garbage = {"sendWindowStartMinute": 99_999, "sendWindowEndMinute": True, "eligibleFollowUpDays": 3}
    for settings in (None, garbage):
        found = call.parse(reply({"id": "1", "steps": None, "settings": settings}))
        assert (found.steps, found.settings) == ((), SendSettings(None, None, None))
    with pytest.raises(OutcomeUnknown):
        call.parse(reply({"steps": []}))


def test_definitions_of_properties_say_what_each_takes() -> None:
    call = properties.contact_properties()
    assert (call.path("2026-09"), call.query) == ("/crm/properties/2026-09/contacts", ())
    body = {
        "results": [
            {"name": "city", "type": "string", "options": [], "modificationMetadata": {"readOnlyValue": False}},
            {"name": "tier", "type": "enumeration", "options": [{"value": "gold plus"}, {"label": "x"}, 3]},
            {
                "name": "topics",
                "type": "enumeration",
                "fieldType": "checkbox",
                "options": [{"value": "x", "label": "X"}],
            },
            {"name": "owner", "type": "enumeration", "options": [], "externalOptions": True},
            {"name": "kept", "type": "datetime", "modificationMetadata": {"readOnlyValue": True}},
            {"name": "sum", "type": "number", "calculated": True, "hasUniqueValue": True},
            {"name": "strange", "type": ["string"], "options": "none", "modificationMetadata": []},
            {"type": "string"},
            "city",
        ]
    }
    assert call.parse(reply(body)) == (
        PropertyDefinition("city", "string"),
        PropertyDefinition("tier", "enumeration", ("gold plus",)),
        PropertyDefinition("topics", "enumeration", ("x",), labels=(("X", "x"),), several=True),
        PropertyDefinition("owner", "enumeration", None),
        PropertyDefinition("kept", "datetime", read_only=True),
        PropertyDefinition("sum", "number", read_only=True, unique=True),
        PropertyDefinition("strange", None),
    )
    assert call.parse(reply({"results": []})) == ()
    with pytest.raises(OutcomeUnknown):
        call.parse(reply({"properties": []}))


def test_users_come_in_pages_with_their_seats() -> None:
    call = details.list_users(after="5")
    assert (call.path("2026-03"), call.query) == ("/settings/users/2026-03", (("limit", "100"), ("after", "5")))
    body = {
        "results": [{"id": "7001", "email": "anna@acme.example", "seatNames": ["sales-pro"]}, {"id": "7002"}, {}],
        "paging": {"next": {"after": "6"}},
    }
    users = (User("7001", "anna@acme.example", ("sales-pro",)), User("7002", None, None))
    assert call.parse(reply(body)) == Page(users, "6")


def test_a_token_is_asked_about_and_not_shown() -> None:
    call = account.token_info("pat-secret")
    assert call.json == {"tokenKey": "pat-secret"}
    assert "pat-secret" not in repr(call)
    body = {"userId": 7001, "hubId": 48, "appId": 1, "scopes": ["oauth", 5, "automation"]}
    assert call.parse(reply(body)) == TokenInfo("7001", "48", ("oauth", "automation"))
    with pytest.raises(OutcomeUnknown):
        call.parse(reply({"userId": 7001}))
    with pytest.raises(Refusal):
        call.parse(reply({}, 404))


def test_an_account_has_an_id_and_a_clock() -> None:
    call = account.account_details()
    assert call.path("2026-03") == "/account-info/2026-03/details"
    body = {"portalId": 48, "timeZone": "Europe/Berlin", "accountType": "STANDARD", "dataHostingLocation": "eu1"}
    assert call.parse(reply(body)) == AccountDetails("48", "Europe/Berlin", "STANDARD", "eu1")
    with pytest.raises(OutcomeUnknown):
        call.parse(reply({"timeZone": "UTC"}))


def test_a_days_usage_is_a_figure_or_none() -> None:
    call = account.daily_usage()
    assert call.path("2026-03") == "/account-info/2026-03/api-usage/daily/private-apps"
    body = {"usageLimit": 10, "currentUsage": 3, "fetchStatus": "CACHED", "resetsAt": "2026-11-24T00:00:00Z"}
    assert call.parse(reply({"results": [body]})) == Usage(10, 3, MIDNIGHT)
    assert call.parse(reply({"results": [body | {"fetchStatus": "TIMEOUT"}]})) is None
    assert call.parse(reply({"results": []})) is None


def test_archived_owners_are_asked_for_apart_and_keep_their_user_id() -> None:
    call = protocol.list_owners(after="5", archived=True)
    assert call.query == (("limit", "100"), ("archived", "true"), ("after", "5"))
    body = {"id": "31", "userId": None, "userIdIncludingInactive": 7001, "firstName": "Anna", "lastName": "Acme"}
    (owner,) = call.parse(reply({"results": [body]})).items
    assert (owner.user_id, owner.past_user_id, owner.name) == (None, "7001", "Anna Acme")


async def test_the_sandbox_answers_all_of_it(
    new_client: Callable[..., aclosing[HubSpotClient]], records: list[Any]
) -> None:
    portal = SandboxAccount(daily=100)
    headers = {"date": "Mon, 23 Nov 2026 09:00:00 GMT"}

    async def dated(request: httpx.Request) -> httpx.Response:
        answer = await portal._transport.handle_async_request(request)
        await answer.aread()
        return httpx.Response(
            answer.status_code, headers=[*answer.headers.items(), *headers.items()], content=answer.content
        )

    async with new_client(httpx.MockTransport(dated), token="pat-sandbox-read") as client:
        assert (await client.send(details.sequence_details("7001", "310001"))).steps[0].kind == "EMAIL"
        assert {user.id: user.seats for user in (await client.send(details.list_users())).items}["7003"] == ()
        assert "automation.sequences.enrollments.write" not in (await client.token_info()).scopes
        assert (await client.send(account.account_details())).timezone == "UTC"
        usage = await client.send(account.daily_usage())
    assert usage is not None
    assert usage.used == 4
    assert {record.date for record in records} == {datetime(2026, 11, 23, 9, tzinfo=UTC)}


async def test_a_date_that_is_none_is_none(
    new_client: Callable[..., aclosing[HubSpotClient]], records: list[Any]
) -> None:
    odd = ["yesterday", "Mon, 23 Nov 2026 09:00:00 -0000", "Mon, 99 Nov 2026 09:00:00 GMT"]
    odd.append("Mon, 01 Jan 99999999999 00:00:00 GMT")
    dates = iter(odd)

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"portalId": 1}, headers={"date": next(dates)})

    async with new_client(httpx.MockTransport(answer)) as client:
        for _ in odd:
            await client.send(account.account_details())
    assert [record.date for record in records] == [None] * len(odd)
