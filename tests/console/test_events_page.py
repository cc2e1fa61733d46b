"""The list of events: its first sentence, what became of each, how it is narrowed, and rejected deliveries."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from app.clock import utc_now
from app.console.came import NOT_BY_TYPE
from app.reports import event_statements
from app.reports.id_times import first_id
from tests.console.places import fill

if TYPE_CHECKING:
    from tests.support.console import Browser
    from tests.support.service import Running

MADE = """
    INSERT INTO events (id, delivery_id, source, type, received_at, email, data)
    SELECT 'evt_' || lpad(to_hex(CAST(EXTRACT(epoch FROM now()) * 1000 AS bigint) - 5000 + n), 12, '0')
           || lpad(CAST(n AS text), 20, '0'), 'dlv_0', 'crm', CASE WHEN n % 40 = 0 THEN 'rare' ELSE 'signup' END,
           now(), 'p' || n || '@corp.example', '{}'
    FROM generate_series(1, :rows) AS n
"""

DROPPED = """
    INSERT INTO decisions (id, event_id, delivery_id, source, verdict, reason, revision, facts, decided_at)
    SELECT 'dec_' || substr(id, 5), id, delivery_id, source, 'dropped', '', 'x', '[]', now() FROM events
"""


# More than MADE stores: what came from both sources in this hour.
TALLIES = """
    INSERT INTO tallies (hour, source, rule, account, sequence, sender, stage, reason, known, n)
    SELECT date_trunc('hour', now()), source, rule, '', '', '', stage, reason, true, n
    FROM (VALUES ('crm', '', 'verified', 'signup', 12000), ('crm', '', 'verified', 'rare', 345),
                 ('open', '', 'verified', 'rare', 1), ('crm', '', 'undecided', '', 5),
                 ('crm', '', 'unmatched', 'no_match', 40), ('crm', 'spam', 'unmatched', 'ignored', 30),
                 ('crm', '', 'unmatched', 'dropped', 20), ('crm', 'demo', 'ineligible', 'suppressed', 250),
                 ('crm', 'demo', 'enrolled', '', 12000)) AS one (source, rule, stage, reason, n)
"""
COUNTERS = """
    INSERT INTO tally_counters (hour, source, result, reason, run, n, last_at)
    SELECT date_trunc('hour', now()), 'crm', result, '', 'r', n, now()
    FROM (VALUES ('rejected', 7), ('no_rule', 2), ('repeated_events', 3)) AS one (result, n)
