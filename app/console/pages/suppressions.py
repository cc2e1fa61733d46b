"""Suppressions: whether an address is never enrolled, and the entries that say so: added, listed, taken out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.console import suppression_changes as changes
from app.console.lists import PAGE_ROWS, Listed, Slice, number_of, sliced
from app.console.page import Pages, Place, Visit
from app.console.receipts.standing import forgotten
from app.console.receipts.standing import suppressed as in_words
from app.console.receipts.wording import Clock
from app.console.text import CAP, counted, exactly, masked
from app.masking import masked_text
from app.operators import Role
from app.people.addresses import normalise
from app.people.suppression import MAXIMUM_LENGTH, Kind, Suppression
from app.people.suppression_store import SuppressionStore
from app.reports.suppressed import BY_RULES, suppressed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from app.console.context import Console
    from app.reports.suppressed import Suppressed

OF_RULES = 200  # entries of the rules that are shown
NOT_COVERED = (
    "{name} is not suppressed: neither the list nor the rules have it, and the person of this address was not "
    "forgotten. Whether a rule enrolls the person is another question."
)
NO_ADDRESS = "This is no e-mail address. Write one, such as ada@corp.example."


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the list; an address is masked. `by` is who added it, None where that is not known."""

    number: int
    kind: str
    value: str
    reason: str
    at: datetime
    by: str | None


@dataclass(frozen=True, slots=True)
class SuppressionsPage:
    """The list, and the entries of the rules: (kind, value)."""

    sentence: str
    entries: Slice[Entry]
    of_rules: Sequence[tuple[str, str]]
    more_of_rules: int
    may_change: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether one address is suppressed. `mistake` says why that cannot be answered."""

    sentences: tuple[str, ...]
    mark: str
    mistake: str


def pages(console: Console) -> Pages:
    """Return the list, the answer about one address, and both changes."""
    pages, reads = Pages(Place("Suppressions", "Keep", 10)), SuppressionStore(console.reads)

    @pages.show("/suppressions", "suppressions.html")
    async def suppressions(visit: Visit) -> SuppressionsPage:
        asked = visit.query(Listed)
        rows = await reads.page(number_of(asked.before), PAGE_ROWS + 1, above=number_of(asked.after))
        entries = [_entry(row) for row in rows]
        listed = sliced(entries, [str(one.number) for one in entries], asked, visit)
        of_rules = _of_rules(console)
        return SuppressionsPage(
            sentence=_sentence(await reads.count(CAP + 1), len(of_rules)),
            entries=listed,
            of_rules=[(str(one.kind), masked_text(one.value)) for one in of_rules[:OF_RULES]],
            more_of_rules=max(0, len(of_rules) - OF_RULES),
            may_change=visit.may(Role.OPERATOR),
        )

    @pages.show("/suppressions/look", "suppressed.html", method="POST")
    async def look(visit: Visit) -> Answer:
        address = normalise(visit.form.get("address", "")[:MAXIMUM_LENGTH])
        if address is None:
            return Answer((), "no", NO_ADDRESS)
        book, listed = console.process.rulebook.current, await reads.covering(address)
        return _answer(address, suppressed(address, book, listed), visit)

    changes.add(pages, SuppressionStore(console.process.engine), console.reads)
    return pages


def _of_rules(console: Console) -> tuple[Suppression, ...]:
    book = console.process.rulebook.current
    return book.suppress if book else ()


def _sentence(count: int, of_rules: int) -> str:
    rules = (
        f"the rules have {exactly(of_rules, 'entry', 'entries')} of their own" if of_rules else "the rules have none"
    )
    if not count:
        return f"The list is empty; {rules}."
    one = "it" if count == 1 else "one of them"
    return f"{counted(count, 'entry', 'entries')}: an address that {one} fits is never enrolled; {rules}."


def _entry(row: Mapping[str, Any]) -> Entry:
    return Entry(
        number=row["number"],
        kind=row["kind"],
        value=masked_text(row["value"]),
        reason=masked_text(row["reason"] or ""),
        at=row["created_at"],
        by=row["added_by"],
    )


def _answer(address: str, reasons: Sequence[Suppressed], visit: Visit) -> Answer:
    name = masked(address)
    said = tuple(sentence for one in reasons for sentence in _said(name, one, visit))
    return Answer(said, "no", "") if said else Answer((NOT_COVERED.replace("{name}", name),), "ok", "")


def _said(name: str, one: Suppressed, visit: Visit) -> tuple[str, ...]:
    if one.kind is None or one.value is None:
        return forgotten(None, Clock(visit.zone, visit.now)).sentences
    value = one.value if one.kind == Kind.ADDRESS else masked_text(one.value)  # an address is not repeated
    return (in_words(name, Suppression(Kind(one.kind), value), by_rules=one.by == BY_RULES),)
