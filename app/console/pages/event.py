"""One event: what became of it, why, what it carries, and the example that can be made of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from app.console import event_changes as changes
from app.console.became import WAITS, Became, all_became, became
from app.console.endpoint_words import message_mark
from app.console.event_road import RoadStep, road
from app.console.event_why import Why, why
from app.console.page import Pages, Visit, not_there
from app.console.payload import Payload, payload_lines
from app.console.person_facts import Fact, Value
from app.console.receipts.decision import NOT_DECIDED, decision_receipt
from app.console.receipts.enrollment import receipt
from app.console.receipts.of_rows import decision_facts, enrollment_facts, enrollment_of_event
from app.console.receipts.wording import Clock, person_named
from app.console.text import exact, masked, moment, size, span
from app.intake.stored_event import event_of
from app.masking import masked_text
from app.operators import Role
from app.reports.event_store import EventStore
from app.rules.condition_values import looks_now
from app.rules.earlier import compiled_earlier
from app.rules.example_of import Example, example_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.console.context import Console
    from app.model import Event
    from app.reports.event_store import EventStory
    from app.rules.rulebook import Rulebook


@dataclass(frozen=True, slots=True)
class Before:
    """A decision that was replaced by a later one."""

    id: str
    at: datetime
    became: Became


@dataclass(frozen=True, slots=True)
class Outbound:
    """One event for your own systems that reported an enrollment of this event."""

    endpoint: str
    kind: str
    mark: str
    state: str
    at: datetime


@dataclass(frozen=True, slots=True)
class EventView:
    """One event. Addresses are masked.

    `sentences` say what became of it, and `notes` what of that is inferred or in doubt. `payload` and `answers` are
    None once the retention has taken them; `kept_until` is when it does. `example` is what the rules file can hold.
    """

    id: str
    source: str
    type: str
    person: str
    person_url: str | None
    became: tuple[Became, ...]
    sentences: tuple[str, ...]
    notes: tuple[str, ...]
    road: tuple[RoadStep, ...]
    why: Why
    before: tuple[Before, ...]
    sent: tuple[Outbound, ...]
    payload: Payload | None
    answers: Payload | None
    kept_until: datetime
    example: Example
    facts: tuple[Fact, ...]
    delivery: tuple[Fact, ...]
    has_delivery: bool
    decision_ids: tuple[str, ...]
    may_change: bool


def pages(console: Console) -> Pages:
    """Return the page, the raw delivery, and deciding again."""
    pages, reads = Pages(), EventStore(console.reads)
    links = console.links
    kept = timedelta(days=console.process.settings.retention_days)

    @pages.show("/events/{event_id}", "event.html")
    async def event(visit: Visit) -> EventView:
        story, book = await reads.event(visit.parameters["event_id"]), console.process.current_rulebook()
        if story is None:
            raise not_there("event with this id")
        url, then = (await links.urls())(story.event["email"]), await _then(story, book)
        # What rules read and examples compile takes a while: other requests go on meanwhile.
        return await asyncio.to_thread(_view, visit, story, book, then, url, kept)

    async def delivery_of(id_: str) -> tuple[str, str] | None:
        row = await reads.row(id_)
        return (row["delivery_id"], row["source"]) if row else None

    changes.add(pages, console, delivery_of)
    return pages


async def _then(story: EventStory, book: Rulebook) -> Rulebook | None:
    """Return the rules that decided last, None where they are those in force, or are not kept."""
    if story.documents is None or story.latest[0]["revision"] == book.revision:
        return None
    return await asyncio.to_thread(compiled_earlier, story.documents)


def _view(
    visit: Visit, story: EventStory, book: Rulebook, then: Rulebook | None, url: str | None, kept: timedelta
) -> EventView:
    row, event, person = story.event, event_of(story.event), _person(story)
    current = {one["id"] for one in story.latest}
    sentences, notes = _said(story, book, person, Clock(visit.zone, visit.now))
    return EventView(
        id=row["id"],
        source=row["source"],
        type=row["type"],
        person=person,
        person_url=url,
        became=all_became(story.decisions, story.names) or (Became("wait", WAITS, None, None),),
        sentences=sentences,
        notes=notes,
        road=road(story, book),
        why=why(story, event, then, book, person),
        before=tuple(
            Before(one["id"], one["decided_at"], became(one, story.names))
            for one in story.decisions
            if one["id"] not in current
        ),
        sent=tuple(_sent(one) for one in story.sent),
        payload=_payload(story, event, book, "data"),
        answers=_payload(story, event, book, "answers") if row["answers"] else None,
        kept_until=row["received_at"] + kept,
        example=example_of(event, book, readable=story.is_readable),
        facts=_facts(story, visit),
        delivery=_delivery(story),
        has_delivery=row["has_delivery"],
        decision_ids=tuple(sorted(current)),
        may_change=visit.may(Role.OPERATOR),
    )


def _person(story: EventStory) -> str:
    row = story.event
    names = {name: row[name] for name in ("first_name", "last_name", "name")}
    return person_named(email=row["email"], **names)


def _said(story: EventStory, book: Rulebook, person: str, clock: Clock) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what became of the event, of each decision its enrollment's receipt or its own, and their notes.

    A decision's notes say which rules looked at the event: the page says so below, with what they read.
    """
    said, notes = list[str](), list[str]()
    for one in story.latest:
        row = enrollment_of_event(one)
        if row is None:
            facts = decision_facts(one, person=person, names=story.names, book=book)
            said.append(decision_receipt(facts, clock).text)
        else:
            journal = story.journals.get(row["id"], ())
            made = receipt(enrollment_facts(row, journal, person=person, names=story.names, book=book), clock)
            said.append(made.text)
            notes += [note for note in made.notes if note not in notes]
    return tuple(said) or (NOT_DECIDED,), tuple(notes)


