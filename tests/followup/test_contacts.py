"""How a contact is asked what became of its sequences, and how those are found whose sequence ended."""

from __future__ import annotations

import json
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import OutcomeUnknown, Refusal
from app.followup.contacts import DATES, HubSpotEnds, is_gone, seen_from
from app.followup.ends import Seen
from app.hubspot.api import search
from app.hubspot.api.call import Page
from app.hubspot.api.replies import Reply
from app.hubspot.api.search import contacts_between

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.hubspot.client import HubSpotClient

NINE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PAGE = contacts_between(DATES, NINE, NINE + timedelta(hours=1))


def reply(body: Any, status: int = 200) -> Reply:
    return Reply(status, {}, json.dumps(body).encode())


def test_a_search_names_each_date_and_a_window_in_milliseconds_and_sorts_by_id() -> None:
    assert (PAGE.method, PAGE.path("2026-03"), PAGE.kind) == ("POST", "/crm/objects/2026-03/contacts/search", "search")
    body = PAGE.json
    assert body is not None
    window = [("GTE", "1795424400000"), ("LTE", "1795428000000")]
    asked = [
        [(one["propertyName"], one["operator"], one["value"]) for one in group["filters"]]
        for group in body["filterGroups"]
    ]
    assert asked == [[(name, *bound) for bound in window] for name in DATES]
    assert body["sorts"] == [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]
    assert body["limit"] == 200


def test_a_search_stays_within_hubspots_limits_on_one_query() -> None:
    call = contacts_between(DATES, NINE, NINE, beyond="9" * 18)
    assert call.json is not None
    groups = [group["filters"] for group in call.json["filterGroups"]]
    assert len(groups) <= 5
    assert max(len(group) for group in groups) <= 6
    assert sum(len(group) for group in groups) <= 18
    assert len(json.dumps(call.json)) <= 3000
    assert all({"propertyName": "hs_object_id", "operator": "GTE", "value": "9" * 18} in group for group in groups)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"total": 0, "results": []}, Page((), None)),
        ({"total": 2, "results": [{"id": "501"}, {"id": "777"}]}, Page(("501", "777"), None)),
        (
            {"results": [{"id": "501"}, {"id": 777}], "paging": {"next": {"after": "2"}}},
            Page(("501", "777"), "778"),
        ),
        ({"results": [{"id": "x"}, {}, "501"], "paging": {"next": {"after": "2"}}}, Page((), None)),
        ({}, Page((), None)),
    ],
)
def test_a_page_tells_who_comes_after_it(body: Any, found: Page[str]) -> None:
    assert PAGE.parse(reply(body)) == found


def test_a_full_page_is_followed_by_another_one_whatever_else_it_says() -> None:
    results = [{"id": str(number)} for number in range(1000, 1000 + search.PAGE_SIZE)]
    assert PAGE.parse(reply({"results": results})).after == str(1000 + search.PAGE_SIZE)


def test_a_search_too_many_is_recognised_by_its_message_alone() -> None:
    with pytest.raises(Refusal) as refused:
        PAGE.parse(reply({"status": "error", "message": "You have reached your secondly limit."}, 429))
    assert refused.value.code == "RATE_LIMIT_SECONDLY"
    with pytest.raises(OutcomeUnknown):
        PAGE.parse(Reply(200, {}, b"<html>"))


def test_a_contact_is_read_by_hubspots_names() -> None:
    properties = {
        "hs_sequences_is_enrolled": "false",
        "hs_latest_sequence_enrolled": "310001",
        "hs_latest_sequence_enrolled_date": "2026-11-23T09:00:00.000Z",
        "hs_latest_sequence_ended_date": str(round((NINE + timedelta(hours=1)).timestamp() * 1000)),
        "hs_latest_sequence_finished_date": "",
        "hs_latest_sequence_unenrolled_date": "yesterday",
        "hs_sales_email_last_replied": None,
        "hs_email_optout": "true",
    }
    expected = Seen(enrolled=False, latest="310001", since=NINE, ended=NINE + timedelta(hours=1), opted_out=True)
    assert seen_from(properties) == expected


@given(st.binary(max_size=200), st.integers(100, 599))
def test_any_answer_to_a_search_ends_in_the_error_tree(body: bytes, status: int) -> None:
    with suppress(Refusal, OutcomeUnknown):
        assert isinstance(PAGE.parse(Reply(status, {}, body)), Page)


async def test_who_is_refused_shows_nothing_and_only_who_is_not_spoken_of_is_left_out(
    new_client: Callable[..., aclosing[HubSpotClient]],
) -> None:
    errors = [
        {"status": "error", "category": "OBJECT_NOT_FOUND", "message": "x", "context": {"ids": ["2"]}},
        {"status": "error", "category": "VALIDATION_ERROR", "message": "x", "context": {"ids": ["3"]}},
    ]
    body = {"results": [{"id": "1", "properties": {"hs_sequences_is_enrolled": "true"}}], "errors": errors}
    far = httpx.MockTransport(lambda _: httpx.Response(207, json=body))
    async with new_client(far) as client:
        seen = await HubSpotEnds(client).read(["1", "2", "3", "4"])
    assert seen == {"1": Seen(enrolled=True), "2": None, "3": Seen()}


def test_only_who_is_not_there_is_gone() -> None:
    assert is_gone(Refusal("OBJECT_NOT_FOUND", status=400))
    assert is_gone(Refusal("HTTP_404", status=404))
    assert not is_gone(Refusal("MISSING_SCOPES", status=403))
    assert not is_gone(OutcomeUnknown("torn"))
