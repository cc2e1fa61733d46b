"""A person's story in one order over three tables, page by page, and how the person stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from app.audit.act import Act, acting
from app.catalogue.cache import Listing
from app.catalogue.listing_store import OWNERS, SEQUENCES, keep_listing
from app.clock import utc_now
from app.database.fragments import person_key
from app.enrollments.operator_store import EnrollmentOperatorStore
from app.ids import Ids
from app.people.suppression import Kind, Suppression
from app.people.suppression_store import SuppressionStore
from app.reports.id_times import tail_of
from app.reports.journal_store import MOST_LINES
from app.reports.person_statements import MOST_CONTACTS, MOST_LOOKED_AT, MOST_WAITING
from app.reports.person_store import MOST_RECENT, PersonPage, PersonStore
from tests.support.enrollments import accept, rows
from tests.support.rulebooks import loaded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlalchemy.ext.asyncio import AsyncEngine

    Accept = Callable[..., Awaitable[None]]

__all__ = ["accept"]

ADA, BEN = "ada@corp.example", "ben@corp.example"
QUOTED = f"'{ADA}'"
BOOK = loaded("""
version: 1
accounts: {main: {token: x, per_person: {enrollments: 3, per: 30d}}}
sources: {crm: {provider: json, verify: none, allow_unverified: true}}
senders: {anna: {user_id: "7001", email: anna@acme.example}}
pools: {emea: {senders: [anna], pick: round-robin, sticky: company}}
rules:
  - {id: demo, source: crm, type: signup, enroll: {sequence: "310001", sender: emea}}
""")


@pytest.fixture
def new_id() -> Callable[[str], str]:
    """Ids as a process makes them: their time decides the order of a story."""
    return Ids()


# Newer events and enrollments of the same person than one page looks at, each of a contact of its own.
COPIED = ("decision_id", "delivery_id", "rule", "account", "email", "sequence", "properties", "require", "received_at")
MANY = f"""
    WITH one AS (SELECT * FROM enrollments ORDER BY id LIMIT 1), number AS (
        SELECT n, 'f' || lpad(CAST(n AS text), 31, '0') AS tail FROM generate_series(1, {MOST_LOOKED_AT}) AS n
    ), event AS (
        INSERT INTO events (id, delivery_id, source, type, received_at, email)
        SELECT 'evt_' || tail, one.delivery_id, 'bulk', 'signup', now(), one.email FROM one, number
    )
    INSERT INTO enrollments (id, event_id, {", ".join(COPIED)}, source, intent, created_at, updated_at, state, due_at,
                             contact_id, enrolled_at)
    SELECT 'enr_' || tail, 'evt_' || tail, {", ".join(COPIED)}, 'bulk', 'i' || n, now(), now(), 'enrolled', now(),
           CAST(n AS text), now()
    FROM one, number
