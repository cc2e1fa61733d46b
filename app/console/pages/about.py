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


# A page that is opened from here sends no token: where one is needed, these are no links.
DOCS, METRICS = ("/docs", "The API"), ("/metrics", "Metrics")
NEEDED = (
    "`/docs` describes the API, and `/metrics` has the figures for Prometheus. Both need a token of an operator: "
    "programs send it, and a browser asks for it as a password."
)


@dataclass(frozen=True, slots=True)
class AboutPage:
    """The page. `answering` is the process that answered.

    `links` lead to what else is on this port, each with its word; `note` says of the others what they need.
    """

    version: str
    sentence: str
    revision: str | None
    practice: bool
    links: Sequence[tuple[str, str]]
    note: str
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
        apart, tokens = process.settings.admin_port is not None, any(console.sessions.tokens())
        return AboutPage(
            version=__version__,
            sentence=_sentence(process.shared, len(own), practice=process.practice),
            revision=book.revision if book else None,
            practice=process.practice,
            links=links(apart=apart, tokens=tokens),
            note=note(apart=apart, tokens=tokens),
            answering=process.name,
            members=members(process.shared),
            chosen=own,
            others=tuple(one for one in settings if not one.chosen),
        )

    return pages


def links(*, apart: bool, tokens: bool) -> tuple[tuple[str, str], ...]:
    """Return what opens in a browser without a token: on a port of the operators' own, `/docs` where there are any."""
    if not apart:
        return ()
    return (DOCS, METRICS) if tokens else (METRICS,)


def note(*, apart: bool, tokens: bool) -> str:
    """Return what the others need."""
    if tokens:
        return "" if apart else NEEDED
    closed = "`/docs`, which describes the API, is" if apart else "`/docs`, which describes the API, and `/metrics` are"
    return f"{closed} closed as long as `SEGUE_TOKENS` has no token."


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
