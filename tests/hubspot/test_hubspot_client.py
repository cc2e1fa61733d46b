from __future__ import annotations

import json
import logging
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from app.errors import FenceLost, GrantRevoked, NotSent, OutcomeUnknown, Refusal
from app.hubspot.api import sequences as protocol
from app.hubspot.api.contacts import read_contacts
from app.hubspot.api.search import contacts_between
from app.hubspot.api.workflows import enroll_in_workflow
from app.hubspot.batched import BatchedHubSpot
from app.hubspot.client import CallRecord, HubSpotClient
from app.model import Sender

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ANNA = Sender("anna", "7001", "anna@acme.example")
YES = {"id": "9", "enrolledAt": "2026-11-23T09:00:00.000Z"}


def answering(status: int = 200, body: object = YES, headers: dict[str, str] | None = None) -> httpx.MockTransport:
    return httpx.MockTransport(lambda _: httpx.Response(status, json=body, headers=headers))


def failing(error: Exception) -> httpx.MockTransport:
    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    return httpx.MockTransport(fail)


async def nothing() -> None:
    """Agree to everything."""


async def reached() -> None:
    raise AssertionError("before_send was asked")


async def test_every_request_bears_the_token_and_follows_a_grant(
    new_client: Callable[..., aclosing[HubSpotClient]], rate_limit: Any
) -> None:
    asked: list[tuple[str, int]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((request.headers["authorization"], rate_limit.acquired))
        return httpx.Response(200, json={"results": []})

    async with new_client(httpx.MockTransport(answer)) as client:
        await client.send(protocol.list_sequences("7001"))
        await client.send(protocol.list_owners())
    assert asked == [("Bearer pat-secret", 1), ("Bearer pat-secret", 2)]


async def test_a_token_that_has_to_be_renewed_is_waited_for_and_what_that_raises_is_raised(
    rate_limit: Any, records: list[CallRecord]
) -> None:
    answers: list[str | Exception] = ["first", GrantRevoked("uninstalled"), "second"]
    asked: list[str] = []

    async def token() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["authorization"])
        return httpx.Response(200, json={"results": []})

    transport = httpx.MockTransport(answer)
    url = "http://hubspot.invalid"
    client = HubSpotClient(
        "emea", token, rate_limit=rate_limit, observe=records.append, base_url=url, transport=transport
    )
    async with aclosing(client):
        await client.send(protocol.list_sequences("7001"))
        with pytest.raises(GrantRevoked):
            await client.send(protocol.list_sequences("7001"))
        await client.send(protocol.list_sequences("7001"))
    assert asked == ["Bearer first", "Bearer second"]
    assert len(records) == 2


async def test_a_mended_token_is_used_by_the_next_request(rate_limit: Any, records: list[CallRecord]) -> None:
    tokens = iter(["old", " new\n"])
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["authorization"])
        return httpx.Response(200, json={"results": []})

    transport = httpx.MockTransport(answer)
    client = HubSpotClient(
        "main", lambda: next(tokens), rate_limit=rate_limit, observe=records.append, transport=transport
    )
    async with aclosing(client):
        await client.send(protocol.list_sequences("7001"))
        await client.send(protocol.list_sequences("7001"))
    assert asked == ["Bearer old", "Bearer new"]


@pytest.mark.parametrize("token", ["", "  ", "töken", "two\nlines"])
async def test_what_is_no_token_is_not_sent_and_not_shown(
    rate_limit: Any, records: list[CallRecord], token: str
) -> None:
    transport = failing(AssertionError("reached"))
    client = HubSpotClient("main", token, rate_limit=rate_limit, observe=records.append, transport=transport)
    async with aclosing(client):
        with pytest.raises(NotSent) as raised:
            await BatchedHubSpot(client).enroll("501", "310001", ANNA, before_send=reached)
    assert token.strip() == "" or token not in str(raised.value)


async def test_an_app_behind_the_transport_waits_for_before_send_too(
    new_client: Callable[..., aclosing[HubSpotClient]],
) -> None:
    story: list[str] = []

    async def app(_scope: Any, _receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        story.append("app")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(YES).encode()})

    async def before_send() -> None:
        story.append("before_send")

    async with new_client(httpx.ASGITransport(app)) as client:
        await BatchedHubSpot(client).enroll("501", "310001", ANNA, before_send=before_send)
    assert story == ["before_send", "before_send", "app"]


