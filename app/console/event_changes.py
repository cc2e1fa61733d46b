"""What an operator does about one event, by the functions that the API calls: decide again, see the raw delivery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app import errors
from app.console.became import VERDICTS
from app.console.page import ROOT, Confirm, Done, MoreThanShown, Pages, Visit, not_there, shown_count
from app.console.receipts.wording import as_sentence
from app.console.rule_targets import target_names
from app.database.engine import busy_when_gone
from app.intake.decided_again import DECIDED, LOOKUP, NOT_POSSIBLE, UNCHANGED
from app.intake.redecide import ANY, BY_API, Bounds
from app.intake.rejected_store import find_delivery
from app.intake.wiring import redecider
from app.masking import masked_text
from app.model import Verdict
from app.operators import Role
from app.rules.examples import NO_NAMES
from app.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from app.console.context import Console
    from app.intake.decided_again import DecidedAgain, NewDecision
    from app.intake.rejected_store import StoredDelivery

    FindDelivery = Callable[[str], Awaitable[tuple[str, str] | None]]

SHOWN_CHARACTERS = 200_000
ONCE = "No person is written to twice for one reason, whatever is decided again."


@dataclass(frozen=True, slots=True)
class RawDelivery:
    """A delivery as it is stored: passwords are taken out before that. `cut` says that more of the body follows."""

    id: str
    event_id: str
    at: datetime
    request: str
    headers: Sequence[tuple[str, str]]
    body: str
    cut: bool


def add(pages: Pages, console: Console, delivery_of: FindDelivery) -> None:
    """Add the raw delivery, and deciding again. `delivery_of` returns the delivery's id and source of an event."""

    @pages.show("/events/{event_id}/raw", "event_raw.html", role=Role.OPERATOR, method="POST", audited=True)
    async def raw(visit: Visit) -> RawDelivery:
        id_ = visit.parameters["event_id"]
        named = await delivery_of(id_)
        with busy_when_gone():
            stored = await find_delivery(console.reads, *named) if named else None
        if stored is None:
            raise not_there("delivery of this event any more: it has passed the retention")
        return _raw(id_, stored)

    # What would be decided is found out by writing it, and rolled back: by the connections that pages have.
    async def decided(visit: Visit, *, dry_run: bool = False, bounds: Bounds = ANY) -> DecidedAgain:
        decider = await redecider(console.process, engine=console.reads if dry_run else None)
        result = await decider.event(visit.parameters["event_id"], by=BY_API, dry_run=dry_run, bounds=bounds)
        if result is None:
            raise not_there("event with this id")
        return result

    async def ask(visit: Visit) -> Confirm:
        result = await decided(visit, dry_run=True)
        book = console.process.rulebook.current
        return _asked(result, _url(visit), await target_names(console, book) if book else NO_NAMES)

    async def act(visit: Visit) -> Done:
        try:
            result = await decided(visit, bounds=Bounds(most=shown_count(visit.form)))
        except errors.MoreThanShown as error:
            raise MoreThanShown from error
        if result.status == NOT_POSSIBLE:
            raise Problem(409, "not-decided", f"It was not decided again: {result.detail}.")
        return Done(_url(visit), _done(result))

    pages.change("/events/{event_id}/decide", ask, act, Role.OPERATOR)


def _raw(event_id: str, stored: StoredDelivery) -> RawDelivery:
    delivery, body = stored.delivery, stored.delivery.body.decode(errors="replace")
    return RawDelivery(
        id=delivery.id,
        event_id=event_id,
        at=delivery.received_at,
        request=f"{delivery.method} {delivery.url}",
        headers=sorted(delivery.headers.items()),
        body=body[:SHOWN_CHARACTERS],
        cut=stored.cut or len(body) > SHOWN_CHARACTERS,
    )


def _asked(result: DecidedAgain, back: str, names: Mapping[str, str]) -> Confirm:
    """Return what would change, for a person to confirm."""
    may_be = result.status in {DECIDED, LOOKUP}
    return Confirm(
        title="Decide this event again, by the rules in force?",
        button="Decide it again",
        back=back,
        consequences=(
            f"Until now: {VERDICTS.get(result.before) or masked_text(result.before)}.",
            *(_would_be(one, names) for one in result.decisions if result.status == DECIDED),
            *_replaced(result),
            *((as_sentence(result.detail or ""),) if result.status == LOOKUP else ()),
            *((ONCE,) if may_be else ()),
        ),
        count=len(result.decisions) if may_be else None,
        impossible=None if may_be else as_sentence(result.detail or "nothing would change"),
    )


def _would_be(one: NewDecision, names: Mapping[str, str]) -> str:
    rule = f", by the rule {one.rule}" if one.rule else ""
    verdict, name = VERDICTS.get(one.verdict, one.verdict), names.get(one.rule or "")
    target = f" in {name}" if name and one.verdict == Verdict.ENROLL else ""
    return f"By the rules in force: {verdict}{target}{rule} ({masked_text(one.reason).rstrip('.')})."


def _replaced(result: DecidedAgain) -> tuple[str, ...]:
    if not result.replaced:
        return ()
    return (f"What was not sent is replaced: {', '.join(result.replaced)}.",)


def _done(result: DecidedAgain) -> str:
    if result.status == UNCHANGED:
        return f"Nothing was changed: {result.detail}."
    if result.status == LOOKUP:
        return as_sentence(result.detail or "")
    verdicts = ", ".join(VERDICTS.get(one.verdict, one.verdict) for one in result.decisions)
    return f"Decided again by the rules in force: {verdicts}."


def _url(visit: Visit) -> str:
    return f"{ROOT}/events/{visit.parameters['event_id']}"
