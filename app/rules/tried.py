"""TRY: what an event would come to by the rules in force, and what each rule says of it. Nothing is written. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from app.errors import NoEvent, Unreadable
from app.model import Event
from app.rules.explain import why_not
from app.rules.facts import Facts
from app.rules.match import decide, heard
from app.sources.normalised import with_name_parts
from app.sources.strict_json import parse_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.model import Decision, RuleFact
    from app.rules.rulebook import Rule, Rulebook

DEDUPE = "tried"
_TEXTS = ("id", "email", "first_name", "last_name", "name", "company")
_TIMES = ("occurred_at", "received_at")
_OTHERS = ("source", "type", "exit", "data", "answers")


class Looked(StrEnum):
    """How a rule that listens to an event looked at it."""

    MATCHED = "matched"
    FALSE = "false"
    ERROR = "error"  # its condition could not be evaluated
    NOT_REACHED = "not_reached"  # an earlier rule ended the search


@dataclass(frozen=True, slots=True)
class TriedRule:
    """One rule that listens to the event. `detail` has the values that a condition looked at which did not hold."""

    rule: str
    file: str
    line: int
    looked: Looked
    because: str
    detail: str


@dataclass(frozen=True, slots=True)
class Tried:
    """What an event would come to: its decisions, and each rule that listens to it. `heard`: there is such a rule."""

    heard: bool
    decisions: tuple[Decision, ...]
    rules: tuple[TriedRule, ...]


def tried(event: Event, book: Rulebook) -> Tried:
    """Return what the event would come to by these rules."""
    decisions = tuple(decide(event, book))
    # The last decision has looked at the most rules.
    facts = {fact.rule: fact for fact in decisions[-1].facts}
    listening = book.listeners.get((event.source, event.type), ())
    values = Facts(event, book.lists)
    return Tried(heard(event, book), decisions, tuple(_tried(rule, facts.get(rule.id), values) for rule in listening))


def _tried(rule: Rule, fact: RuleFact | None, values: Facts) -> TriedRule:
    if fact is None:
        because = "an earlier rule ended the search"
        return TriedRule(rule.id, rule.file, rule.line, Looked.NOT_REACHED, because, "")
    looked = Looked.MATCHED if fact.matched else Looked.ERROR if fact.error else Looked.FALSE
    detail = why_not(rule.when, values) if rule.when is not None and not fact.matched else ""
    return TriedRule(rule.id, rule.file, rule.line, looked, fact.because, detail)


def read_event(text: str, book: Rulebook, now: datetime) -> Event:
    """Return the event that a JSON text describes, as `event_of` does. Raises NoEvent."""
    try:
        return event_of(parse_object(text), book, now)
    except Unreadable as error:
        raise NoEvent(str(error)) from error


def event_of(given: Mapping[str, Any], book: Rulebook, now: datetime) -> Event:
    """Return the event that JSON in the form of the rules' examples describes, with its `source`.

    It arrived at `now` where it does not say when. Raises NoEvent, which names the mistake.
    """
    source, known = given.get("source"), (*_OTHERS[:2], *_TIMES, *_TEXTS, *_OTHERS[2:])
    if unknown := sorted(str(name) for name in given if name not in known):
        raise NoEvent(f"unknown fields {', '.join(unknown)}; there are {', '.join(known)}")
    _require_types(given)
    if source not in book.sources:
        raise NoEvent(f"there is no source {source!r}; name one of {', '.join(sorted(book.sources))}")
    times = {name: _instant(name, given.get(name)) for name in _TIMES}
    texts: dict[str, Any] = {name: given.get(name) for name in _TEXTS}
    event = Event(
        str(source),
        given.get("type") or "",
        (DEDUPE,),
        **texts,
        data=given.get("data") or {},
        exit=given.get("exit", False),
        answers=given.get("answers") or {},
        occurred_at=times["occurred_at"],
        received_at=times["received_at"] or now,
    )
    return with_name_parts(event)


def _require_types(given: Mapping[str, Any]) -> None:
    texts = (*_TEXTS, "type", "source")
    wrong = [name for name in texts if given.get(name) is not None and not isinstance(given[name], str)]
    wrong += [] if isinstance(given.get("exit", False), bool) else ["exit"]
    wrong += [name for name in ("data", "answers") if not isinstance(given.get(name) or {}, dict)]
    if wrong:
        raise NoEvent(f"{', '.join(wrong)} has the wrong type")


def _instant(name: str, text: Any) -> datetime | None:
    """Return a time of the event, in UTC where it names no zone. Raises NoEvent."""
    try:
        moment = datetime.fromisoformat(text) if text else None
    except (TypeError, ValueError) as error:
        raise NoEvent(f"{name} is no ISO 8601 instant: {text!r}") from error
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
