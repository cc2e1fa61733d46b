"""Why an event was decided so: each rule that looked, with what its condition read, then and now. Pure.

What conditions read may be an address: it is masked here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from app.console.receipts.actions import words_of
from app.console.receipts.of_rows import decision_facts, description_of
from app.console.receipts.wording import as_sentence, rule_named
from app.masking import masked_text
from app.model import Verdict
from app.rules.condition_values import CameTo, Look, Presence, Result, came_to, is_same, looks_now, looks_then
from app.rules.match import decide

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from app.catalogue.listing_store import Names
    from app.model import Event
    from app.reports.event_store import EventStory
    from app.rules.rulebook import Rulebook

MARKS: Mapping[Result, str] = MappingProxyType(
    {Result.MATCHED: "ok", Result.NO_MATCH: "no", Result.ERROR: "bad", Result.NOT_ASKED: "no"}
)
SAID: Mapping[Presence, str] = MappingProxyType(
    {Presence.ABSENT: "is absent", Presence.FORGOTTEN: "is not stored any more"}
)
NO_RULE = "no rule matches it"


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a condition; `read` marks a field of the event."""

    text: str
    read: bool


@dataclass(frozen=True, slots=True)
class ReadField:
    """A field that a condition read, and what it held, as the end of a sentence: `was 80`, `is absent`."""

    path: str
    said: str


@dataclass(frozen=True, slots=True)
class Looked:
    """One rule's look: `because` is a sentence. `now` is what the rule in force does where that is something else."""

    rule: str
    line: int
    description: str
    mark: str
    word: str
    condition: tuple[Piece, ...]
    has_variables: bool
    because: str
    fields: tuple[ReadField, ...]
    now: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the event came to then, and what it would come to by the rules in force: `mark` and `word` in short."""

    mark: str
    word: str
    then: str
    now: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Why:
    """All rules that looked, in their order. `sentence` says how many there are."""

    sentence: str
    looks: tuple[Looked, ...]
    comparison: Comparison | None


def why(story: EventStory, event: Event, then: Rulebook | None, book: Rulebook, person: str) -> Why:
    """Return why the event was decided so. `then` are the rules that decided it, None where they cannot be read."""
    revision = story.latest[0]["revision"] if story.latest else book.revision
    now = looks_now(event, book, readable=story.is_readable)
    if not story.latest:
        return Why(_counted(len(now), event), (), None)
    stored = max((one["facts"] or () for one in story.latest), key=len)
    earlier = book if revision == book.revision else then
    looks = looks_then(stored, event, earlier, readable=story.is_readable) if earlier else _of_facts(stored)
    shown = _with_now(looks, now if revision != book.revision and story.is_readable else ())
    comparison = _comparison(story, event, book, revision, person)
    return Why(_counted(len(looks), event), shown, comparison)


def _counted(count: int, event: Event) -> str:
    rules = "no rule listens" if not count else "one rule listens" if count == 1 else f"{count} rules listen"
    first = "; the first that matches decides" if count > 1 else ""
    return f"{rules} to {event.type} of {event.source}{first}"


def _of_facts(stored: Sequence[Mapping[str, Any]]) -> tuple[Look, ...]:
    """Return the looks as the decision tells of them, where the rules of then cannot be read."""
    return tuple(
        Look(
            rule=str(fact.get("rule")),
            line=int(fact.get("line") or 0),
            description=None,
            condition=None,
            result=Result.MATCHED if fact.get("matched") else Result.ERROR if fact.get("error") else Result.NO_MATCH,
            because=str(fact.get("because", "")),
            values=(),
        )
        for fact in stored
    )


def _with_now(looks: Iterable[Look], now: Iterable[Look]) -> tuple[Looked, ...]:
    """Return the looks of then, each with what its rule does now, and the rules that are new."""
    current, known = {look.rule: look for look in now}, set[str]()
    shown = []
    for look in looks:
        known.add(look.rule)
        shown.append(_looked(look, _difference(look, current.get(look.rule)) if current else ""))
    new = [look for look in current.values() if look.rule not in known]
    return (*shown, *(_looked(look, "This rule is new: it was not in force then.") for look in new))


def _difference(then: Look, now: Look | None) -> str:
    if now is None:
        return "The rules in force have no such rule for this event."
    changed = f"{_changed(now)} " if now.condition != then.condition else ""
    if now.result == then.result:
        return changed.strip()
    return f"{changed}By the rules in force: {now.result}; {as_sentence(masked_text(now.because))}"


def _changed(now: Look) -> str:
    """Return a rule's condition of now, with what it reads of the event."""
    if now.condition is None:
        return "It has no condition now."
    read = ", ".join(f"{one.path} {SAID.get(one.presence) or f'is {one.value}'}" for one in now.values)
    return as_sentence(masked_text(f"Its condition now: {now.condition}{f'; {read}' if read else ''}"))


def _looked(look: Look, now: str) -> Looked:
    return Looked(
        rule=look.rule,
        line=look.line,
        description=masked_text(look.description or ""),
        mark=MARKS[look.result],
        word=look.result,
        condition=_pieces(look),
        has_variables=look.has_variables,
        because=as_sentence(masked_text(look.because)),
        fields=tuple(
            ReadField(one.path, SAID.get(one.presence) or f"was {masked_text(one.value)}") for one in look.values
        ),
        now=now,
    )


def _pieces(look: Look) -> tuple[Piece, ...]:
    """Return the condition with the fields that it reads apart, the longest path first."""
    if not look.condition:
        return ()
    text, paths = masked_text(look.condition), sorted({one.path for one in look.values}, key=len, reverse=True)
    if not paths:
        return (Piece(text, read=False),)
    parts = re.split(f"({'|'.join(map(re.escape, paths))})", text)
    return tuple(Piece(part, read=part in paths) for part in parts if part)


def _comparison(story: EventStory, event: Event, book: Rulebook, revision: str, person: str) -> Comparison | None:
    if any(one["verdict"] == Verdict.DROPPED for one in story.latest):
        return None
    ends: dict[str, str] = {"then": revision, "now": book.revision}
    if not story.is_readable:
        sentence = "The payload is not stored any more: what the rules in force would make of it is not known."
        return Comparison("no", "not known", sentence=sentence, **ends)
    then, now = [_came(row) for row in story.latest], came_to(decide(event, book))
    if is_same(then, now):
        same = (
            "it would come to the same" if revision != book.revision else "which are in force now, and come to the same"
        )
        return Comparison("ok", "the same", sentence=same, **ends)
    asked = "; ".join(_asked(one, book, story.names, person) for one in now)
    return Comparison("look", "something else", sentence=f"it would come to something else: {asked}", **ends)


def _came(row: Mapping[str, Any]) -> CameTo:
    target = row["sequence"] or (row["plan"] or {}).get("target") or ""
    return CameTo(row["verdict"], row["rule"], target if row["enrollment_id"] else "")


def _asked(came: CameTo, book: Rulebook, names: Names, person: str) -> str:
    if came.rule is None:
        return NO_RULE
    rule = rule_named(came.rule, description_of(book, came.rule))
    if came.verdict in {Verdict.NONE, Verdict.IGNORE}:
        return f"nothing, by {rule}"
    row = {"verdict": came.verdict, "reason": "", "decided_at": None, "rule": came.rule, "line": None, "facts": ()}
    target = decision_facts(row, person=person, names=names, book=book).target
    return f"{words_of(came.verdict, name=person, target=target or 'what the rule names').asked}, by {rule}"
