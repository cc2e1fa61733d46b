"""People: find one by an address or an id; and one person's page, with the receipt, the story, and what to do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydantic import Field

from app.audit.act import about
from app.console import person_changes as changes
from app.console.lists import Listed, turns
from app.console.page import ROOT, Pages, Visit
from app.console.people import People
from app.console.person_facts import Fact, known_facts, now_facts
from app.console.person_story import Day, story
from app.console.receipts.enrollment import Receipt
from app.console.receipts.person import ORDER, in_short, name_of
from app.console.receipts.standing import nothing_stored, suppressed
from app.console.receipts.wording import Clock
from app.console.states import shown
from app.console.text import masked
from app.masking import masked_text
from app.operators import Role
from app.people.suppression import Kind, Suppression
from app.reports.id_times import tail_of
from app.reports.person_store import PersonStore

if TYPE_CHECKING:
    from app.console.context import Console
    from app.reports.person_store import PersonPage
    from app.rules.rulebook import Rulebook

PAGE_ITEMS = 60  # events, decisions and enrollments: up to three of them make one line
TAIL = "^[0-9a-z]{1,64}$"


class Asked(Listed):
    """Where the story goes on: below or above an id, which has no prefix."""

    before: str | None = Field(None, pattern=TAIL)
    after: str | None = Field(None, pattern=TAIL)


@dataclass(frozen=True, slots=True)
class PersonView:
    """One person. `address` is masked, and whole where `is_shown`.

    `receipts` say in short what became of the person, the first of what matters most; `mark` is its state's. `newer`
    and `older` lead through the story. `may_*` are what this visitor may do now; `erasure` is the page for that, and
    `pseudonym` the hash by which the audit log names the person: both for admins.
    """

    name: str
    address: str
    is_shown: bool
    path: str
    mark: str
    receipts: tuple[Receipt, ...]
    is_empty: bool
    forgotten: bool
    suppressed: bool
    days: tuple[Day, ...]
    newer: str | None
    older: str | None
    now: tuple[Fact, ...]
    known: tuple[Fact, ...]
    waiting: int
    may_change: bool
    erasure: str | None
    pseudonym: str | None


def pages(console: Console) -> Pages:
    """Return one person's page, the one with the address, and both changes."""
    pages, reads = Pages(), PersonStore(console.reads)
    people = People(console.process, console.links)

    async def view(visit: Visit, *, is_shown: bool) -> PersonView:
        address, book = await people.named(visit), console.process.current_rulebook()
        asked = visit.query(Asked)
        found = await reads.page(address, book, before=asked.before, after=asked.after, limit=PAGE_ITEMS)
        hashed, practice = await people.hashed(address), console.process.practice
        if is_shown:
            about(hashed)
        return _view(visit, address, hashed, found, book, is_shown=is_shown, practice=practice)

    @pages.show("/people/{person}", "person.html")
    async def person(visit: Visit) -> PersonView:
        return await view(visit, is_shown=False)

    @pages.show("/people/{person}/show", "person.html", role=Role.OPERATOR, method="POST", audited=True)
    async def show(visit: Visit) -> PersonView:
        return await view(visit, is_shown=True)

    changes.add(pages, console, people, reads)
    return pages


def _view(
    visit: Visit, address: str, hashed: str, found: PersonPage, book: Rulebook, *, is_shown: bool, practice: bool
) -> PersonView:
    name, clock = name_of(address, found), Clock(visit.zone, visit.now)
    by_rules = next((one for one in book.suppress if one.matches(address)), None)
    receipts = _receipts(address, found, book, clock, by_rules)
    standing, path = found.standing, f"{ROOT}/people/{visit.parameters['person']}"
    asked, tails = visit.query(Asked), [tail_of(item.row["id"]) for item in found.items]
    newer, older = turns(tails, asked, _story_visit(visit), more=found.more)
    return PersonView(
        name=name,
        address=address if is_shown else masked(address),
        is_shown=is_shown,
        path=path,
        mark=_mark(found, receipts),
        receipts=receipts,
        is_empty=not found.items and asked == Asked(),
        forgotten=standing.forgotten_at is not None,
        suppressed=standing.entry is not None or by_rules is not None,
        days=story(name, found, book, clock, visit),
        newer=newer,
        older=older,
        now=now_facts(found, book, by_rules, visit),
        known=known_facts(found, visit, practice=practice),
        waiting=standing.cancellable,
        may_change=visit.may(Role.OPERATOR),
        erasure=f"{ROOT}/erasure/{visit.parameters['person']}" if visit.may(Role.ADMIN) else None,
        pseudonym=hashed if visit.may(Role.ADMIN) else None,
    )


def _story_visit(visit: Visit) -> Visit:
    """Return the visit that pages of the story are turned from: none is asked for by the POST that shows an address."""
    return replace(visit, path=visit.path.removesuffix("/show"))


def _receipts(
    address: str, found: PersonPage, book: Rulebook, clock: Clock, by_rules: Suppression | None
) -> tuple[Receipt, ...]:
    """Return the person in short; what only the rules suppress is said first, as what the list suppresses is."""
    receipts = in_short(address, found, book, clock)
    if by_rules is None or found.standing.forgotten_at is not None:
        return receipts
    name = name_of(address, found)
    entry = by_rules if by_rules.kind is Kind.ADDRESS else Suppression(by_rules.kind, masked_text(by_rules.value))
    rest = () if receipts == (nothing_stored(name),) else receipts
    return (Receipt((suppressed(name, entry, by_rules=True),)), *rest)


def _mark(found: PersonPage, receipts: tuple[Receipt, ...]) -> str:
    """Return the mark of what the first receipt is about."""
    standing = found.standing
    if standing.forgotten_at or standing.entry:
        return "no"
    states = {item.row["state"] for item in found.recent if item.kind == "enrollment"}
    first = next((state for state in ORDER if state in states), None)
    return shown(first)[0] if first and receipts else "no"
