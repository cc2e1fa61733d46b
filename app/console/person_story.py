"""A person's story as lines by days: each enrollment with its journal, what was decided, what was received. Pure.

An event whose decision stands on the page, and a decision whose enrollment does, are shown there, in one line.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from app.console.became import state_words
from app.console.page import ROOT
from app.console.receipts.actions import words_of
from app.console.receipts.decision import decision_receipt
from app.console.receipts.enrollment import receipt
from app.console.receipts.journal import line_sentence
from app.console.receipts.of_rows import (
    cancelled_by,
    decision_facts,
    description_of,
    enrollment_facts,
    target_of_row,
)
from app.console.receipts.wording import as_sentence, rule_named
from app.console.states import shown
from app.console.text import capital, whole_day
from app.enrollments.reasons import why
from app.model import ENROLL, State, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from app.console.page import Visit
    from app.console.receipts.wording import Clock
    from app.reports.person_store import Item, PersonPage
    from app.rules.rulebook import Rulebook

TITLES = {
    Verdict.NONE: "Not enrolled",
    Verdict.DUPLICATE: "Not enrolled again: the same reason",
    Verdict.IGNORE: "Ignored, as a rule says",
    Verdict.DROPPED: "Cannot be used",
    Verdict.FORGOTTEN: "Nothing was done",
}
AS_SAID = frozenset({State.HELD, State.READY, State.WORKING, State.UNCERTAIN, State.PARKED, State.EXPIRED})


@dataclass(frozen=True, slots=True)
class Step:
    """One line of an enrollment's journal."""

    at: datetime
    state: str
    said: str


@dataclass(frozen=True, slots=True)
class Line:
    """One thing of the story.

    `what` is said in a few words, `said` are sentences on it; `origin` is the event's source and type where the page
    has it. `url` leads to the enrollment, `event_url` to the event. `steps` are the newest of its journal, and `cut`
    says that there are earlier ones.
    """

    at: datetime
    kind: str
    what: str
    mark: str
    word: str
    said: tuple[str, ...]
    origin: str
    rule: str | None
    line: int | None
    description: str | None
    url: str | None
    event_url: str | None
    steps: tuple[Step, ...] = ()
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Day:
    """The lines of one day, in the zone of the page."""

    name: str
    lines: tuple[Line, ...]


def story(name: str, page: PersonPage, book: Rulebook, clock: Clock, visit: Visit) -> tuple[Day, ...]:
    """Return the story of the items of a page, newest first."""
    writer = _Writer(name, page, book, clock)
    lines = [writer.line(item) for item in _told_once(page.items)]
    return tuple(Day(day, tuple(own)) for day, own in groupby(lines, key=lambda line: whole_day(line.at, visit.zone)))


def steps_of(journal: Iterable[Mapping[str, Any]], book: Rulebook) -> tuple[Step, ...]:
    """Return the lines of a journal in words, with who or which rule did it."""
    return tuple(_step(line, book) for line in journal)


def _step(line: Mapping[str, Any], book: Rulebook) -> Step:
    rule = line["by_rule"]
    by = rule_named(rule, description_of(book, rule)) if rule else line["by_operator"]
    said = as_sentence(line_sentence(line["cause"], line["detail"], by=by))
    return Step(line["at"], shown(line["after"])[1], said)


def _told_once(items: Sequence[Item]) -> list[Item]:
    """Return the items without those that others on the page tell of."""
    enrollments = [item.row for item in items if item.kind == "enrollment"]
    decisions = [item.row for item in items if item.kind == "decision"]
    enrolled = {row["decision_id"] for row in enrollments}
    decided = {row["event_id"] for row in (*enrollments, *decisions)}
    hidden = {"event": decided, "decision": enrolled, "enrollment": set[str]()}
    return [item for item in items if item.row["id"] not in hidden[item.kind]]


