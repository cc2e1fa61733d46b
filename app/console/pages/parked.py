"""What is parked, in groups, with what to do about each; and one group with its enrollments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.bulk.groups import By
from app.bulk.parked_store import GROUPS, ParkedStore
from app.console.bulk_changes import add_parked
from app.console.enrollment_lines import Line, line_of
from app.console.lists import PAGE_ROWS, Slice, looked, sliced, with_query
from app.console.page import Pages, Place, Visit
from app.console.parked_query import Asked
from app.console.parked_words import PARKED, WAYS, Group, all_of, group_of, one_of
from app.model import State
from app.operators import Role
from app.reports.enrollments_store import EnrollmentReads, Wanted

if TYPE_CHECKING:
    from datetime import datetime

    from app.bulk.groups import ParkedGroup
    from app.console.context import Console

FIRST = "enr_"  # sorts before all ids: what is parked is shown however old it is
NONE_LEFT = "None of these is parked any more."


@dataclass(frozen=True, slots=True)
class Way:
    """One way to group: its word, its URL, and whether it is the one that is shown."""

    word: str
    url: str
    current: bool


@dataclass(frozen=True, slots=True)
class OneGroup:
    """One group: `named` is what it is narrowed to, `group` what is said of it, None where nothing of it is left.

    `looked_back_to` is when the look at its enrollments ended before the list did, and `further` leads on from there.
    """

    named: tuple[tuple[str, str], ...]
    group: Group | None
    lines: Slice[Line]
    looked_back_to: datetime | None
    further: str | None


@dataclass(frozen=True, slots=True)
class ParkedPage:
    """The page: a sentence, and groups `by` something. With `one` they are the groups within that one."""

    sentence: str
    by: str
    ways: tuple[Way, ...]
    groups: tuple[Group, ...]
    one: OneGroup | None


def pages(console: Console) -> Pages:
    """Return the page, and what is done with a group."""
    pages, store = Pages(Place("Parked", "", 50)), ParkedStore(console.reads)
    reads = EnrollmentReads(console.reads)

    @pages.show("/parked", "parked.html")
    async def parked(visit: Visit) -> ParkedPage:
        asked = visit.query(Asked)
        by = asked.by_named()
        return await _all(store, visit, asked) if by is None else await _one(store, reads, visit, asked, by)

    add_parked(pages, console)
    return pages


async def _all(store: ParkedStore, visit: Visit, asked: Asked) -> ParkedPage:
    groups = await store.groups(asked.by)
    may_change = visit.may(Role.OPERATOR)
    ways = tuple(Way(word, with_query(PARKED, {"by": by}), by is asked.by) for by, word in WAYS)
    shown = tuple(group_of(group, {}, may_change=may_change) for group in groups)
    return ParkedPage(all_of(groups, GROUPS), asked.by, ways, shown, None)


async def _one(store: ParkedStore, reads: EnrollmentReads, visit: Visit, asked: Asked, by: By) -> ParkedPage:
    within, may_change, named = asked.filter(), visit.may(Role.OPERATOR), asked.named()
    found = next(iter(await store.groups(by, within)), None)
    inner = _inner(by, found)
    parts = await store.groups(inner, within) if inner else []
    shown = group_of(found, named, may_change=may_change) if found else None
    return ParkedPage(
        one_of(found) if found else NONE_LEFT,
        inner or by,
        (),
        tuple(group_of(part, named, may_change=may_change) for part in parts),
        await _listed(reads, visit, asked, shown),
    )


def _inner(by: By, group: ParkedGroup | None) -> By | None:
    """Return by what a group is looked into: by its causes, and one of a cause by its senders, else its rules."""
    if group is None:
        return None
    if by is not By.CAUSE:
        return By.CAUSE if group.reasons > 1 else None
    if group.senders > 1:
        return By.SENDER
    return By.RULE if group.rules > 1 else None


async def _listed(reads: EnrollmentReads, visit: Visit, asked: Asked, group: Group | None) -> OneGroup:
    columns: dict[str, str | None] = {"state": str(State.PARKED), **asked.columns()}
    wanted = Wanted(FIRST, columns, asked.before, asked.after, asked.changed())
    found = await reads.page(wanted, PAGE_ROWS + 1, count=False)  # the group has it
    lines = [line_of(row, found.names) for row in found.rows]
    listed = sliced(lines, [line.id for line in lines], asked, visit)
    return OneGroup(asked.shown(), group, *looked(listed, found.looked_back_to, asked, visit))
