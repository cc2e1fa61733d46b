"""The reads of tallies, each of which is one statement. A time span is `since <= hour < until`, in whole hours (UTC).

Every function raises Busy while the database cannot be reached.
"""

from __future__ import annotations

from collections import Counter as Counts
from dataclasses import asdict
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from app.database.engine import busy_when_gone
from app.tallies import read_statements as sql
from app.tallies.figures import (
    ALL,
    Arrivals,
    CountState,
    DayCount,
    Drop,
    Funnel,
    HourCount,
    KindTally,
    RuleTally,
    SenderHour,
    SourceTally,
)
from app.tallies.hours import hour_of, hours_between
from app.tallies.stages import MATCHED, VERIFIED_DELIVERIES, Counter, Stage, Unmatched

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime, tzinfo

    from sqlalchemy import Row, TextClause
    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.tallies.figures import Narrowed

# Eight weeks of a rhythm, and eight of silence after it.
SILENCE_SPAN = timedelta(weeks=16)
# What a line over time may show: a stage, `received` or `verified` as the funnel has them, or `matched`.
RECEIVED, VERIFIED, MATCHES = "received", "verified", "matched"
_SERIES: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
    RECEIVED: ((Stage.VERIFIED,), (Counter.NO_RULE, Counter.REJECTED, Counter.REPEATED_EVENTS)),
    VERIFIED: ((Stage.VERIFIED,), (Counter.NO_RULE,)),
    MATCHES: (MATCHED, ()),
    Counter.REJECTED: ((), (Counter.REJECTED,)),
    Counter.NO_RULE: ((), (Counter.NO_RULE,)),
}


async def funnel(engine: AsyncEngine, since: datetime, until: datetime, narrowed: Narrowed = ALL) -> Funnel:
    """Return how far the events came that were received in the time span."""
    return _funnel(await _rows(engine, sql.FUNNEL, since, until, narrowed), narrowed)


def _funnel(rows: Sequence[Row[Any]], narrowed: Narrowed) -> Funnel:
    counter = Counts({row.stage: row.n for row in rows if row.counter})
    counts: Counts[Stage] = Counts()
    for row in rows:
        if not row.counter:
            counts[Stage(row.stage)] += row.n
    drops = sorted(_drops(rows), key=lambda drop: (-drop.n, drop.stage, drop.reason, drop.known))
    if narrowed.beyond_source:
        return Funnel(None, None, None, None, None, counts, tuple(drops))
    verified = counts[Stage.VERIFIED] + counter[Counter.NO_RULE]
    rejected, repeated = counter[Counter.REJECTED], counter[Counter.REPEATED_EVENTS]
    received = verified + rejected + repeated
    return Funnel(received, rejected, repeated, verified, counter[Counter.NO_RULE], counts, tuple(drops))


def _drops(rows: Sequence[Row[Any]]) -> Iterable[Drop]:
    shown = (row for row in rows if not row.counter and row.stage != Stage.VERIFIED)
    return (Drop(Stage(row.stage), row.reason, row.known, row.n) for row in shown)


async def series(
    engine: AsyncEngine, what: str, since: datetime, until: datetime, narrowed: Narrowed = ALL
) -> tuple[HourCount, ...]:
    """Return every hour of the time span with its figure: a Stage, or `received`, `verified`, `matched`, `rejected`."""
    found = await _series(engine, what, since, until, narrowed)
    return tuple(HourCount(hour, found[hour]) for hour in hours_between(since, until))


async def funnel_by_hour(
    engine: AsyncEngine, since: datetime, until: datetime
) -> tuple[Funnel, tuple[HourCount, ...], tuple[HourCount, ...]]:
    """Return the funnel of the time span, what was matched in each hour of it, and what is enrolled of that."""
    rows = await _rows(engine, sql.FUNNEL_BY_HOUR, since, until, ALL, stages=list(MATCHED))
    matched: Counts[datetime] = Counts()
    enrolled: Counts[datetime] = Counts()
    for row in rows:
        if row.hour is not None:
            matched[hour_of(row.hour)] += row.n
            enrolled[hour_of(row.hour)] += row.n if row.stage == Stage.ENROLLED else 0
    whole = _funnel([row for row in rows if row.hour is None], ALL)
    hours = tuple(hours_between(since, until))
    return whole, tuple(HourCount(h, matched[h]) for h in hours), tuple(HourCount(h, enrolled[h]) for h in hours)


async def days(
    engine: AsyncEngine, what: str, since: datetime, until: datetime, zone: tzinfo, narrowed: Narrowed = ALL
) -> tuple[DayCount, ...]:
    """Return the days of `zone` in the time span with their figures: each is the sum of the hours that begin on it."""
    found = await _series(engine, what, since, until, narrowed)
    counts: Counts[Any] = Counts()
    for hour in hours_between(since, until):
        counts[hour.astimezone(zone).date()] += found[hour]
    return tuple(DayCount(day, n) for day, n in sorted(counts.items()))


async def _series(
    engine: AsyncEngine, what: str, since: datetime, until: datetime, narrowed: Narrowed
) -> Counts[datetime]:
    stages, results = _SERIES.get(what) or ((Stage(what),), ())
    values = {"stages": list(stages), "results": list(results)}
    found: Counts[datetime] = Counts()
    for row in await _rows(engine, sql.SERIES, since, until, narrowed, **values):
        found[row.hour] += row.n
    return found