class _Writer:
    """Writes the lines of one page."""

    def __init__(self, name: str, page: PersonPage, book: Rulebook, clock: Clock) -> None:
        self._name, self._page, self._book, self._clock = name, page, book, clock
        rows = [item.row for item in page.items]
        self._events = {row["id"]: row for item, row in zip(page.items, rows, strict=True) if item.kind == "event"}
        enrollments = (item.row for item in (*page.recent, *page.items) if item.kind == "enrollment")
        self._enrollments = {row["id"]: row for row in enrollments}
        self._lines = {
            row["id"]: row["line"] for item, row in zip(page.items, rows, strict=True) if item.kind == "decision"
        }

    def line(self, item: Item) -> Line:
        """Return the line of one item."""
        return {"event": self._event, "decision": self._decision}.get(item.kind, self._enrollment)(item)

    def _event(self, item: Item) -> Line:
        row = item.row
        again = f"It came {row['repeats']} times more." if row["repeats"] else ""
        return Line(
            item.at, item.kind, "Received", "no", "received", (again,) if again else (), self._origin(row["id"], row),
            None, None, None, None, _event_url(row["id"]),
        )  # fmt: skip

    def _decision(self, item: Item) -> Line:
        row = item.row
        facts = decision_facts(self._with_holder(row), person=self._name, names=self._page.names, book=self._book)
        said = decision_receipt(facts, self._clock)
        asked = words_of(row["verdict"], name=self._name, target=facts.target or "what the rule names").asked
        return Line(
            at=item.at,
            kind=item.kind,
            what=TITLES.get(row["verdict"], f"To {asked}"),
            mark="no",
            word="no" if row["verdict"] in TITLES else row["verdict"],
            said=(*said.sentences, *said.notes),
            url=None,
            **self._by(row, row["line"]),
        )

    def _with_holder(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a decision's row with the enrollment that has the intent of a duplicate, where the page has it."""
        held = self._enrollments.get(row["reason"].removeprefix("duplicate of "))
        if row["verdict"] != Verdict.DUPLICATE or held is None:
            return row
        taken = (one for one in self._page.standing.intents if one["intent"] == held["intent"])
        until = next((one["until"] for one in taken if one["account"] == held["account"]), None)
        holder = {f"holder_{name}": held[name] for name in ("id", "rule", "sequence", "account", "plan")}
        return {**row, **holder, "until": until}

    def _enrollment(self, item: Item) -> Line:
        row = item.row
        target, (mark, word) = target_of_row(row, self._page.names), shown(row["state"])
        return Line(
            at=item.at,
            kind=item.kind,
            what=self._title(row, target),
            mark=mark,
            word="replied" if row["replied_at"] else word,
            said=self._said(item),
            url=f"{ROOT}/enrollments/{row['id']}",
            steps=steps_of(item.journal, self._book),
            cut=item.cut,
            **self._by(row, self._lines.get(row["decision_id"])),
        )

    def _title(self, row: Mapping[str, Any], target: str) -> str:
        action = row["plan"].get("action", ENROLL)
        words = words_of(action, name=self._name, target=target)
        if row["state"] in {State.ENROLLED, State.DONE} and action != ENROLL:
            return words.done
        if row["state"] == State.ENROLLED:
            sender = self._page.names.sender(row["account"], row["sender_user_id"]) or row["sender"]
            return f"Enrolled in {target}{f' as {sender}' if sender else ''}"
        if action != ENROLL:
            return words.waiting if row["state"] in AS_SAID else words.undone
        said = state_words(row, target, shown(row["state"])[1]).partition(",")[0]
        return f"{capital(target)}: {said}" if target.startswith("sequence ") else f"{target}: {said}"

    def _said(self, item: Item) -> tuple[str, ...]:
        """Return what became of an enrollment beyond its title: why, what followed, and what of that is inferred."""
        row = item.row
        facts = enrollment_facts(row, item.journal, person=self._name, names=self._page.names, book=self._book)
        if row["state"] in {State.ENROLLED, State.DONE}:
            said = receipt(facts, self._clock)
            return (*said.sentences[1:], *said.notes)
        if row["state"] == State.CANCELLED and (by := cancelled_by(item.journal, self._book)):
            return (as_sentence(f"cancelled {self._clock.moment(row['updated_at'])} by {by}"),)
        if not row["reason"]:
            return ()
        found = why(State(row["state"]), row["reason"], name=self._name)
        return tuple(filter(None, (as_sentence(found.clause), found.do)))

    def _by(self, row: Mapping[str, Any], line: int | None) -> dict[str, Any]:
        return {
            "origin": self._origin(row["event_id"], row),
            "rule": row["rule"],
            "line": line,
            "description": description_of(self._book, row["rule"]),
            "event_url": _event_url(row["event_id"]),
        }

    def _origin(self, event_id: str, row: Mapping[str, Any]) -> str:
        event = self._events.get(event_id)
        return f"{event['source']} · {event['type']}" if event else str(row["source"])


def _event_url(id_: str) -> str:
    return f"{ROOT}/events/{id_}"