def _sent(row: Mapping[str, Any]) -> Outbound:
    return Outbound(row["endpoint"], row["kind"], message_mark(row["state"]), row["state"], row["created_at"])


def _payload(story: EventStory, event: Event, book: Rulebook, root: str) -> Payload | None:
    """Return a payload with what the rules in force read marked."""
    if not story.is_readable:
        return None
    read = [one.steps[1:] for look in looks_now(event, book) for one in look.values if one.steps[0] == root]
    return payload_lines(story.event[root], read)


def _facts(story: EventStory, visit: Visit) -> tuple[Fact, ...]:
    row = story.event
    occurred, again = row["occurred_at"], row["last_repeated_at"]
    found = {
        "Address": masked(row["email"]) or "none",
        "Company": masked_text(row["company"] or ""),
        "Occurred": f"{exact(occurred, visit.zone)}, {_before(row)}" if occurred else "",
        "The tool's id": masked_text(row["provider_id"] or ""),
        "Came again": f"{row['repeats']} times, last {moment(again, visit.now, visit.zone)}" if again else "no",
        "Person left": "yes" if row["exit"] else "",
        "Lookup": _lookup(story),
    }
    return tuple(Fact(label, (Value(text),)) for label, text in found.items() if text)


def _before(row: dict[str, object]) -> str:
    received, occurred = row["received_at"], row["occurred_at"]
    if not isinstance(received, datetime) or not isinstance(occurred, datetime):
        return ""
    seconds = (received - occurred).total_seconds()
    return f"{span(seconds)} {'before' if seconds >= 0 else 'after'} it was received"


def _lookup(story: EventStory) -> str:
    row = story.event
    if row["lookup_state"] is None:
        return ""
    reason = f": {masked_text(row['lookup_detail'] or row['lookup_reason'])}" if row["lookup_reason"] else ""
    return f"{row['lookup_state']}{reason}"


def _delivery(story: EventStory) -> tuple[Fact, ...]:
    row = story.event
    found = {"Id": row["delivery_id"]}
    if row["has_delivery"]:
        found = {
            "Request": f"{row['method']} {masked_text(row['url'])}",
            "Size": size(row["body_bytes"]),
            "Headers": f"{row['header_count']}, secrets taken out",
        } | found
    return tuple(Fact(label, (Value(text),)) for label, text in found.items())
