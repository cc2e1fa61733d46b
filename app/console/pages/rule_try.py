"""Try an event: what it would come to by the rules in force, and what each rule says of it. Nothing is written."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from app.clock import utc_now
from app.console.hidden import hiding
from app.console.page import Pages, Visit
from app.console.rule_lines import url_of
from app.console.rule_targets import target_names
from app.console.tried_words import Looked, looked_of, tried_words
from app.errors import NoEvent
from app.intake.stored_event import event_of
from app.masking import masked_text, masked_value
from app.operators import Role
from app.reports.store import StoredReader
from app.reports.wiring import rules_in_force
from app.rules.tried import read_event
from app.web.fields import STORABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.console.context import Console
    from app.model import Event
    from app.reports.rules_in_force import RulesInForce
    from app.rules.rulebook import Rulebook

LONGEST_ID, LONGEST_EVENT = 64, 64 * 1024
ADDRESS = "ada@corp.example"  # of a person to try
BEFORE = "Say what happened, and read what each rule in force makes of it. Nothing is written or sent."
ONE_OF_BOTH = "Write an event, or the id of one that is stored: one of both."
NOT_TRIED = "This cannot be tried."
GONE = "The event's payload is stored no more, so that no rule can look at it."


class Asked(BaseModel, extra="forbid"):
    """The event with which the form begins."""

    event: str | None = Field(None, max_length=LONGEST_ID, pattern=STORABLE)


@dataclass(frozen=True, slots=True)
class TryPage:
    """The form, and with `tried` what the event comes to. `mistake` says why it cannot be tried."""

    sentence: str
    text: str
    event_id: str
    sources: Sequence[str]
    mistake: str = ""
    tried: bool = False
    decisions: Sequence[str] = field(default=())
    looked: Sequence[Looked] = field(default=())


class _NotTried(Exception):
    """The event cannot be tried."""


def pages(console: Console) -> Pages:
    """Return the form, and its answer."""
    pages, trial = Pages(), _Trial(console, rules_in_force(console.process), StoredReader(console.reads))
    pages.show("/rules/try", "rule_try.html")(trial.form)
    pages.show("/rules/try", "rule_try.html", method="POST")(trial.answer)
    return pages


@dataclass(frozen=True, slots=True)
class _Trial:
    console: Console
    in_force: RulesInForce
    reader: StoredReader

    async def form(self, visit: Visit) -> TryPage:
        book, given = self.in_force.book(), visit.query(Asked).event
        text = "" if given else _sample(book, with_address=visit.may(Role.OPERATOR))
        return TryPage(BEFORE, text, given or "", sorted(book.sources))

    async def answer(self, visit: Visit) -> TryPage:
        book, text = self.in_force.book(), visit.form.get("event", "")[:LONGEST_EVENT]
        event_id = visit.form.get("event_id", "").strip()[:LONGEST_ID]
        page, hide = TryPage(NOT_TRIED, text, event_id, sorted(book.sources)), hiding(self.console)
        try:
            event = await _event(text.strip(), event_id, book, self.reader)
        except _NotTried as error:
            return replace(page, mistake=hide(masked_text(str(error))))
        names = await target_names(self.console, book)
        found: dict[str, Any] = masked_value(hide(self.in_force.try_event(event, book, names)))
        return replace(
            page,
            sentence=tried_words(found, masked_text(event.source), masked_text(event.type)),
            tried=True,
            decisions=[one["sentence"] for one in found["decisions"]],
            looked=[looked_of(one, url_of(one["rule"])) for one in found["rules"]],
        )


async def _event(text: str, event_id: str, book: Rulebook, reader: StoredReader) -> Event:
    """Return the event that is meant. Raises _NotTried where there is none."""
    if bool(text) == bool(event_id):
        raise _NotTried(ONE_OF_BOTH)
    if text:
        try:
            return read_event(text, book, utc_now())
        except (NoEvent, RecursionError) as error:
            raise _NotTried(f"The event cannot be read: {error}.") from error
    row = await reader.event(event_id)
    if row is None:
        raise _NotTried("No stored event has this id.")
    if row["data"] is None:
        raise _NotTried(GONE)
    return event_of(row)


def _sample(book: Rulebook, *, with_address: bool) -> str:
    """Return an event to begin with, one that the first rule listens to. A viewer's page would have it masked."""
    rule = next(iter(book.rules), None)
    source, kind = (rule.source, rule.types[0]) if rule else (next(iter(book.sources), ""), "")
    event = {"source": source, "type": kind, **({"email": ADDRESS} if with_address else {}), "data": {}}
    return json.dumps(event, indent=2, ensure_ascii=False)
