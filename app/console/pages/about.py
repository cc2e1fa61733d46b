"""About: which version this is, the settings in force, and the processes of this service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app import __version__
from app.console.page import LIVE_SECONDS, Pages, Visit
from app.console.settings_shown import Shown, chosen, settings_shown
from app.console.text import exactly, number
from app.observability.shared import PARENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.console.context import Console
    from app.observability.shared import Shared


@dataclass(frozen=True, slots=True)
class Member:
    """One process of the service that answers: its name, what it does, and whether it works."""

    name: str
    role: str
    ready: bool


@dataclass(frozen=True, slots=True)
class AboutPage:
    """The page. `answering` is the process that answered."""

    version: str
    sentence: str
    revision: str | None
    practice: bool
    answering: str
    members: Sequence[Member]
    chosen: Sequence[Shown]
    others: Sequence[Shown]


def pages(console: Console) -> Pages:
    """Return the page."""
    pages, process = Pages(), console.process

    @pages.show("/about", "about.html", live=LIVE_SECONDS)
    async def about(_: Visit) -> AboutPage:
        settings, book = settings_shown(process.settings), process.rulebook.current
        own = chosen(settings)
        return AboutPage(
            version=__version__,
            sentence=_sentence(process.shared, len(own), practice=process.practice),
            revision=book.revision if book else None,
            practice=process.practice,
            answering=process.name,
            members=members(process.shared),
            chosen=own,
            others=tuple(one for one in settings if not one.chosen),
        )

    return pages


def members(shared: Shared | None) -> tuple[Member, ...]:
    """Return the processes of the service, but the parent, which only starts the others."""
    slots = shared.slots if shared else ()
    return tuple(Member(slot.name, slot.role, slot.ready) for slot in slots if slot.role != PARENT)


def _sentence(shared: Shared | None, own: int, *, practice: bool) -> str:
    what = "Segue, practising against the sandbox" if practice else "Segue"
    return f"{what} {__version__}, {_processes(shared)}, with {exactly(own, 'setting')} of its own."


def _processes(shared: Shared | None) -> str:
    found = members(shared)
    if not found:
        return "in one process"
    ready = sum(one.ready for one in found)
    whole = exactly(len(found), "process", "processes")
    if ready == len(found):
        return f"in {whole}, {'which is' if ready == 1 else 'all'} ready"
    return f"in {whole}, of which {number(ready)} {'is' if ready == 1 else 'are'} ready"
