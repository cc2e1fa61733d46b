"""What became of those who were enrolled: each end, what is known of it, and how it is learnt."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from app.errors import FenceLost
from app.followup.ends import PATIENCE, Ended, How
from app.followup.schedule import AFTERMATH, DAILY, SECOND_LOOK
from app.followup.store import Finding, Learnt
from tests.followup.conftest import ADA, LONG, OTHER

if TYPE_CHECKING:
    from tests.followup.conftest import Follow, Merged

HOUR = timedelta(hours=1)
ROUND = timedelta(minutes=5)


@pytest.mark.parametrize(
    ("what", "ended", "sentence"),
    [
        ("finish", ("finished", True, False), "known: it ran to its end at "),
        ("reply", ("unenrolled", True, True), "; inferred: because of a reply at "),
        ("meeting", ("unenrolled", True, False), "; inferred: by a meeting, a colleague, a workflow or a bounce"),
        ("unenroll", ("unenrolled", True, False), "; inferred: by a meeting, a colleague, a workflow or a bounce"),
        ("opt_out", ("unenrolled", True, False), "; inferred: because of the opt-out"),
    ],
)
async def test_the_search_finds_an_end_and_a_look_says_how(
    follow: Follow, make_entry: Any, what: str, ended: tuple[Any, ...], sentence: str
) -> None:
    await follow.enrolled(make_entry)
    await follow.happen(what)
    await follow.turn()
    assert follow.asked() == ["search", "read"]
    assert await follow.ended() == [ended]
    details = {
        cause: detail for before, after, cause, detail in await follow.journal() if before == after == "enrolled"
    }
    assert sentence in details["ended"]
    assert ("replied" in details) == (what == "reply")
    assert await follow.road.state() == ("enrolled", None)
    assert follow.counted.ends == [(LONG, ended[0], True)]
    assert follow.counted.replies == ([LONG] if what == "reply" else [])
    outbound = {event["type"]: event for event in await follow.outbound()}
    assert {f"enrollment.{cause}" for cause in details} == set(outbound)
    end = outbound["enrollment.ended"]
    assert (end["endpoint"], end["timestamp"]) == ("main ended", end["data"]["ended_at"])
    assert (end["data"]["ended"], end["data"]["ended_known"], end["data"]["state"]) == (ended[0], ended[1], "enrolled")
    assert end["data"]["ended_why"] == details["ended"]
    ((late,),) = await follow.road.run("SELECT ended_at - enrolled_at < interval '0' FROM enrollments")
    assert late is False


async def test_who_is_still_in_the_sequence_is_left_alone_until_tomorrow(follow: Follow, make_entry: Any) -> None:
    await follow.enrolled(make_entry)
    await follow.turn()
    assert follow.asked() == ["search"]  # no sequence ended, and nothing is due yet
    await follow.later(HOUR)
    await follow.turn()
    assert follow.asked() == ["search", "search", "read"]
    assert await follow.ended() == [(None, None, False)]
    assert follow.counted.looks == {"running": 1}
    await is_due_in(follow, DAILY)


async def is_due_in(follow: Follow, wait: timedelta) -> None:
    ((due,),) = await follow.road.run("SELECT follow_at - clock_timestamp() FROM enrollments")
    assert wait - timedelta(minutes=2) < due <= wait


async def test_one_that_was_settled_without_an_answer_is_followed_too(follow: Follow, make_entry: Any) -> None:
    await follow.road.fault(route="enroll", kind="drop_after", times=1)
    await follow.enrolled(make_entry)
    assert await follow.road.settle() == ("enrolled", None)
    assert await follow.road.run("SELECT enrolled_at FROM enrollments") == [(None,)]
    await follow.happen("reply")
    await follow.turn()
    assert await follow.ended() == [("unenrolled", True, True)]


async def test_another_sequence_that_took_its_place_ends_it_and_how_is_unknown(follow: Follow, make_entry: Any) -> None:
    await follow.enrolled(make_entry)
    await follow.happen("unenroll")
    await follow.road.control("enroll-elsewhere", {"email": ADA, "sequence": OTHER})
    await follow.turn()
    assert await follow.ended() == [("unknown", False, False)]
    ((_, _, cause, detail),) = await follow.journal()
    assert cause == "ended"
    assert detail.startswith(f"inferred: sequence {OTHER} took its place at ")


async def test_two_enrollments_of_one_person_have_each_their_own_end(follow: Follow, make_entry: Any) -> None:
    await follow.enrolled(make_entry)
    await follow.happen("finish")
    await follow.enrolled(make_entry, sequence=OTHER)
    await follow.happen("reply")
    await follow.turn()
    assert await follow.ended() == [("unknown", False, False), ("unenrolled", True, True)]


async def test_a_contact_that_was_deleted_has_ended_once_that_is_sure(follow: Follow, make_entry: Any) -> None:
    await follow.enrolled(make_entry)
    await follow.enrolled(make_entry, "bea@corp.example")
    await follow.happen("delete")
    await follow.later(HOUR)
    await follow.turn()
    assert await follow.ended() == [(None, None, False)] * 2
    assert follow.counted.looks == {"running": 1, "unclear": 1}
    await follow.later(PATIENCE)
    await follow.turn()
    assert await follow.ended() == [("unknown", False, False), (None, None, False)]
    assert await follow.road.run("SELECT ended_at FROM enrollments WHERE ended IS NOT NULL") == [(None,)]
    ((_, _, _, detail),) = await follow.journal()
    assert detail.startswith("inferred: HubSpot has no such contact any more")


async def test_properties_that_lag_end_nothing_until_they_are_there(follow: Follow, make_entry: Any) -> None:
    await follow.road.control("settings", {"property_lag": 3600.0})
    await follow.enrolled(make_entry)
    await follow.happen("finish")
    await follow.later(HOUR)
    await follow.turn()
    assert await follow.ended() == [(None, None, False)]
    assert await follow.journal() == []


async def test_a_search_that_lags_is_made_up_for_by_the_next_ones(follow: Follow, make_entry: Any) -> None:
    await follow.road.control("settings", {"search_lag": 600.0})
    await follow.enrolled(make_entry)
    await follow.turn()
    await follow.happen("finish")
    await follow.later(ROUND)
    await follow.turn()
    assert await follow.ended() == [(None, None, False)]
    await follow.road.control("settings", {"search_lag": 0.0})
    await follow.later(ROUND)
    await follow.turn()  # it searches for what ended before the search of before, too
    assert await follow.ended() == [("finished", True, False)]
    assert follow.asked() == ["search", "search", "search", "read"]


async def test_a_reply_after_the_end_is_reported_once_and_then_no_look_follows(follow: Follow, make_entry: Any) -> None:
    await follow.enrolled(make_entry)
    await follow.happen("finish")
    await follow.turn()
    await follow.happen("reply")
    await follow.later(ROUND)
    await follow.turn()
    await follow.later(ROUND)
    await follow.turn()
    assert [cause for _, _, cause, _ in await follow.journal()] == ["ended", "replied"]
    await is_due_in(follow, AFTERMATH - 2 * ROUND)
    await follow.later(AFTERMATH)
    await follow.turn()
    assert await follow.road.run("SELECT follow_at, hinted_at FROM enrollments") == [(None, None)]
    assert [cause for _, _, cause, _ in await follow.journal()] == ["ended", "replied"]


async def test_a_hinted_look_comes_before_the_one_that_waits_longest(follow: Follow, make_entry: Any) -> None:
    for name in ("ada", "bea", "cid"):
        await follow.enrolled(make_entry, f"{name}@corp.example")
    await follow.later(timedelta(days=3))
    record = follow.record()
    ((cid,),) = await follow.road.run("SELECT contact_id FROM enrollments WHERE email = 'cid@corp.example'")
    assert await record.hint([cid, "1", "2"]) == 1
    turn = await record.take_turn()
    assert turn is not None
    assert [look.contact_id for look in await record.claim(turn, 1)] == [cid]
    assert len(await record.claim(turn, 100)) == 2
    assert await record.claim(turn, 100) == []


async def test_two_replicas_tell_one_end(follow: Follow, make_entry: Any) -> None:
    for name in ("ada", "bea", "cid"):
        await follow.enrolled(make_entry, f"{name}@corp.example")
        await follow.happen("finish", f"{name}@corp.example")
    followers = [follow.follower(f"w{number}") for number in range(4)]
    await asyncio.gather(*(follower.follow() for follower in followers))
    await asyncio.gather(*(follower.follow() for follower in followers))
    assert [row[0] for row in await follow.ended()] == ["finished"] * 3
    assert len(await follow.journal()) == 3
    assert follow.counted.calls == ["search", "read"]


async def test_a_replica_that_dies_between_look_and_record_loses_nothing(follow: Follow, make_entry: Any) -> None:
    await follow.enrolled(make_entry)
    await follow.happen("finish")
    await follow.later(HOUR)
    dead = follow.record("w1")
    turn = await dead.take_turn()
    assert turn is not None
    (_,) = await dead.claim(turn, 100)
    await follow.turn(worker="w2")
    assert await follow.journal() == []  # its lease still runs
    await follow.road.run("UPDATE follow_turns SET leased_until = clock_timestamp() - interval '1 second'")
    await follow.turn(worker="w2")
    assert [cause for _, _, cause, _ in await follow.journal()] == ["ended"]


async def test_a_replica_that_lost_its_turn_says_nothing_of_what_was_searched(follow: Follow, make_entry: Any) -> None:
    await follow.enrolled(make_entry)
    slow = follow.record("w1")
    lost = await slow.take_turn()
    assert lost is not None
    await follow.road.run("UPDATE follow_turns SET leased_until = clock_timestamp() - interval '1 second'")
    turn = await follow.record("w2").take_turn()
    assert turn is not None
    query = "SELECT turn, since, until, beyond, refused, search_at FROM follow_turns"
    before = await follow.road.run(query)
    with pytest.raises(FenceLost):
        await slow.searched(lost, since=lost.now, wait=3600.0, until=lost.now, beyond="501", refused="MISSING_SCOPES")
    assert await follow.road.run(query) == before


async def test_a_look_that_another_one_has_overtaken_writes_nothing(follow: Follow, make_entry: Any) -> None:
    await follow.enrolled(make_entry)
    await follow.happen("finish")
    await follow.later(HOUR)
    slow = follow.record("w1")
    turn = await slow.take_turn()
    assert turn is not None
    (look,) = await slow.claim(turn, 100)
    await follow.road.run("UPDATE follow_turns SET leased_until = NULL")
    await follow.turn(worker="w2")
    before = await follow.road.run("SELECT follow_at FROM enrollments")
    overtaken = Finding(look, None, look.now, None, look.now)
    assert await slow.found([overtaken]) == Learnt()
    assert await follow.road.run("SELECT follow_at FROM enrollments") == before
    assert [cause for _, _, cause, _ in await follow.journal()] == ["ended"]


async def test_a_finding_that_is_written_again_changes_nothing(follow: Follow, make_entry: Any) -> None:
    await follow.enrolled(make_entry)
    await follow.later(HOUR)
    record = follow.record()
    turn = await record.take_turn()
    assert turn is not None
    (look,) = await record.claim(turn, 100)
    ended = Ended(How.FINISHED, look.now, known=True, why="known: it ran to its end")
    first = Finding(look, ended, look.now, None, look.now)
    again = Finding(look, Ended(How.UNKNOWN, None, known=False, why="inferred"), look.now - HOUR, None, look.now)
    assert await record.found([first]) == Learnt(frozenset({look.id}), frozenset({look.id}))
    assert await record.found([again]) == Learnt()
    assert await follow.ended() == [("finished", True, True)]
    assert [cause for _, _, cause, _ in await follow.journal()] == ["ended", "replied"]
    assert [event["type"] for event in await follow.outbound()] == ["enrollment.ended", "enrollment.replied"]


async def test_the_same_end_is_journalled_once_however_often_it_is_found(follow: Follow, make_entry: Any) -> None:
    await follow.enrolled(make_entry)
    await follow.happen("reply")
    for _ in range(3):
        await follow.turn()
        await follow.later(ROUND)
        await follow.record().hint([str(number) for number in range(500, 600)])
    assert [cause for _, _, cause, _ in await follow.journal()] == ["ended", "replied"]


async def test_without_search_looks_alone_find_the_end_at_growing_distances(follow: Follow, make_entry: Any) -> None:
    await follow.road.fault(route="search", kind="status", status=403, code="MISSING_SCOPES")
    await follow.enrolled(make_entry)
    await follow.later(HOUR)
    await follow.turn()
    assert follow.asked() == ["search", "read"]
    await is_due_in(follow, SECOND_LOOK)
    await follow.happen("finish")
    for _ in range(2):
        await follow.later(ROUND)
        await follow.turn()
    assert follow.asked() == ["search", "read"]  # it does not ask again what was refused
    await follow.later(SECOND_LOOK)
    await follow.turn()
    assert await follow.ended() == [("finished", True, False)]
    assert await follow.road.run("SELECT refused FROM follow_turns") == [("MISSING_SCOPES",)]


async def test_a_scope_that_was_granted_since_is_found_out(follow: Follow, make_entry: Any) -> None:
    await follow.road.fault(route="search", kind="status", status=403, code="MISSING_SCOPES")
    await follow.enrolled(make_entry)
    await follow.turn()
    await follow.road.fault()
    await follow.later(timedelta(hours=6))
    await follow.turn()
    assert await follow.road.run("SELECT refused FROM follow_turns") == [(None,)]


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "INVALID_AUTHENTICATION"), (423, "LOCKED"), (429, "SECONDLY"), (477, "MIGRATION_IN_PROGRESS")],
)
async def test_a_search_that_is_refused_for_what_passes_is_repeated_soon(
    follow: Follow, make_entry: Any, status: int, code: str
) -> None:
    await follow.road.fault(route="search", kind="status", status=status, code=code, retry_after="0", times=1)
    await follow.enrolled(make_entry)
    await follow.happen("finish")
    await follow.turn()
    assert await follow.road.run("SELECT refused FROM follow_turns") == [(None,)]
    await follow.later(ROUND)
    await follow.turn()
    assert await follow.ended() == [("finished", True, False)]


async def test_more_than_the_budget_is_never_asked(follow: Follow, make_entry: Any) -> None:
    await follow.enrolled(make_entry)
    (contact,) = await follow.road.run("SELECT contact_id FROM enrollments")
    for _ in range(4):
        await follow.later(timedelta(minutes=10))
        await follow.record().hint(contact)
        await asyncio.gather(*(follow.turn(worker=f"w{number}", calls_per_hour=5) for number in range(2)))
    assert len(follow.asked()) == 5
    await follow.later(HOUR)
    await follow.turn(calls_per_hour=5)
    assert len(follow.asked()) == 7


async def test_nothing_is_asked_while_the_accounts_day_is_spent(follow: Follow, make_entry: Any) -> None:
    await follow.enrolled(make_entry)
    await follow.happen("finish")
    await follow.road.run(
        "UPDATE rate_windows SET blocked_by = 'RATE_LIMIT_DAILY', blocked_until = clock_timestamp() + interval '1 hour'"
    )
    follower = follow.follower()
    await follower.follow()
    assert follow.asked() == []
    await follow.road.run("UPDATE rate_windows SET blocked_by = NULL, blocked_until = NULL")
    await follow.later(HOUR)
    await follower.follow()
    assert follow.asked() == []  # it rests until the day is over
    follow.ahead = timedelta(hours=2)
    await follower.follow()
    assert await follow.ended() == [("finished", True, False)]


async def test_after_a_hundred_and_eighty_days_no_look_follows(follow: Follow, make_entry: Any) -> None:
    await follow.enrolled(make_entry)
    await follow.road.run(
        "UPDATE enrollments SET enrolled_at = enrolled_at - interval '181 days', follow_at = clock_timestamp()"
    )
    await follow.turn()
    ((before, after, cause, detail),) = await follow.journal()
    assert (before, after, cause) == ("enrolled", "enrolled", "follow_given_up")
    assert detail.startswith("not known to have ended within 180 days")
    assert await follow.ended() == [(None, None, False)]
    await follow.later(timedelta(days=1))
    await follow.turn()
    assert len(await follow.journal()) == 1


async def test_what_trouble_leaves_unread_is_due_again(follow: Follow, make_entry: Any) -> None:
    await follow.enrolled(make_entry)
    await follow.happen("finish")
    await follow.road.fault(route="read", kind="drop_before", times=1)
    follower = follow.follower()
    await follower.follow()
    assert await follow.journal() == []
    await follower.follow()  # it rests a minute
    assert follow.asked() == ["search", "read"]
    follow.ahead = timedelta(minutes=2)
    await follow.later(timedelta(minutes=10))
    await follower.follow()
    assert await follow.ended() == [("finished", True, False)]


async def test_of_a_batch_that_is_refused_whole_only_the_bad_one_stays_unknown(follow: Follow, make_entry: Any) -> None:
    for name in ("ada", "bea", "cid"):
        await follow.enrolled(make_entry, f"{name}@corp.example")
        await follow.happen("finish", f"{name}@corp.example")
    await follow.road.fault(route="read", kind="status", status=400, code="VALIDATION_ERROR", times=3)
    await follow.turn()
    assert sorted(row[0] or "" for row in await follow.ended()) == ["", "finished", "finished"]
    assert follow.counted.calls == ["search"] + ["read"] * 5


async def test_whom_the_hours_calls_do_not_suffice_for_is_looked_at_soon(follow: Follow, make_entry: Any) -> None:
    for name in ("ada", "bea", "cid"):
        await follow.enrolled(make_entry, f"{name}@corp.example")
        await follow.happen("finish", f"{name}@corp.example")
    await follow.road.fault(route="read", kind="status", status=400, code="VALIDATION_ERROR", times=1)
    await follow.turn(calls_per_hour=3)
    assert follow.counted.calls == ["search", "read", "read"]
    assert sorted(row[0] or "" for row in await follow.ended()) == ["", "", "finished"]
    waits = await follow.road.run(
        "SELECT follow_at < now() + interval '11 minutes' FROM enrollments WHERE ended IS NULL"
    )
    assert waits == [(True,), (True,)]


async def merge_bea_and_cid(follow: Follow, merged: Merged, make_entry: Any) -> None:
    """Have three whose sequences ended; two of them were merged into contacts of another id since."""
    for name in ("ada", "bea", "cid"):
        await follow.enrolled(make_entry, f"{name}@corp.example")
        await follow.happen("finish", f"{name}@corp.example")
    ids = await follow.road.run("SELECT contact_id FROM enrollments WHERE email <> 'ada@corp.example'")
    merged.into = {contact_id: f"9{contact_id}" for (contact_id,) in ids}


async def test_who_is_answered_for_under_another_id_is_read_alone(
    follow: Follow, merged: Merged, make_entry: Any
) -> None:
    await merge_bea_and_cid(follow, merged, make_entry)
    await follow.turn()
    assert [row[0] for row in await follow.ended()] == ["finished"] * 3
    assert follow.counted.calls == ["search", "read", "read", "read"]


async def test_whom_no_answer_speaks_of_and_no_call_is_left_for_is_looked_at_soon(
    follow: Follow, merged: Merged, make_entry: Any
) -> None:
    await merge_bea_and_cid(follow, merged, make_entry)
    await follow.turn(calls_per_hour=3)
    assert follow.counted.calls == ["search", "read", "read"]
    assert sorted(row[0] or "" for row in await follow.ended()) == ["", "finished", "finished"]
    assert follow.counted.looks == {"ended": 2}


async def test_more_than_a_page_of_ends_is_read_page_by_page(follow: Follow, make_entry: Any) -> None:
    await follow.enrolled(make_entry)
    await follow.happen("finish")
    await many_end(follow, 220)
    await follow.turn(calls_per_hour=1)
    assert follow.asked() == ["search"]
    await follow.later(2 * HOUR)
    await follow.turn()
    assert follow.asked() == ["search", "search", "read"]  # from where it was, and to the end
    assert await follow.ended() == [("finished", True, False)]


async def many_end(follow: Follow, count: int) -> None:
    """End sequences of people who were enrolled elsewhere."""
    emails = [f"n{number}@many.example" for number in range(count)]
    for first in range(0, count, 100):
        await follow.road.write_all(emails[first : first + 100], firstname="N")
    for email in emails:
        await follow.road.control("enroll-elsewhere", {"email": email, "sequence": LONG})
        await follow.happen("finish", email)


async def test_a_search_without_end_leaves_half_of_the_calls_to_looks(follow: Follow, make_entry: Any) -> None:
    await follow.enrolled(make_entry)
    await many_end(follow, 220)
    # However often it begins anew, each search has two pages.
    settings = {"calls_per_hour": 8, "seconds": 10.0}
    for _ in range(12):
        await follow.turn(**settings)
        await follow.later(timedelta(minutes=5))
    assert follow.asked().count("search") == 4
    # Whom HubSpot's webhook names is looked at in the same hour.
    await follow.happen("finish")
    (contact,) = await follow.road.run("SELECT contact_id FROM enrollments")
    await follow.record().hint(contact)
    await follow.turn(**settings)
    assert await follow.ended() == [("finished", True, False)]


async def test_with_the_smallest_budget_a_look_still_happens(follow: Follow, make_entry: Any) -> None:
    await follow.enrolled(make_entry)
    await follow.happen("finish")
    for _ in range(3):
        await follow.turn(calls_per_hour=1)
        await follow.later(HOUR)
    assert follow.asked() == ["search", "read", "search"]
    assert await follow.ended() == [("finished", True, False)]