async def test_an_app_is_not_reached_when_before_send_raises(
    new_client: Callable[..., aclosing[HubSpotClient]],
) -> None:
    async def before_send() -> None:
        raise FenceLost

    async with new_client(failing(AssertionError("reached"))) as client:
        with pytest.raises(FenceLost):
            await BatchedHubSpot(client).enroll("501", "310001", ANNA, before_send=before_send)


async def test_a_spent_grant_is_not_used_with_any_transport(
    new_client: Callable[..., aclosing[HubSpotClient]], rate_limit: Any, records: list[CallRecord]
) -> None:
    rate_limit.spent_first = 2
    async with new_client(answering()) as client:
        await BatchedHubSpot(client).enroll("501", "310001", ANNA, before_send=nothing)
    assert (rate_limit.acquired, len(records)) == (3, 1)


async def test_a_search_takes_the_permits_of_searches_and_anything_else_those_of_requests(
    new_client: Callable[..., aclosing[HubSpotClient]], rate_limit: Any
) -> None:
    rate_limit.spent_first = 1
    nine = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    async with new_client(answering(body={"total": 0, "results": []})) as client:
        assert (await client.send(contacts_between(["createdate"], nine, nine))).items == ()
        searched, rate_limit.kinds = rate_limit.kinds, []
        assert await client.send(read_contacts(["501", "502"], ["email"])) == {}
    assert set(searched) == {"search"}
    assert len(searched) == 2  # the first one was spent
    assert rate_limit.kinds == ["general"]


async def test_a_search_too_many_reaches_the_rate_limit_by_its_own_name(
    new_client: Callable[..., aclosing[HubSpotClient]], rate_limit: Any
) -> None:
    nine = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    body = {"status": "error", "message": "You have reached your secondly limit."}
    async with new_client(answering(429, body)) as client:
        with pytest.raises(Refusal):
            await client.send(contacts_between(["createdate"], nine, nine))
    assert rate_limit.throttles == [("RATE_LIMIT_SECONDLY", None)]


async def test_a_grant_fetched_ahead_is_replaced_once_it_is_spent(
    new_client: Callable[..., aclosing[HubSpotClient]], rate_limit: Any
) -> None:
    async with new_client(answering(body={"results": [{"id": "501"}]})) as client:
        fresh = await client.permit()
        await client.send(read_contacts(["501"], ["firstname"]), permit=fresh)
        assert rate_limit.acquired == 1
        rate_limit.spent_first = 1
        spent = await client.permit()
        await client.send(read_contacts(["501"], ["firstname"]), permit=spent)
        assert rate_limit.acquired == 3


@pytest.mark.parametrize(
    ("error", "becomes"),
    [
        (httpx.ConnectError("x"), NotSent),
        (httpx.ConnectTimeout("x"), NotSent),
        (httpx.PoolTimeout("x"), NotSent),
        (httpx.ReadTimeout("x"), OutcomeUnknown),
        (httpx.WriteTimeout("x"), OutcomeUnknown),
        (httpx.ReadError("x"), OutcomeUnknown),
        (httpx.WriteError("x"), OutcomeUnknown),
        (httpx.CloseError("x"), OutcomeUnknown),
        (httpx.RemoteProtocolError("x"), OutcomeUnknown),
        (httpx.DecodingError("x"), OutcomeUnknown),
    ],
)
async def test_what_left_is_distinguished_from_what_never_did(
    new_client: Callable[..., aclosing[HubSpotClient]],
    records: list[CallRecord],
    error: Exception,
    becomes: type[Exception],
) -> None:
    async with new_client(failing(error)) as client:
        with pytest.raises(becomes):
            await BatchedHubSpot(client).enroll("501", "310001", ANNA, before_send=nothing)
    assert [(record.status, record.error_type) for record in records] == [(None, type(error).__name__)]


@pytest.mark.parametrize(
    ("status", "body", "becomes", "code"),
    [
        (400, {"errorType": "SequenceError.UNSUBSCRIBED"}, Refusal, "UNSUBSCRIBED"),
        (302, {}, Refusal, "HTTP_302"),
        (408, {}, OutcomeUnknown, "Ambiguous"),
        (502, {}, OutcomeUnknown, "Ambiguous"),
        (200, {"id": "9"}, OutcomeUnknown, "Ambiguous"),
    ],
)
async def test_one_record_per_call_says_how_it_ended(
    new_client: Callable[..., aclosing[HubSpotClient]],
    records: list[CallRecord],
    status: int,
    body: Any,
    becomes: type[Exception],
    code: str,
) -> None:
    async with new_client(answering(status, body, {"X-HubSpot-Correlation-Id": "c-1"})) as client:
        with pytest.raises(becomes):
            await BatchedHubSpot(client).enroll("501", "310001", ANNA, before_send=nothing)
    (record,) = records
    assert record.duration >= 0
    assert record == CallRecord(
        "main", "/automation/sequences/{version}/enrollments", "POST", status, code, "c-1", record.duration
    )