"""


RECEIVED = (
    "12,357 events were received from crm in the last 24 hours: 7 rejected, 3 received before,"
    " 42 with no matching rule, 30 ignored by a rule, 20 without a match for other reasons, 5 not decided yet,"
)


async def events(browser: Browser, **query: str) -> list[Any]:
    return list((await browser.json("/events", **query))["lines"]["items"])


async def test_each_event_says_what_became_of_it(web: Running, viewer: Browser) -> None:
    await fill(web)
    page = await viewer.json("/events")
    assert page["sentence"] == "5 events in the last 24 hours."
    said = {
        line["address"]: [one["words"] for one in line["became"]]
        for line in page["lines"]["items"]
        if line["type"] == "ping"
    }
    assert said == {"e***@corp.example": ["ready, sequence 310002"]}
    words = sorted(one["words"] for line in page["lines"]["items"] for one in line["became"])
    assert words == [
        "enrolled in sequence 310001",
        "no: no condition was true",
        "parked, sequence 310001",
        "ready, sequence 310001",
        "ready, sequence 310002",
    ]
    enrolled = next(one for line in page["lines"]["items"] for one in line["became"] if one["mark"] == "ok")
    assert enrolled["url"].startswith("/admin/enrollments/enr_")


async def test_an_event_without_a_decision_is_said_to_have_none(web: Running, viewer: Browser) -> None:
    await web.execute(MADE, rows=1)
    (line,) = await events(viewer)
    assert line["became"] == [{"mark": "wait", "words": "not decided yet", "rule": None, "url": None}]


async def test_an_event_that_came_again_says_so(web: Running, viewer: Browser) -> None:
    await web.execute(MADE, rows=1)
    await web.execute("UPDATE events SET repeats = 2")
    assert "came 2 times more" in (await viewer.get("/events")).text


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"source": "crm"}, 4),
        ({"type": "ping"}, 1),
        ({"source": "crm", "type": "ping"}, 0),
        ({"became": "none"}, 1),
        ({"became": "enroll"}, 4),
        ({"became": "enroll", "source": "open"}, 1),
        ({"became": "duplicate"}, 0),
    ],
)
async def test_the_list_is_narrowed(web: Running, viewer: Browser, query: dict[str, str], count: int) -> None:
    await fill(web)
    assert len(await events(viewer, **query)) == count


async def test_an_empty_list_says_what_would_fill_it(viewer: Browser) -> None:
    page = await viewer.get("/events", source="crm")
    assert "Nothing was received from crm in the last 24 hours." in page.text
    assert "An event stands here as soon as a source has sent it" in page.text
    assert "/admin/events?source=crm&amp;period=30d" in page.text


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (
            {"source": "crm"},
            f"{RECEIVED} 12,250 matched, of which 12,000 are enrolled. The newest 50 are shown.",
        ),
        ({"source": "open"}, "1 event was received from open in the last 24 hours: none matched."),
        (
            {"type": "rare"},
            f"346 events of the type rare were received in the last 24 hours; {NOT_BY_TYPE}.",
        ),
        (
            {"type": "rare", "source": "open"},
            f"1 event of the type rare was received from open in the last 24 hours; {NOT_BY_TYPE}.",
        ),
        ({"type": "a{b}"}, "No event of the type a{b} was received in the last 24 hours."),
        ({"became": "dropped"}, "The newest 50 events of these of the last 24 hours."),
    ],
)
async def test_the_first_sentence_is_by_the_tallies(
    web: Running, viewer: Browser, query: dict[str, str], said: str
) -> None:
    for statement in (TALLIES, COUNTERS):
        await web.execute(statement)
    await web.execute(MADE, rows=60)
    await web.execute(DROPPED)
    assert (await viewer.json("/events", **query))["sentence"] == said


async def test_a_page_says_which_of_the_events_it_shows(web: Running, viewer: Browser) -> None:
    await web.execute(TALLIES)
    await web.execute(MADE, rows=60)
    first = await viewer.json("/events")
    assert first["sentence"].endswith("of which 12,000 are enrolled. The newest 50 are shown.")
    older = (await viewer.client.get(first["lines"]["older"])).json()
    assert older["sentence"].endswith(" Earlier ones are shown.")
    beyond = await viewer.json("/events", before="evt_0")
    assert beyond["sentence"].endswith(" None of them stands on this page.")


async def test_what_is_not_tallied_yet_is_said_as_it_is_shown(web: Running, viewer: Browser) -> None:
    await web.execute(COUNTERS)
    await web.execute(MADE, rows=2)
    assert (await viewer.json("/events"))["sentence"] == "2 events in the last 24 hours."


async def test_an_event_before_the_period_is_not_listed(web: Running, viewer: Browser) -> None:
    await web.execute(MADE, rows=1)
    await web.execute("UPDATE events SET id = :id", id=first_id("evt", utc_now() - timedelta(hours=25)) + "0" * 20)
    assert await events(viewer) == []
    assert len(await events(viewer, period="7d")) == 1


@pytest.mark.parametrize("became", [{}, {"became": "dropped"}])
async def test_pages_of_the_list_lead_on_and_back(web: Running, viewer: Browser, became: dict[str, str]) -> None:
    await web.execute(MADE, rows=120)
    await web.execute(DROPPED)
    first = await viewer.json("/events", source="crm", **became)
    assert first["sentence"] == "The newest 50 events of these of the last 24 hours."
    assert first["lines"]["newer"] is None
    second = (await viewer.client.get(first["lines"]["older"])).json()
    last = (await viewer.client.get(second["lines"]["older"])).json()
    found = [line["id"] for page in (first, second, last) for line in page["lines"]["items"]]
    assert len(found) == len(set(found)) == 120
    assert found == sorted(found, reverse=True)
    assert (last["lines"]["older"], last["sentence"]) == (None, "Earlier events of these of the last 24 hours.")
    back = (await viewer.client.get(last["lines"]["newer"])).json()
    assert back["lines"]["items"] == second["lines"]["items"]
    assert back["sentence"] == "Earlier events of these of the last 24 hours."
    top = (await viewer.client.get(back["lines"]["newer"])).json()
    assert (top["lines"]["items"], top["lines"]["newer"]) == (first["lines"]["items"], None)
    assert top["sentence"] == first["sentence"]


async def test_what_comes_in_between_stands_on_a_newer_page(web: Running, viewer: Browser) -> None:
    await web.execute(MADE, rows=60)
    first = (await viewer.json("/events"))["lines"]
    second = (await viewer.client.get(first["older"])).json()["lines"]
    await web.execute("UPDATE events SET id = 'evt_f' || id WHERE id = :id", id=second["items"][-1]["id"])
    back = (await viewer.client.get(second["newer"])).json()["lines"]
    assert back["items"] == first["items"]
    newer = (await viewer.client.get(back["newer"])).json()["lines"]
    assert ([line["id"][:5] for line in newer["items"]], newer["newer"]) == (["evt_f"], None)
    html = (await viewer.client.get(back["newer"].replace(".json", ""))).text
    assert 'rel="next">older →' in html
    assert 'rel="prev"' not in html


async def test_a_page_beyond_the_list_leads_back_to_its_beginning(web: Running, viewer: Browser) -> None:
    await web.execute(MADE, rows=3)
    beyond = await viewer.json("/events", before="evt_0")
    assert (beyond["lines"]["items"], beyond["lines"]["newer"]) == ([], "/admin/events.json")
    above = await viewer.json("/events", after="evt_z")
    assert (above["lines"]["items"], above["lines"]["older"]) == ([], "/admin/events.json")
    assert above["sentence"] == "No event in the last 24 hours on this page."
    assert "Nothing stands there, or nothing any more." in (await viewer.get("/events", before="evt_0")).text


async def test_a_look_that_ends_early_says_how_far_it_came(
    web: Running, viewer: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_statements, "LOOK", 60)
    await web.execute(MADE, rows=120)
    page = await viewer.json("/events", source="crm", type="rare")
    assert [line["type"] for line in page["lines"]["items"]] == ["rare", "rare"]
    assert page["looked_back_to"] is not None
    assert page["lines"]["older"] is None
    assert "as far as was looked" in page["sentence"]
    html = (await viewer.get("/events", source="crm", type="rare")).text
    assert "looked back to" in html
    further = (await viewer.client.get(page["further"])).json()
    assert [line["type"] for line in further["lines"]["items"]] == ["rare"]
    back, found = further["lines"], []
    while back["newer"]:  # a look at newer ones ends as early, and elsewhere
        back = (await viewer.client.get(back["newer"])).json()["lines"]
        found += back["items"][::-1]
    assert found == page["lines"]["items"][::-1]


async def test_a_look_at_newer_events_that_ends_early_goes_on_with_the_newer_page(
    web: Running, viewer: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_statements, "LOOK", 60)
    await web.execute(MADE, rows=120)
    page = await viewer.json("/events", source="crm", type="rare", after="evt_0")
    assert len(page["lines"]["items"]) == 1
    assert (page["looked_back_to"], page["further"]) == (None, None)
    newer = (await viewer.client.get(page["lines"]["newer"])).json()
    assert len(newer["lines"]["items"]) == 2


async def test_rejected_deliveries_stand_beside_where_asked(web: Running, viewer: Browser, operator: Browser) -> None:
    await fill(web)
    await web.rows_once_there("SELECT id FROM refused_deliveries")
    assert (await viewer.json("/events"))["rejected"] is None
    (one,) = (await viewer.json("/events", rejected="1"))["rejected"]
    assert (one["source"], one["status"], one["code"]) == ("crm", 401, "missing_signature")
    assert one["url"] is None
    (seen,) = (await operator.json("/events", rejected="1"))["rejected"]
    assert (await operator.client.get(seen["url"])).status_code == 200
    assert one["why"] == "It has no signature, or nothing it could be checked by."
    assert (await viewer.json("/events", rejected="1", source="open"))["rejected"] == []
    html = (await viewer.get("/events", rejected="1", source="open")).text
    assert "No rejected delivery of these is kept." in html


async def test_more_rejected_deliveries_than_are_shown_are_said_to_be_kept(web: Running, viewer: Browser) -> None:
    await web.execute(
        "INSERT INTO refused_deliveries (id, source, received_at, status, reason, method, url, headers, body)"
        " SELECT 'dlv_' || n, 's' || n % 4, now(), 401, 'missing_signature', 'POST', '/', '{}', ''"
        " FROM generate_series(1, 51) AS n"
    )
    page = await viewer.json("/events", rejected="1")
    assert (len(page["rejected"]), page["more_rejected"]) == (50, True)
    assert "the list has all that are kept of it" in (await viewer.get("/events", rejected="1")).text
    assert not (await viewer.json("/events", rejected="1", source="s1"))["more_rejected"]


async def test_what_is_no_filter_is_refused(viewer: Browser) -> None:
    for query in (
        {"before": "enr_0"},
        {"after": "evt_'"},
        {"after": ""} | {"before": "evt_" + "0" * 61},
        {"period": "1y"},
        {"sort": "up"},
    ):
        assert (await viewer.get("/events", **query)).status_code == 422
