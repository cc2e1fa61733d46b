"""Sources: where each tool posts to, and whether it is healthy, failing or silent; and paths that are no source's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.console.lists import PERIODS
from app.console.page import LIVE_SECONDS, ROOT, Pages, Place, Visit
from app.console.silent import kept_silence
from app.console.source_words import MARKS, all_in_words, why_of, word_of
from app.console.text import exactly
from app.errors import Busy
from app.reports.sources import source_view
from app.tallies import read_store as tallies
from app.web.api.unknown_paths import near

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from app.console.context import Console
    from app.reports.sources import SourceView
    from app.rules.rulebook import Rulebook
    from app.tallies.figures import SourceTally
    from app.tallies.silence import Silence

SPAN = "24 hours"
PERIOD = "24h"


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One source. `address` is the URL that its tool posts to, its path alone where the public URL is not known."""

    name: str
    provider: str
    url: str
    address: str
    mark: str
    word: str
    why: str
    received: int
    rejected: int
    last_at: datetime | None
    last_rejected_at: datetime | None
    rules: Sequence[str]


@dataclass(frozen=True, slots=True)
class SourcesPage:
    """All sources. `public_url` says whether the beginning of their URLs is known."""

    sentence: str
    lines: Sequence[SourceLine]
    public_url: bool
    unknown_paths: int


@dataclass(frozen=True, slots=True)
class UnknownLine:
    """One path that is no source's, how often it was asked for, and the source that was probably meant."""

    method: str
    path: str
    count: int
    first_at: datetime
    last_at: datetime
    near: str | None


@dataclass(frozen=True, slots=True)
class UnknownPage:
    """The last paths that are no source's."""

    sentence: str
    lines: Sequence[UnknownLine]


def pages(console: Console) -> Pages:
    """Return both pages."""
    pages, silent, process = Pages(Place("Sources", "Set up", 20)), kept_silence(console), console.process

    @pages.show("/sources", "sources.html", live=LIVE_SECONDS)
    async def sources(visit: Visit) -> SourcesPage:
        book, url = book_of(console), process.settings.senders_url
        counts = await tallies.sources(console.reads, visit.now - PERIODS[PERIOD], visit.now, sorted(book.sources))
        found, silences = {one.source: one for one in counts}, await silent.value(visit.zone)
        views = [source_view(one, book, {}, public_url=url, now=visit.now) for one in book.sources.values()]
        lines = [_line(view, found[view.name], silences) for view in views]
        return SourcesPage(
            sentence=all_in_words([(one.name, one.word) for one in lines], sum(one.received for one in lines), SPAN),
            lines=lines,
            public_url=url is not None,
            unknown_paths=len(process.unknown_paths.latest()),
        )

    @pages.show("/sources/unknown-paths", "unknown_paths.html", live=LIVE_SECONDS)
    async def unknown_paths(_: Visit) -> UnknownPage:
        names = sorted(book_of(console).sources)
        lines = [
            UnknownLine(one.method, one.path, one.count, one.first_at, one.last_at, near(one.path, names))
            for one in process.unknown_paths.latest()
        ]
        return UnknownPage(_sentence(lines), lines)

    return pages


def book_of(console: Console) -> Rulebook:
    """Return the rules in force. Raises Busy before there are any."""
    if (book := console.process.rulebook.current) is None:
        raise Busy("no_rulebook", "no rulebook is loaded yet")
    return book


def _line(view: SourceView, tally: SourceTally, silences: Mapping[str, Silence]) -> SourceLine:
    silence = silences.get(view.name)
    word = word_of(tally, silent=bool(silence and silence.silent))
    return SourceLine(
        name=view.name,
        provider=view.provider,
        url=f"{ROOT}/sources/{view.name}",
        address=view.url or view.path,
        mark=MARKS[word],
        word=word,
        why=why_of(word, tally, silence.why if silence else ""),
        received=tally.received,
        rejected=tally.rejected,
        last_at=tally.last_at,
        last_rejected_at=tally.last_rejected_at,
        rules=view.rules,
    )


def _sentence(lines: Sequence[UnknownLine]) -> str:
    if not lines:
        return "Since this service started, no path was asked for that is no source's."
    asked = exactly(sum(one.count for one in lines), "request was", "requests were")
    return f"{asked} answered 404 since this service started, at {exactly(len(lines), 'path')} that no source has."
