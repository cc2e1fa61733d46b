"""What an operator changes of the suppressions, by the functions that the API calls: add an entry, take one out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from app.console.lists import number_of
from app.console.page import REASON, ROOT, Confirm, Done, Field, FormError, Pages, Visit, not_there
from app.console.receipts.wording import as_sentence
from app.console.text import exactly, number
from app.masking import masked_text
from app.operators import Role
from app.people.suppression import HOW
from app.people.suppression_lines import read_lines
from app.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.people.suppression import Suppression
    from app.people.suppression_lines import SuppressionLines
    from app.people.suppression_store import SuppressionStore

LIST = f"{ROOT}/suppressions"
LONGEST_REASON = 1000
MOST_NAMED = 5  # lines that are no entries
HOW_HINT = as_sentence(HOW).rstrip(".")
WHAT = Field("value", "Addresses, domains or patterns, one a line", kind="long", hint=HOW_HINT, required=True)

log = structlog.get_logger(__name__)


def add(pages: Pages, store: SuppressionStore) -> None:
    """Add both changes."""
    changes = _Changes(store)
    pages.change("/suppressions/add", changes.ask_add, changes.add, Role.OPERATOR)
    pages.change("/suppressions/{number}/remove", changes.ask_remove, changes.remove, Role.OPERATOR)


@dataclass(frozen=True, slots=True)
class _Changes:
    store: SuppressionStore

    async def ask_add(self, _: Visit) -> Confirm:
        return Confirm(
            title="Suppress addresses, domains or patterns?",
            button="Suppress",
            back=LIST,
            consequences=(
                "An address that an entry fits is never enrolled from now on, in any account.",
                "What waits for such an address is refused when it is due; what runs in HubSpot goes on.",
            ),
            fields=(WHAT, REASON),
        )

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
        return Confirm(
            title=f"Take {masked_text(entry['value'])} out of the suppressions?",
            button="Take it out",
            back=LIST,
            consequences=(
                "From then on rules enroll the addresses that it fitted, unless another entry fits them, too.",
                "What was refused meanwhile stays refused.",
                *([f"It was added for this reason: {masked_text(entry['reason'])}"] if entry["reason"] else []),
            ),
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
