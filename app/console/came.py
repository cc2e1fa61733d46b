"""How many events came in a period, and what became of them, by the tallies: what a list of events says first."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from app.clock import utc_now
from app.console.kept import TALLIED_SECONDS, KeptBy
from app.console.lists import PERIOD_WORDS, PERIODS
from app.console.text import exactly, number
from app.tallies import read_store as tallies
from app.tallies.figures import Narrowed
from app.tallies.stages import Stage, Unmatched

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.tallies.figures import Funnel

ONE, MANY = "event was", "events were"
NOT_BY_TYPE = "what became of events is not counted by type"


@dataclass(frozen=True, slots=True)
class Came:
    """What the tallies have of a period: how many events were stored, and all of it as a sentence."""

    stored: int
    sentence: str


class CameReads:
    """Reads it, by source and type. The tallies of a long period are kept for some seconds."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._kept = {
            period: KeptBy[tuple[str | None, str | None], Came](partial(self._read, period), seconds)
            for period, seconds in TALLIED_SECONDS.items()
        }

    async def of(self, period: str, *, source: str | None, type_: str | None) -> Came:
        """Return what came in the period that ends now. Raises Busy."""
        return await self._kept[period].value((source, type_))

    async def _read(self, period: str, key: tuple[str | None, str | None]) -> Came:
        (source, type_), now, words = key, utc_now(), PERIOD_WORDS[period]
        since, narrowed = now - PERIODS[period], Narrowed(source=source)
        if type_ is None:
            funnel = await tallies.funnel(self._engine, since, now, narrowed)
            return Came(funnel.counts.get(Stage.VERIFIED, 0), all_in_words(funnel, source, words))
        kinds = await tallies.kinds(self._engine, since, now, narrowed)
        stored = sum(one.n for one in kinds if one.type == type_)
        return Came(stored, of_type_in_words(stored, type_, source, words))


def all_in_words(funnel: Funnel, source: str | None, span: str) -> str:
    """Return how many were received, and what became of them."""
    where = f"{_from(source)} in the last {span}"
    if not funnel.received:
        return f"Nothing was received{where}."
    return f"{exactly(funnel.received, ONE, MANY)} received{where}: {', '.join(_parts(funnel))}."


def of_type_in_words(count: int, type_: str, source: str | None, span: str) -> str:
    """Return how many of one type were received: what becomes of events is not tallied by their types."""
    which, where = f"of the type {type_}", f"received{_from(source)} in the last {span}"
    if not count:
        return f"No event {which} was {where}."
    were = "was" if count == 1 else "were"
    return f"{exactly(count, 'event')} {which} {were} {where}; {NOT_BY_TYPE}."


def _parts(funnel: Funnel) -> list[str]:
    unmatched = {drop.reason: drop.n for drop in funnel.drops if drop.stage is Stage.UNMATCHED}
    no_match, ignored = unmatched.pop(Unmatched.NO_MATCH, 0), unmatched.pop(Unmatched.IGNORED, 0)
    counts = (
        (funnel.rejected, "rejected"),
        (funnel.repeated, "received before"),
        ((funnel.no_rule or 0) + no_match, "with no matching rule"),
        (ignored, "ignored by a rule"),
        (sum(unmatched.values()), "without a match for other reasons"),
        (funnel.counts.get(Stage.UNDECIDED, 0), "not decided yet"),
    )
    of_which = f", of which {number(funnel.enrolled)} {'is' if funnel.enrolled == 1 else 'are'} enrolled"
    matched = f"{number(funnel.matched)} matched{of_which}" if funnel.matched else "none matched"
    return [*(f"{number(count)} {word}" for count, word in counts if count), matched]


def _from(source: str | None) -> str:
    return f" from {source}" if source else ""