async def rules(
    engine: AsyncEngine, since: datetime, until: datetime, narrowed: Narrowed = ALL
) -> tuple[RuleTally, ...]:
    """Return what each rule did with the events that were received in the time span, by the rule's id."""
    rows = await _rows(engine, sql.RULES, since, until, narrowed)
    return tuple(_rule(rule, list(found)) for rule, found in groupby(rows, key=lambda row: str(row.rule)))


def _rule(rule: str, rows: Sequence[Row[Any]]) -> RuleTally:
    counts: Counts[Stage] = Counts()
    nothing: Counts[str] = Counts()
    for row in rows:
        counts[Stage(row.stage)] += row.n
        nothing[row.reason] += row.n
    return RuleTally(rule, counts, nothing[Unmatched.IGNORED], nothing[Unmatched.NO_ADDRESS])


async def kinds(
    engine: AsyncEngine, since: datetime, until: datetime, narrowed: Narrowed = ALL
) -> tuple[KindTally, ...]:
    """Return the stored events of the time span by source and type: what rules that name the type received."""
    rows = await _rows(engine, sql.KINDS, since, until, narrowed)
    return tuple(KindTally(row.source, row.type, row.n) for row in rows)


async def sources(
    engine: AsyncEngine, since: datetime, until: datetime, named: Sequence[str] = (), narrowed: Narrowed = ALL
) -> tuple[SourceTally, ...]:
    """Return what came from each source in the time span. Those in `named` are returned also where nothing came."""
    return (await sources_and_lately(engine, since, since, until, named, narrowed))[0]


async def sources_and_lately(
    engine: AsyncEngine,
    since: datetime,
    lately: datetime,
    until: datetime,
    named: Sequence[str] = (),
    narrowed: Narrowed = ALL,
) -> tuple[tuple[SourceTally, ...], tuple[SourceTally, ...]]:
    """Return what came from each source in the time span, and in the end of it that begins at `lately`."""
    rows = await _rows(engine, sql.SOURCES, since, until, narrowed, named=list(named), lately=hour_of(lately))
    found = [(str(source), list(each)) for source, each in groupby(rows, key=lambda row: str(row.source))]
    return (
        tuple(_source(source, each, each) for source, each in found),
        tuple(_source(source, each, [row for row in each if row.lately]) for source, each in found),
    )


def _source(source: str, rows: Sequence[Row[Any]], counted: Sequence[Row[Any]]) -> SourceTally:
    counts, rejections = Counts[str](), Counts[str]()
    for row in counted:
        counts[row.result] += row.n or 0
        if row.result == Counter.REJECTED:
            rejections[row.reason] += row.n
    verified = sum(counts[result] for result in VERIFIED_DELIVERIES)
    return SourceTally(
        source,
        received=verified + counts[Counter.REJECTED] + counts[Counter.HANDSHAKE],
        verified=verified,
        rejected=counts[Counter.REJECTED],
        repeated=counts[Counter.REPEATED],
        handshakes=counts[Counter.HANDSHAKE],
        events=counts["events"],
        no_rule=counts[Counter.NO_RULE],
        rejections=tuple(sorted(rejections.items(), key=lambda one: (-one[1], one[0]))),
        last_at=rows[0].last_at,
        last_rejected_at=rows[0].last_rejected_at,
    )


async def senders(
    engine: AsyncEngine, since: datetime, until: datetime, narrowed: Narrowed = ALL
) -> tuple[SenderHour, ...]:
    """Return whom senders got enrolled, by the hour in which the events came."""
    rows = await _rows(engine, sql.SENDERS, since, until, narrowed)
    return tuple(SenderHour(row.hour, row.account, row.sender, row.n) for row in rows)


async def arrivals(engine: AsyncEngine, named: Sequence[str], now: datetime) -> tuple[Arrivals, ...]:
    """Return the verified deliveries of each of these sources in the last sixteen weeks, by the hour."""
    rows = await _rows(engine, sql.ARRIVALS, hour_of(now) - SILENCE_SPAN, now, ALL, sources=list(named))
    found = {
        row.source: Arrivals(row.source, dict(zip(row.hours, row.counts, strict=True)), row.last_at) for row in rows
    }
    return tuple(found.get(source, Arrivals(source)) for source in named)


async def count_state(engine: AsyncEngine) -> CountState:
    """Return how far counting is."""
    with busy_when_gone():
        async with engine.connect() as connection:
            row = (await connection.execute(sql.STATE)).one_or_none()
    return CountState(None, None, None) if row is None else CountState(*row)


async def _rows(
    engine: AsyncEngine, statement: TextClause, since: datetime, until: datetime, narrowed: Narrowed, **more: Any
) -> Sequence[Row[Any]]:
    values = asdict(narrowed) | {"since": hour_of(since), "until": until} | more
    known = {name: values[name] for name in statement._bindparams}  # noqa: SLF001  # the names that it has
    with busy_when_gone():
        async with engine.connect() as connection:
            await connection.execute(sql.PLAN_FOR_VALUES)
            return (await connection.execute(statement, known)).all()