async def test_a_yes_is_recorded_without_a_code(
    new_client: Callable[..., aclosing[HubSpotClient]], records: list[CallRecord]
) -> None:
    async with new_client(answering()) as client:
        await BatchedHubSpot(client).enroll("501", "310001", ANNA, before_send=nothing)
    assert [(record.status, record.error_type) for record in records] == [(200, None)]


async def test_hubspots_word_on_its_limit_is_passed_on(
    new_client: Callable[..., aclosing[HubSpotClient]], rate_limit: Any
) -> None:
    limit = {"X-HubSpot-RateLimit-Max": "190", "X-HubSpot-RateLimit-Interval-Milliseconds": "10000"}
    async with new_client(answering(headers=limit)) as client:
        await BatchedHubSpot(client).enroll("501", "310001", ANNA, before_send=nothing)
    assert rate_limit.adopted == [(190, 10000)]


@pytest.mark.parametrize("maximum", ["", "0", "-1", "many", "9" * 5000, "²"])
async def test_a_senseless_limit_is_not_believed(
    new_client: Callable[..., aclosing[HubSpotClient]], rate_limit: Any, maximum: str
) -> None:
    limit = [(b"X-HubSpot-RateLimit-Max", maximum.encode()), (b"X-HubSpot-RateLimit-Interval-Milliseconds", b"10000")]
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=YES, headers=limit))
    async with new_client(transport) as client:
        await BatchedHubSpot(client).enroll("501", "310001", ANNA, before_send=nothing)
    assert rate_limit.adopted == []


async def test_a_429_reaches_the_rate_limit_and_a_senders_limit_does_not(
    new_client: Callable[..., aclosing[HubSpotClient]], rate_limit: Any
) -> None:
    for status, body in [(429, {"policyName": "DAILY"}), (400, {"errorType": "SequenceError.SEND_LIMIT_EXCEEDED"})]:
        async with new_client(answering(status, body, {"Retry-After": "7"})) as client:
            with pytest.raises(Refusal):
                await BatchedHubSpot(client).enroll("501", "310001", ANNA, before_send=nothing)
    assert rate_limit.throttles == [("RATE_LIMIT_DAILY", 7.0)]


async def test_no_address_and_no_token_reaches_logs_records_or_errors(
    new_client: Callable[..., aclosing[HubSpotClient]], records: list[CallRecord], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)  # the root's level, as a service sets it
    logging.getLogger("httpx").setLevel(logging.NOTSET)
    async with new_client(answering(400, {"message": "ada@corp.example is not valid"})) as client:
        with pytest.raises(Refusal) as enrolled:
            await client.send(enroll_in_workflow("9", "anna@acme.example"))
        with pytest.raises(Refusal) as read:
            await client.send(read_contacts(["ada@corp.example"], ["firstname"], by="email"))
    logged = f"{caplog.text} {records} {enrolled.value} {read.value}"
    assert "example" not in logged
    assert "pat-secret" not in logged


async def test_the_loggers_of_both_generations_of_httpx_are_silent(
    new_client: Callable[..., aclosing[HubSpotClient]], monkeypatch: pytest.MonkeyPatch
) -> None:
    loggers = [logging.getLogger(name) for name in ("httpx", "httpx2")]
    for logger in loggers:
        monkeypatch.setattr(logger, "level", logging.NOTSET)
    async with new_client(answering(200, YES)):
        assert [logger.level for logger in loggers] == [logging.WARNING] * 2


async def test_odd_characters_travel_as_json(new_client: Callable[..., aclosing[HubSpotClient]]) -> None:
    sent: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.content)
        return httpx.Response(200, json=YES)

    async with new_client(httpx.MockTransport(answer)) as client:
        await BatchedHubSpot(client).enroll("50\ud800", "310001", ANNA, before_send=nothing)
    assert json.loads(sent[0])["contactId"] == "50\ud800"
