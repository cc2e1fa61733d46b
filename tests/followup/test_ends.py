"""What became of an enrollment, by what a contact shows: known, inferred, or unknown."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.followup.contacts import NAMES, seen_from
from app.followup.ends import How, Judgement, Ours, Seen, gone, judge

BEGAN = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
OURS = Ours("310001", BEGAN, BEGAN)


def at(minutes: float) -> datetime:
    return BEGAN + timedelta(minutes=minutes)


def seen(**changes: Any) -> Seen:
    shown: dict[str, Any] = {"enrolled": False, "latest": "310001", "since": BEGAN}
    return Seen(**shown | changes)


RUNNING = Judgement()
UNCLEAR = Judgement(unclear=True)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (seen(enrolled=True), RUNNING),
        (seen(enrolled=None), RUNNING),
        (Seen(), RUNNING),  # nothing is shown, and nothing is said
        (Seen(enrolled=False, latest="310001"), RUNNING),  # its date cannot be read: whose it is is unknown
        (seen(latest="310009", since=at(-60)), RUNNING),  # HubSpot does not show ours yet
        (seen(), UNCLEAR),  # in no sequence, and no date of an end: the dates lag
        (seen(ended=at(-30), finished=at(-30)), UNCLEAR),  # the end of the sequence before
        (seen(ended=at(50)), UNCLEAR),  # of the two dates that name the kind neither is there yet
        (seen(enrolled=True, ended=at(50), finished=at(50)), UNCLEAR),  # one of them lags
        (seen(finished=at(50), unenrolled=at(40)), UNCLEAR),
    ],
)
def test_what_does_not_show_an_end_claims_none(shown: Seen, expected: Judgement) -> None:
    assert judge(shown, OURS, waited=False) == expected


@pytest.mark.parametrize(
    ("shown", "how", "when", "known"),
    [
        (seen(finished=at(50), ended=at(50)), How.FINISHED, at(50), True),
        (seen(finished=at(50)), How.FINISHED, at(50), True),
        (seen(unenrolled=at(50), ended=at(50)), How.UNENROLLED, at(50), True),
        (seen(enrolled=None, unenrolled=at(50)), How.UNENROLLED, at(50), True),
        (seen(finished=at(50), unenrolled=at(-50)), How.FINISHED, at(50), True),  # the other one is of long ago
        (seen(since=at(-0.5), finished=at(-0.2)), How.FINISHED, BEGAN, True),  # HubSpot's clock is behind
        (seen(latest="310009", since=at(60)), How.UNKNOWN, at(60), False),
        (seen(latest="310009", since=at(60), ended=at(55), finished=at(55)), How.UNKNOWN, at(55), False),
        (seen(latest="310009", since=at(60), ended=at(70), finished=at(70)), How.UNKNOWN, at(60), False),
        (seen(since=at(600), enrolled=True), How.UNKNOWN, at(600), False),  # the same sequence, again
    ],
)
def test_an_end_says_what_is_known(shown: Seen, how: How, when: datetime, known: bool) -> None:  # noqa: FBT001
    ended = judge(shown, OURS, waited=False).ended
    assert ended is not None
    assert (ended.how, ended.at, ended.known) == (how, when, known)
    assert ended.why.startswith("known: " if known else "inferred: ")


@pytest.mark.parametrize(
    ("shown", "how", "when"),
    [
        (seen(), How.UNKNOWN, None),
        (seen(ended=at(50)), How.UNKNOWN, at(50)),
        (seen(finished=at(50), unenrolled=at(40)), How.UNKNOWN, at(50)),
        (seen(enrolled=True, finished=at(50)), How.FINISHED, at(50)),
    ],
)
def test_what_never_comes_to_fit_is_taken_for_what_it_says(shown: Seen, how: How, when: datetime | None) -> None:
    ended = judge(shown, OURS, waited=True).ended
    assert ended is not None
    assert (ended.how, ended.at, ended.known) == (how, when, False)


@pytest.mark.parametrize(
    ("shown", "reason"),
    [
        (seen(unenrolled=at(50), replied=at(49)), "because of a reply at 2026-11-23 09:49:00 UTC"),
        (seen(unenrolled=at(500), replied=at(49)), "by a meeting"),  # that reply did not end it
        (seen(unenrolled=at(50), opted_out=True), "because of the opt-out"),
        (seen(unenrolled=at(50)), "by a meeting, a colleague, a workflow or a bounce"),
    ],
)
def test_why_a_contact_was_unenrolled_is_only_inferred(shown: Seen, reason: str) -> None:
    ended = judge(shown, OURS, waited=False).ended
    assert ended is not None
    assert ended.known
    known, _, inferred = ended.why.partition("; inferred: ")
    assert known == f"known: the contact was unenrolled at {shown.unenrolled:%Y-%m-%d %H:%M:%S} UTC"
    assert inferred.startswith(reason)


@pytest.mark.parametrize(
    ("shown", "replied_at"),
    [
        (seen(enrolled=True, replied=at(30)), at(30)),
        (seen(enrolled=True, replied=at(-30)), None),  # to something before
        (seen(finished=at(50), replied=at(60)), at(60)),
        (seen(finished=at(50), replied=at(5000)), None),  # to something else, long after
        (seen(latest="310009", since=at(60), replied=at(30)), at(30)),
        (seen(latest="310009", since=at(60), replied=at(90)), None),  # to the one that took its place
        (seen(replied=at(30)), at(30)),
    ],
)
def test_a_reply_counts_while_it_can_be_to_this_sequence(shown: Seen, replied_at: datetime | None) -> None:
    assert judge(shown, OURS, waited=False).replied_at == replied_at


def test_a_contact_that_is_gone_is_looked_for_again_before_an_end_is_claimed() -> None:
    assert gone(waited=False) == UNCLEAR
    ended = gone(waited=True).ended
    assert ended is not None
    assert (ended.how, ended.at, ended.known) == (How.UNKNOWN, None, False)


moments = st.integers(-90, 3000).map(at)
dates = st.none() | moments
sightings = st.builds(
    Seen, st.none() | st.booleans(), st.sampled_from([None, "310001", "310009"]), dates, dates, dates, dates, dates
)
values = st.none() | st.text("0123456789-:TZ+ x", max_size=30) | moments.map(str) | st.sampled_from(["true", "310001"])


@given(st.dictionaries(st.sampled_from(NAMES), values), st.booleans())
def test_any_property_values_are_judged(properties: dict[str, str | None], waited: bool) -> None:  # noqa: FBT001
    judged = judge(seen_from(properties), OURS, waited=waited)
    assert judged.ended is None or judged.ended.at is None or judged.ended.at >= BEGAN


@given(sightings, moments, st.timedeltas(timedelta(0), timedelta(hours=3)), st.booleans())
def test_nothing_ends_before_it_began_and_no_reply_comes_before(
    shown: Seen,
    began: datetime,
    settling: timedelta,
    waited: bool,  # noqa: FBT001
) -> None:
    judged = judge(shown, Ours("310001", began, began + settling), waited=waited)
    if judged.ended and judged.ended.at:
        assert judged.ended.at >= began
    if judged.replied_at:
        assert began <= judged.replied_at == shown.replied


@given(sightings)
def test_waiting_never_takes_an_end_back_nor_leaves_anything_unclear(shown: Seen) -> None:
    first = judge(shown, OURS, waited=False)
    later = judge(shown, OURS, waited=True)
    assert not later.unclear
    if not first.unclear:
        assert later == first


@given(sightings.map(lambda shown: replace(shown, latest="310001", since=BEGAN)) | sightings)
def test_known_is_said_of_nothing_but_the_dates_that_hubspot_gives(shown: Seen) -> None:
    ended = judge(shown, OURS, waited=True).ended
    if ended is None or not ended.known:
        return
    assert shown.latest == "310001"
    dates = {How.FINISHED: shown.finished, How.UNENROLLED: shown.unenrolled}
    date = dates[ended.how]
    assert date is not None
    assert ended.at == max(date, BEGAN)
