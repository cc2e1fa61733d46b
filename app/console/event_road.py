"""The road of an event, step by step: received, verified, decided, sent, enrolled. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.console.became import became
from app.console.page import ROOT
from app.console.person_facts import Value
from app.console.receipts.of_rows import enrollment_of_event
from app.console.states import shown
from app.console.text import exactly, span
from app.model import ENROLL, Verdict
from app.sources import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from app.reports.event_store import EventStory
    from app.rules.rulebook import Rulebook

MILLISECONDS = 1_000.0
NOT_VERIFIED = "the rules in force have no such source"
OF_NOW = "by the source's rules of now"  # what proved a delivery is not stored
OTHER_PROVIDER = "what proved it is not stored: now the source is of another provider"


@dataclass(frozen=True, slots=True)
class RoadStep:
    """One step: when it was taken, None where it was not, and what is said of it."""

    name: str
    at: datetime | None
    lines: tuple[Value, ...]


def road(story: EventStory, book: Rulebook) -> tuple[RoadStep, ...]:
    """Return the five steps; of several enrollments those of the first one."""
    made = next((row for one in story.latest if (row := enrollment_of_event(one))), None)
    return (_received(story), _verified(story, book), _decided(story), _sent(story, made), _enrolled(story, made))


def _received(story: EventStory) -> RoadStep:
    event = story.event
    again = (f"and {exactly(event['repeats'], 'time')} more",) if event["repeats"] else ()
    return RoadStep(
        "Received", event["received_at"], _values(f"{event['provider'] or event['source']}, {event['type']}", *again)
    )


def _verified(story: EventStory, book: Rulebook) -> RoadStep:
    config, provider = book.sources.get(story.event["source"]), story.event["provider"]
    if config is None:
        return RoadStep("Verified", None, _values(NOT_VERIFIED))
    if provider not in {None, config.provider}:
        return RoadStep("Verified", None, _values(OTHER_PROVIDER))
    return RoadStep("Verified", None, _values(PROVIDERS[config.provider].proof(config).how, OF_NOW))


def _decided(story: EventStory) -> RoadStep:
    if not story.latest:
        lookup = story.event["lookup_state"]
        said = "its tool could not be asked" if lookup == "failed" else "not yet: its tool is asked first"
        return RoadStep("Decided", None, _values(said if lookup else "not yet"))
    first, shown_first = story.latest[0], became(story.latest[0], story.names)
    after = _after(story.event["received_at"], first["decided_at"])
    lines = [Value(f"{_verb(first)}, {after}" if not shown_first.url else f"to {first['verdict']}, {after}")]
    if first["rule"]:
        line = f", line {first['line']}" if first["line"] else ""
        lines.append(Value(f"rule {first['rule']}{line}", "#why"))
    return RoadStep("Decided", first["decided_at"], (*lines, *_more(len(story.latest), "decision")))


def _sent(story: EventStory, made: Mapping[str, Any] | None) -> RoadStep:
    if made is None:
        return RoadStep("Sent", None, _values("nothing"))
    if made["sending_at"] is None:
        return RoadStep("Sent", None, _values("not sent" if made["state"] != "done" else "nothing to send"))
    sender = story.names.sender(made["account"], made["sender_user_id"]) or made["sender"]
    return RoadStep("Sent", made["sending_at"], _values(f"as {sender}" if sender else "to HubSpot"))


def _enrolled(story: EventStory, made: Mapping[str, Any] | None) -> RoadStep:
    if made is None:
        return RoadStep("Enrolled", None, _values("no"))
    said = Value(shown(made["state"])[1], f"{ROOT}/enrollments/{made['id']}")
    name = "Enrolled" if (made["plan"] or {}).get("action", ENROLL) == ENROLL else "Done"
    several = sum(bool(one["enrollment_id"]) for one in story.latest)
    return RoadStep(name, made["enrolled_at"], (said, *_more(several, "enrollment")))


def _verb(decision: Mapping[str, Any]) -> str:
    return "no rule matched" if decision["verdict"] == Verdict.NONE else str(decision["verdict"])


def _after(since: datetime, at: datetime) -> str:
    seconds = (at - since).total_seconds()
    return f"after {seconds * MILLISECONDS:.0f} ms" if 0 <= seconds < 1 else f"after {span(seconds)}"


def _more(count: int, noun: str) -> tuple[Value, ...]:
    return (Value(f"and {exactly(count - 1, f'{noun} more', f'{noun}s more')}"),) if count > 1 else ()


def _values(*texts: str) -> tuple[Value, ...]:
    return tuple(Value(text) for text in texts)
