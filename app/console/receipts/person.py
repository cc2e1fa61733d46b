"""A person in short: the receipt of what matters most, and those of the others. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.console.receipts.decision import decision_receipt
from app.console.receipts.enrollment import Receipt, receipt
from app.console.receipts.of_rows import decision_facts, enrollment_facts
from app.console.receipts.standing import forgotten, nothing_stored, suppressed
from app.console.receipts.wording import person_named
from app.model import State

if TYPE_CHECKING:
    from app.console.receipts.wording import Clock
    from app.reports.person_store import Item, PersonPage
    from app.rules.rulebook import Rulebook

MOST_OTHERS = 3
# What comes first: what reached the person, then what is open, then what did not happen.
ORDER = (
    State.ENROLLED,
    State.UNCERTAIN,
    State.PARKED,
    State.WORKING,
    State.READY,
    State.HELD,
    State.REFUSED,
    State.CANCELLED,
    State.EXPIRED,
    State.DONE,
)


def name_of(email: str, page: PersonPage) -> str:
    """Return how sentences call the person of a page."""
    named = page.standing.named
    return person_named(
        email=email,
        first_name=named.get("first_name"),
        last_name=named.get("last_name"),
        name=named.get("name"),
    )


def in_short(email: str, page: PersonPage, book: Rulebook, clock: Clock) -> tuple[Receipt, ...]:
    """Return the receipts of a person, what matters most first, of the newest enrollments."""
    name = name_of(email, page)
    if page.standing.forgotten_at is not None:
        return (forgotten(page.standing.forgotten_at, clock),)
    found = _of_items(name, page, book, clock)
    if entry := page.standing.entry:
        return (Receipt((suppressed(name, entry),)), *found)
    return found or (nothing_stored(name),)


def item_receipt(item: Item, *, name: str, page: PersonPage, book: Rulebook, clock: Clock) -> Receipt | None:
    """Return the receipt of one row of the story, None for an event: its decisions tell of it."""
    if item.kind == "enrollment":
        facts = enrollment_facts(item.row, item.journal, person=name, names=page.names, book=book)
        return receipt(facts, clock)
    if item.kind == "decision":
        return decision_receipt(decision_facts(item.row, person=name, names=page.names, book=book), clock)
    return None


def _of_items(name: str, page: PersonPage, book: Rulebook, clock: Clock) -> tuple[Receipt, ...]:
    enrollments = sorted(
        (item for item in page.recent if item.kind == "enrollment"), key=lambda item: ORDER.index(item.row["state"])
    )
    shown = enrollments[: MOST_OTHERS + 1] or [item for item in page.recent if item.kind == "decision"][:1]
    receipts = (item_receipt(item, name=name, page=page, book=book, clock=clock) for item in shown)
    return tuple(one for one in receipts if one is not None)
