"""What an operator changes of the suppressions, by the functions that the API calls: add an entry, take one out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import structlog

from app.console.bulk_words import enrollment_row
from app.console.lists import number_of
from app.console.page import REASON, ROOT, Confirm, Done, Field, FormError, Pages, Row, Visit, not_there
from app.console.receipts.wording import as_sentence
from app.console.text import counted, exactly, number
from app.masking import masked_text
from app.operators import Role
from app.people.suppression import HOW, Kind, Suppression
from app.people.suppression_lines import read_lines
from app.people.waiting_store import waiting_for
from app.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.people.suppression_lines import SuppressionLines
    from app.people.suppression_store import SuppressionStore
    from app.people.waiting_store import Fitting

LIST = f"{ROOT}/suppressions"
LONGEST_REASON = 1000
NEVER = "An address that an entry fits is never enrolled from now on, in any account."
REFUSED = "What waits for such an address is refused when it is due; what runs in HubSpot goes on."
MOST_NAMED = 5  # lines that are no entries
HOW_HINT = as_sentence(HOW).rstrip(".")
WHAT = Field("value", "Addresses, domains or patterns, one a line", kind="long", hint=HOW_HINT, required=True)

log = structlog.get_logger(__name__)


def add(pages: Pages, store: SuppressionStore, reads: AsyncEngine) -> None:
    """Add both changes, and the page that says what follows from the entries that a form has."""
    changes = _Changes(store, reads)
    pages.show("/suppressions/add/look", "confirm.html", role=Role.OPERATOR, method="POST")(changes.look)
    pages.change("/suppressions/add", changes.ask_add, changes.add, Role.OPERATOR)
    pages.change("/suppressions/{number}/remove", changes.ask_remove, changes.remove, Role.OPERATOR)


def waits_for(found: Fitting, whom: str) -> str:
    """Return how many wait for `whom`, in a sentence."""
    least = "At least " if found.at_least else ""
    return f"{least}{counted(found.count, 'enrollment waits', 'enrollments wait')} for {whom} now."


def sample_of(found: Fitting, visit: Visit) -> tuple[Row, ...]:
    """Return the first of those that wait."""
    return tuple(enrollment_row(row, visit) for row in found.first)


@dataclass(frozen=True, slots=True)
class _Changes:
    store: SuppressionStore
    reads: AsyncEngine

    async def ask_add(self, visit: Visit) -> Confirm:
        """Ask which; once a form says it, say what follows."""
        confirm = Confirm(
            title="Suppress addresses, domains or patterns?",
            button="Show what follows",
            back=LIST,
            consequences=(NEVER, REFUSED),
            fields=(WHAT, REASON),
            action=f"{LIST}/add/look",
        )
        entries = read_lines(visit.form.get(WHAT.name, "")).entries
        if not entries:
            return confirm
        found = await waiting_for(self.reads, entries)
        entry = "it fits" if len(entries) == 1 else f"one of these {exactly(len(entries), 'entry', 'entries')} fits"
        return replace(
            confirm,
            button="Suppress",
            consequences=(NEVER, waits_for(found, f"an address that {entry}"), REFUSED),
            count=found.count,
            sample=sample_of(found, visit),
            action=f"{LIST}/add",
        )

    async def look(self, visit: Visit) -> Confirm:
        found = read_lines(visit.form.get(WHAT.name, ""))
        wrong = None if found.entries else FormError(WHAT.name, _wrong(found))
        return replace(await self.ask_add(visit), error=wrong)

    async def add(self, visit: Visit) -> Done:
        found = read_lines(visit.form.get(WHAT.name, ""))
        if found.wrong or not found.entries:
            raise FormError(WHAT.name, _wrong(found))
        reason = visit.form.get("reason", "").strip()[:LONGEST_REASON] or None
        if len(found.entries) == 1:
            return await self._add_one(found.entries[0], reason)
        added = await self.store.add_all(found.entries, reason)
        log.info("suppression.imported", entries=len(found.entries), added=added)
        of = exactly(len(found.entries), "entry", "entries")
        return Done(LIST, f"{of}, of which {number(added)} were not there before.")

    async def _add_one(self, entry: Suppression, reason: str | None) -> Done:
        kept = await self.store.add(entry, reason)
        log.info("suppression.added", kind=kept["kind"], added=kept["added"])
        done = "is suppressed now" if kept["added"] else "was suppressed before, and still is"
        return Done(LIST, f"{masked_text(entry.value)} {done}.")

    async def ask_remove(self, visit: Visit) -> Confirm:
        entry = await self._named(visit)
        found = await waiting_for(self.reads, [Suppression(Kind(entry["kind"]), entry["value"])])
        return Confirm(
            title=f"Take {masked_text(entry['value'])} out of the suppressions?",
            button="Take it out",
            back=LIST,
            consequences=(
                "From then on rules enroll the addresses that it fitted, unless another entry fits them, too.",
                waits_for(found, "an address that it fits"),
                "They are sent when they are due, unless another entry fits them. What was refused stays refused.",
                *([f"It was added for this reason: {masked_text(entry['reason'])}"] if entry["reason"] else []),
            ),
            count=found.count,
            sample=sample_of(found, visit),
        )

    async def remove(self, visit: Visit) -> Done:
        entry = await self._named(visit)
        kind = await self.store.remove(entry["value"])
        if kind is None:
            raise Problem(409, "wrong-state", "It was taken out meanwhile.")
        log.info("suppression.removed", kind=kind)
        return Done(LIST, f"{masked_text(entry['value'])} is not suppressed by the list any more.")

    async def _named(self, visit: Visit) -> Mapping[str, Any]:
        number = number_of(visit.parameters["number"])
        found = await self.store.entry(number) if number is not None else None
        if found is None:
            raise not_there("such entry in the suppressions")
        return found


def _wrong(found: SuppressionLines) -> str:
    """Return what is wrong with a list, by its first lines that are no entries."""
    said = "; ".join(f"line {one.line}: {one.message}" for one in found.wrong[:MOST_NAMED])
    return f"Nothing was added: {said or HOW}."