"""  # noqa: S608  # ours


def ids(found: PersonPage) -> list[str]:
    return [item.row["id"] for item in found.items]


async def page(engine: AsyncEngine, email: str = ADA, **more: Any) -> PersonPage:
    return await PersonStore(engine).page(email, BOOK, **more)


async def test_events_decisions_and_enrollments_stand_in_one_order(engine: AsyncEngine, accept: Accept) -> None:
    await accept(ADA, intent="one")
    await accept(BEN, intent="one")
    await accept(ADA, intent="two")
    found = await page(engine)
    assert [item.kind for item in found.items] == ["enrollment", "decision", "event"] * 2
    assert [item.row["id"][4:] for item in found.items] == sorted((i.row["id"][4:] for i in found.items), reverse=True)
    assert {item.row["email"] for item in found.items} == {ADA}
    assert not found.more
    enrollment, decision, event = found.items[:3]
    assert (event.row["source"], event.row["type"]) == ("crm", "signup")
    assert decision.row["enrollment_id"] == enrollment.row["id"]
    assert (enrollment.row["state"], enrollment.row["may_have_been_sent"]) == ("ready", False)
    assert [line["cause"] for line in enrollment.journal] == ["accepted"]
    assert "verdict" not in event.row
    assert "data" not in event.row
    assert event.at.tzinfo is not None


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 50])
async def test_pages_of_any_size_show_every_row_once(engine: AsyncEngine, accept: Accept, limit: int) -> None:
    for number in range(3):
        await accept(ADA, intent=str(number))
    whole = [item.row["id"] for item in (await page(engine)).items]
    assert len(whole) == 9
    found = await page(engine, limit=limit)
    seen = [ids(found)]
    while found.more:
        found = await page(engine, before=tail_of(seen[-1][-1]), limit=limit)
        seen.append(ids(found))
    assert [one for each in seen for one in each] == whole
    back = [ids(found)]
    while back[-1] != seen[0]:
        found = await page(engine, after=tail_of(back[-1][0]), limit=limit)
        back.append(ids(found))
        assert found.more == (whole[0] not in back[-1])
    assert back[::-1] == seen


async def test_what_came_in_between_stands_on_the_newer_page(engine: AsyncEngine, accept: Accept) -> None:
    await accept(ADA, intent="one")
    (newest, *_), edge = ids(await page(engine)), tail_of(ids(await page(engine, limit=3))[0])
    await accept(ADA, intent="two")
    newer = await page(engine, after=edge, limit=3)
    assert (len(newer.items), newer.more) == (3, False)
    assert newest not in ids(newer)
    assert ids(await page(engine, before=tail_of(ids(newer)[-1])))[0] == newest
    assert ids(await page(engine, after=tail_of(ids(newer)[0]))) == []


async def test_the_newest_enrollments_are_read_whichever_page_it_is(engine: AsyncEngine, accept: Accept) -> None:
    for number in range(MOST_RECENT + 2):
        await accept(ADA, intent=str(number))
    first, last = await page(engine, limit=3), await page(engine, before="z", limit=200)
    recent = [item for item in first.recent if item.kind == "enrollment"]
    whole = [item.row["id"] for item in last.items if item.kind == "enrollment"]
    assert [item.row["id"] for item in recent] == whole[:MOST_RECENT]
    assert [item.kind for item in first.recent if item not in recent] == ["decision"]
    assert recent[0].journal[0]["cause"] == "accepted"
    for found in (last, await page(engine, limit=200)):
        assert sorted(item.row["id"] for item in found.recent) == sorted(item.row["id"] for item in first.recent)


async def test_a_long_journal_is_cut_and_says_so(engine: AsyncEngine, accept: Accept) -> None:
    await accept(ADA)
    await rows(
        engine,
        "INSERT INTO journal (enrollment_id, at, after, attempt, cause) SELECT id, now(), 'ready', n, 'retry'"
        " FROM enrollments, generate_series(1, 19) AS n",
    )
    (whole,) = (item for item in (await page(engine)).items if item.kind == "enrollment")
    assert (whole.cut, len(whole.journal), whole.journal[0]["cause"]) == (False, MOST_LINES, "accepted")
    await rows(
        engine,
        "INSERT INTO journal (enrollment_id, at, after, attempt, cause)"
        " SELECT id, now(), 'ready', 99, 'retry' FROM enrollments",
    )
    (longer,) = (item for item in (await page(engine)).items if item.kind == "enrollment")
    assert (longer.cut, len(longer.journal), longer.journal[0]["attempt"]) == (True, MOST_LINES, 1)
    assert longer.journal[-1]["attempt"] == 99


async def test_facts_of_one_with_more_than_is_looked_at_say_so(engine: AsyncEngine, accept: Accept) -> None:
    await accept(ADA, intent="first")
    await rows(engine, "UPDATE enrollments SET contact_id = '51', state = 'held'")
    await accept(ADA, intent="last", source="crm")
    standing = (await page(engine)).standing
    assert (standing.events_cut, standing.enrollments_cut) == (False, False)
    await rows(engine, MANY)
    standing = (await page(engine)).standing
    assert (standing.events_cut, standing.enrollments_cut) == (True, True)
    assert standing.cancellable == 2  # the first is beyond what was looked at, and has an index of its own
    assert {one["state"] for one in standing.waiting} == {"held", "ready"}
    assert standing.enrolled == {"main": MOST_LOOKED_AT}
    assert len(standing.contacts) == MOST_CONTACTS
    assert standing.sources == ["bulk"]
    assert standing.first_received_at is not None


async def test_what_waits_is_counted_beyond_what_is_listed(engine: AsyncEngine, accept: Accept) -> None:
    await accept(ADA)
    await rows(engine, MANY.replace("'enrolled'", "'held'"))
    standing, _ = await PersonStore(engine).standing(ADA, BOOK)
    assert (standing.cancellable, len(standing.waiting)) == (MOST_LOOKED_AT + 1, MOST_WAITING)


async def test_nothing_is_stored_about_an_unknown_address(engine: AsyncEngine) -> None:
    found = await page(engine, "nemo@corp.example")
    assert (found.items, found.recent, found.more) == ((), (), False)
    assert found.standing.first_received_at is None
    assert (found.standing.entry, found.standing.forgotten_at, found.standing.waiting) == (None, None, ())


async def test_a_suppressed_person_is_known_by_the_entry(engine: AsyncEngine) -> None:
    await SuppressionStore(engine).add(Suppression(Kind.DOMAIN, "corp.example"), None)
    assert (await page(engine)).standing.entry == Suppression(Kind.DOMAIN, "corp.example")


async def test_intents_the_cap_and_the_sender_are_shown(engine: AsyncEngine, accept: Accept) -> None:
    await accept(ADA, intent="demo")
    await rows(engine, "UPDATE enrollments SET state = 'enrolled', enrolled_at = now(), follow_at = now() + '1 day'")
    await rows(engine, "INSERT INTO sticky_senders VALUES ('main', 'emea', 'corp.example', 'anna', now())")
    standing = (await page(engine)).standing
    (intent,) = standing.intents
    assert (intent["intent"], intent["account"]) == ("demo", "main")
    assert intent["until"] > utc_now()
    assert standing.enrolled == {"main": 1}
    (kept,) = standing.stays_with
    assert kept == {"account": "main", "pool": "emea", "sender": "anna", "by_company": True}
    assert standing.running is not None
    assert standing.running["sequence"] == "310001"
    assert standing.first_received_at is not None


async def test_what_waits_is_shown_and_an_enrollment_of_too_long_ago_does_not_count(
    engine: AsyncEngine, accept: Accept
) -> None:
    await accept(ADA, intent="old")
    await rows(engine, "UPDATE enrollments SET state = 'enrolled', enrolled_at = now() - interval '31 days'")
    await accept(ADA, intent="new")
    standing = (await page(engine)).standing
    assert standing.enrolled == {"main": 0}
    (waiting,) = standing.waiting
    assert (waiting["state"], waiting["rule"]) == ("ready", "demo")
    assert waiting["due_at"] <= utc_now()
    assert standing.running is None


async def test_other_addresses_of_the_same_contact_are_related_and_count(engine: AsyncEngine, accept: Accept) -> None:
    await accept(ADA, intent="one")
    await accept(BEN, intent="one")
    await rows(engine, "UPDATE enrollments SET contact_id = '51', state = 'enrolled', enrolled_at = now()")
    await rows(engine, "INSERT INTO hubspot_accounts VALUES ('main', '4242', 'UTC', now())")
    standing = (await page(engine)).standing
    assert list(standing.related) == [BEN]
    assert standing.enrolled == {"main": 2}
    assert list(standing.contacts) == [{"account": "main", "contact_id": "51", "portal_id": "4242"}]


async def test_who_cancelled_and_released_is_found_in_the_audit_log(engine: AsyncEngine, accept: Accept) -> None:
    await accept(ADA)
    (one,) = await rows(engine, "SELECT id FROM enrollments")
    store = EnrollmentOperatorStore(engine)
    await rows(engine, "UPDATE enrollments SET state = 'parked', reason = 'no_owner'")
    with acting(Act("marta", "operator", "127.0.0.1", "release")):
        assert await store.release_parked(reason="no_owner", rule=None, sender=None) == 1
    with acting(Act("olga", "operator", "127.0.0.1", "cancel")):
        assert await store.cancel(one.id)
    (enrollment,) = [item for item in (await page(engine)).items if item.kind == "enrollment"]
    who = [(line["cause"], line["by_operator"]) for line in enrollment.journal]
    assert who == [("accepted", None), ("released_by_operator", "marta"), ("cancelled_by_operator", "olga")]


async def test_which_rule_cancelled_is_found_by_its_enrollment(engine: AsyncEngine, accept: Accept) -> None:
    await accept(ADA, intent="one")
    await accept(ADA, intent="two", action="cancel")
    await rows(engine, "UPDATE enrollments SET rule = 'meeting-booked' WHERE intent = 'two'")
    await rows(
        engine,
        "INSERT INTO journal (enrollment_id, at, after, attempt, cause, detail) SELECT one.id, now(), 'cancelled', 0,"
        " 'cancelled_by_rule', two.id FROM enrollments one, enrollments two WHERE one.intent = 'one' AND two.intent"
        " = 'two'",
    )
    journals = [item.journal for item in (await page(engine)).items if item.kind == "enrollment"]
    assert journals[1][-1]["by_rule"] == "meeting-booked"


async def test_names_are_those_that_hubspot_listed_last(engine: AsyncEngine, accept: Accept) -> None:
    await accept(ADA)
    await rows(engine, "UPDATE enrollments SET sender_user_id = '7001'")
    sequences = Listing("main", [{"id": "310001", "name": "Demo request"}, {"id": "1", "name": "Other"}], utc_now())
    await keep_listing(engine, SEQUENCES, sequences)
    owners: list[dict[str, Any]] = [
        {"user_id": "7001", "name": "Anna Archer", "email": "a@x.io"},
        {"user_id": "2", "name": None},
    ]
    await keep_listing(engine, OWNERS, Listing("main", owners, utc_now()))
    names = (await page(engine)).names
    assert names.sequence("main", "310001") == "Demo request"
    assert names.sequence("other", "310001") is None
    assert names.sender("main", "7001") == "Anna Archer"
    assert names.sender("main", None) is None
    assert set(names.read_at) == {("main", SEQUENCES), ("main", OWNERS)}
    assert len(names.sequences) == 1


async def test_an_older_listing_does_not_take_the_place_of_a_newer_one(engine: AsyncEngine, accept: Accept) -> None:
    await accept(ADA)
    now = utc_now()
    await keep_listing(engine, SEQUENCES, Listing("main", [{"id": "310001", "name": "New"}], now))
    await keep_listing(engine, SEQUENCES, Listing("main", [{"id": "310001", "name": "Old"}], now.replace(year=2020)))
    assert (await page(engine)).names.sequence("main", "310001") == "New"


async def test_the_name_comes_from_the_newest_event_that_has_one(engine: AsyncEngine, accept: Accept) -> None:
    await accept(ADA, intent="one")
    await rows(engine, "UPDATE events SET first_name = 'Ada', last_name = 'Okafor'")
    await accept(ADA, intent="two")
    assert (await page(engine)).standing.named["last_name"] == "Okafor"


async def test_a_person_who_was_forgotten_is_known_by_the_tombstone(engine: AsyncEngine) -> None:
    for block in ("outer", "inner"):
        await rows(engine, f"INSERT INTO installation VALUES ('forgotten_{block}', '{block}') ON CONFLICT DO NOTHING")  # noqa: S608  # ours
    await rows(
        engine,
        "INSERT INTO forgotten (key, kind, forgetting_id, forgotten_at)"
        f" SELECT {person_key('address', QUOTED)}, 'address', 'fgt_1', now()",  # ours
    )
    standing = (await page(engine)).standing
    assert standing.forgotten_at is not None
    assert standing.entry is None
    assert (await page(engine, BEN)).standing.forgotten_at is None
