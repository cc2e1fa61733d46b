"""An enrollment as its pages name it: its person, and its receipt. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.console.receipts.enrollment import receipt
from app.console.receipts.of_rows import enrollment_facts
from app.console.receipts.wording import Clock, person_named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.console.page import Visit
    from app.console.receipts.enrollment import Receipt
    from app.reports.enrollments_store import One
    from app.rules.rulebook import Rulebook


def person_of(row: Mapping[str, Any]) -> str:
    """Return how sentences call the person of an enrollment, by the names that its event has."""
    names = {name: row[name] for name in ("first_name", "last_name", "name")}
    return person_named(email=row["email"], **names)


def receipt_of(one: One, book: Rulebook, visit: Visit) -> Receipt:
    """Return what became of an enrollment, in sentences."""
    facts = enrollment_facts(one.row, one.journal, person=person_of(one.row), names=one.names, book=book)
    return receipt(facts, Clock(visit.zone, visit.now))
