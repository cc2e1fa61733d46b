"""Revisions: the rules that were put in force one after the other, and what each of them changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from pydantic import BaseModel, Field

from app.console.diff_lines import DiffLine, changed_words, diff_lines
from app.console.hidden import hiding
from app.console.lists import PAGE_ROWS, Listed, Slice, number_of, sliced
from app.console.page import ROOT, Pages, Visit, not_there
from app.console.rule_words import SHORT, at_words, by_words, file_name
from app.rules.file.documents import text_to_documents
from app.rules.revision_store import RevisionStore
from app.rules.shown import differences, shown_documents
from app.web.fields import STORABLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from app.console.context import Console

ALL = f"{ROOT}/rules/revisions"
MOST_LINES = 2_000


class Against(BaseModel, extra="forbid"):
    """Which revision one is compared with; the one before where none is named."""

    against: str | None = Field(None, max_length=64, pattern=STORABLE)


@dataclass(frozen=True, slots=True)
class RevisionLine:
    """One time that rules were put in force: `by` whom, empty where that is not known."""

    number: int
    revision: str
    url: str
    at: datetime
    by: str
    in_force: bool
    against: str | None


@dataclass(frozen=True, slots=True)
class RevisionsPage:
    """The list, newest first."""

    sentence: str
    lines: Slice[RevisionLine]


@dataclass(frozen=True, slots=True)
class RevisionPage:
    """One revision: what it changed, as the lines of a diff, and its files. No secret is shown.

    `cut` says that the diff goes on beyond the lines that are shown.
    """

    sentence: str
    revision: str
    in_force: bool
    against: str | None
    diff: Sequence[DiffLine]
    cut: bool
    files: Sequence[tuple[str, str]]
    with_present: str | None


def pages(console: Console) -> Pages:
    """Return both pages."""
    pages, store = Pages(), RevisionStore(console.reads)

    @pages.show("/rules/revisions", "rule_revisions.html")
    async def revisions(visit: Visit) -> RevisionsPage:
        asked, present = visit.query(Listed), console.process.current_rulebook().revision
        rows = await store.page(number_of(asked.before), PAGE_ROWS + 1, above=number_of(asked.after))
        lines = [_line(row, present) for row in rows]
        listed = sliced(lines, [str(one.number) for one in lines], asked, visit)
        return RevisionsPage(_last(rows, visit) if asked == Listed() else "Older revisions of the rules.", listed)

    @pages.show("/rules/revisions/{revision}", "rule_revision.html")
    async def revision(visit: Visit) -> RevisionPage:
        row = await _stored(store, visit.parameters["revision"])
        against = visit.query(Against).against
        other = await (store.before(row["number"]) if against is None else _stored(store, against))
        hide, present = hiding(console), console.process.current_rulebook().revision
        return _revision_page(row, other, hide, present, visit)

    return pages


async def _stored(store: RevisionStore, revision: str) -> Mapping[str, Any]:
    found = await store.one(revision)
    if found is None:
        raise not_there("such revision of the rules")
    return found


def _revision_page(
    row: Mapping[str, Any], other: Mapping[str, Any] | None, hide: Any, present: str, visit: Visit
) -> RevisionPage:
    documents, revision = text_to_documents(row["documents"]), row["revision"]
    lines = diff_lines(hide(differences(text_to_documents(other["documents"]), documents)) if other else ())
    compared = f"; against {other['revision'][:SHORT]}: {changed_words(lines)}" if other else "; it is the first one"
    with_present = None if revision == present else f"{ALL}/{present}?{urlencode({'against': revision})}"
    return RevisionPage(
        sentence=f"{_put(row, visit)}{compared}.",
        revision=revision,
        in_force=revision == present,
        against=other["revision"] if other else None,
        diff=lines[:MOST_LINES],
        cut=len(lines) > MOST_LINES,
        files=[(file_name(one.file), hide(one.text)) for one in shown_documents(documents)],
        with_present=with_present,
    )


def _line(row: Mapping[str, Any], present: str) -> RevisionLine:
    return RevisionLine(
        number=row["number"],
        revision=row["revision"],
        url=f"{ALL}/{row['revision']}",
        at=row["stored_at"],
        by=by_words(row["installed_by"]),
        in_force=row["revision"] == present,
        against=None if row["revision"] == present else f"{ALL}/{present}?{urlencode({'against': row['revision']})}",
    )


def _last(rows: Sequence[Mapping[str, Any]], visit: Visit) -> str:
    return f"{_put(rows[0], visit)}; each earlier revision is kept, too." if rows else "No rules were put in force yet."


def _put(row: Mapping[str, Any], visit: Visit) -> str:
    by = by_words(row["installed_by"])
    at = at_words(row["stored_at"], visit.now, visit.zone)
    return f"{row['revision'][:SHORT]} was put in force {at}" + (f" {by}" if by else "")
