"""Lists by pages: what is asked for in the URL, and the links to the newer and older page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, Field

from app.reports.id_times import time_of
from app.web.fields import STORABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.console.page import Visit

PAGE_ROWS = 50
DIGITS = 19  # of the smallest number that no bigint holds
PERIODS = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30)}
PERIOD_WORDS = {"24h": "24 hours", "7d": "7 days", "30d": "30 days"}
Item = TypeVar("Item")


class Listed(BaseModel, extra="forbid"):
    """What every list takes: `before` and `after` are ids of rows, of which one at most is meant.

    `before` asks for rows older than it, `after` for newer ones.
    """

    before: str | None = Field(None, max_length=64, pattern=STORABLE)
    after: str | None = Field(None, max_length=64, pattern=STORABLE)


class Period(Listed):
    """A list that is always narrowed to a period, which its page shows."""

    period: str = Field("24h", pattern="^(24h|7d|30d)$")

    def since(self, now: datetime) -> datetime:
        """Return when the period begins."""
        return now - PERIODS[self.period]


@dataclass(frozen=True, slots=True)
class Slice(Generic[Item]):
    """One page of a list, newest first. `newer` and `older` are URLs, None where the list ends."""

    items: Sequence[Item]
    newer: str | None
    older: str | None


def sliced(rows: Sequence[Item], ids: Sequence[str], asked: Listed, visit: Visit) -> Slice[Item]:
    """Return a page of `rows`, of which the caller read one more than a page has: that one proves another page.

    `ids` are their ids. With `after` the rows are those next above it, and come in the order of the page: the proving
    one is the first.
    """
    more, page = len(rows) > PAGE_ROWS, slice(-PAGE_ROWS, None) if asked.after is not None else slice(PAGE_ROWS)
    return Slice(rows[page], *turns(ids[page], asked, visit, more=more))


def turns(ids: Sequence[str], asked: Listed, visit: Visit, *, more: bool) -> tuple[str | None, str | None]:
    """Return the URLs of the newer and of the older page of one that shows the rows `ids`.

    `more` says that the list goes on in the direction that was asked for. Where no row is left there, the way back is
    that to the first page.
    """
    forwards = asked.after is not None
    newer, older = (more, True) if forwards else (asked.before is not None, more)
    if not ids:
        return (None, turned(visit)) if forwards else (turned(visit) if newer else None, None)
    return (
        turned(visit, after=ids[0]) if newer else None,
        turned(visit, before=ids[-1]) if older else None,
    )


def looked(
    listed: Slice[Item], ended: str | None, asked: Listed, visit: Visit
) -> tuple[Slice[Item], datetime | None, str | None]:
    """Return a page whose look ended at the id `ended`, None where it came to the end of the list.

    Beside it: when that was, and the URL that looks further back. A look at newer rows goes on with the newer page.
    """
    if ended is None:
        return listed, None, None
    if asked.after is not None:
        return replace(listed, newer=turned(visit, after=ended)), None, None
    return listed, time_of(ended), turned(visit, before=ended)


def turned(visit: Visit, *, before: str | None = None, after: str | None = None) -> str:
    """Return the URL of the same list at another place."""
    asked = {name: value for name, value in visit.asked.items() if name not in {"before", "after"} and value}
    more = {name: value for name, value in (("before", before), ("after", after)) if value}
    return with_query(visit.path, asked | more)


def with_query(path: str, asked: dict[str, str]) -> str:
    """Return a path with a query, where there is one."""
    return f"{path}?{urlencode(asked)}" if asked else path


def period_links(visit: Visit, *, leaving: Sequence[str] = ()) -> tuple[tuple[str, str], ...]:
    """Return a link for each period: its word and its URL, from the first page on, without what `leaving` names."""
    left = {"before", "after", "period", *leaving}
    asked = {name: value for name, value in visit.asked.items() if name not in left and value}
    return tuple((word, with_query(visit.path, {**asked, "period": name})) for name, word in PERIOD_WORDS.items())


def number_of(text: str | None) -> int | None:
    """Return the number by which a row is named, None for anything that is none."""
    short = text is not None and len(text) < DIGITS and text.isascii() and text.isdecimal()
    return int(text) if text and short else None
