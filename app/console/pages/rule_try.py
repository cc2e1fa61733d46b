"""Try an event: what it would come to by the rules in force, and what each rule says of it. Nothing is written."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from app.clock import utc_now
from app.console.hidden import hiding
from app.console.page import Pages, Visit
from app.console.rule_lines import url_of
from app.console.tried_words import Looked, looked_of, tried_words
from app.errors import NoEvent
from app.intake.stored_event import event_of
from app.masking import masked_text, masked_value
from app.operators import Role
from app.reports.rules_in_force import RulesInForce
from app.reports.store import StoredReader
from app.rules.tried import read_event
from app.rules.wiring import variable_values
from app.web.fields import STORABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.console.context import Console
    from app.model import Event
    from app.rules.rulebook import Rulebook

LONGEST_ID, LONGEST_EVENT = 64, 64 * 1024
ADDRESS = "ada@corp.example"  # of a person to try
ONE_OF_BOTH = "Write an event, or the id of one that is stored: one of both."
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
    pages, reader, process = Pages(), StoredReader(console.reads), console.process
    in_force = RulesInForce(lambda: process.rulebook.current, partial(variable_values, read=process.variable))

    @pages.show("/rules/try", "rule_try.html")
    async def form(visit: Visit) -> TryPage:
        book, given = in_force.book(), visit.query(Asked).event
        sentence = "Say what happened, and read what each rule in force makes of it. Nothing is written or sent."
        text = "" if given else _sample(book, with_address=visit.may(Role.OPERATOR))
        return TryPage(sentence, text, given or "", sorted(book.sources))

    @pages.show("/rules/try", "rule_try.html", method="POST")
    async def answer(visit: Visit) -> TryPage:
        book, text = in_force.book(), visit.form.get("event", "")[:LONGEST_EVENT]
        event_id, known = visit.form.get("event_id", "").replace("\x00", "").strip()[:LONGEST_ID], sorted(book.sources)
        try:
            event = await _event(text.strip(), event_id, book, reader)
        except _NotTried as error:
            mistake = hiding(console)(masked_text(str(error)))
            return TryPage("This cannot be tried.", text, event_id, known, mistake=mistake)
        found: dict[str, Any] = masked_value(hiding(console)(in_force.try_event(event, book)))
        sentence = tried_words(found, masked_text(event.source), masked_text(event.type))
        return TryPage(
            sentence,
            text,
            event_id,
            known,
            tried=True,
            decisions=[one["sentence"] for one in found["decisions"]],
            looked=[looked_of(one, url_of(one["rule"])) for one in found["rules"]],
        )

    return pages


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
