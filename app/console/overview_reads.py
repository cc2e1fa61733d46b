"""What the overview reads: six statements, of which most are asked once in a while, however many people look."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from app.clock import utc_now
from app.console.account_reads import read_accounts
from app.console.kept import TALLIED_SECONDS, Kept
from app.console.lists import PERIODS
from app.console.silent import kept_silence
from app.senders.pause_store import SenderPauseStore
from app.senders.status import SenderStatuses
from app.tallies import read_store as tallies

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from app.console.account_line import AccountFacts
    from app.console.context import Console
    from app.console.kept import KeptBy
    from app.senders.status import SenderStatus
    from app.tallies.figures import Funnel, HourCount, SourceTally
    from app.tallies.silence import Silence

SET_UP_SECONDS = 30.0  # longer than between two looks of a page that refreshes itself
TODAY = "24h"


@dataclass(frozen=True, slots=True)
class SetUp:
    """Senders, and accounts of the rules in force or still connected, as they were at `at`."""

    at: datetime
    senders: Sequence[SenderStatus]
    accounts: Sequence[AccountFacts]


@dataclass(frozen=True, slots=True)
class Tallied:
    """The figures of one period. `lately` are the sources of today, whatever the period."""

    funnel: Funnel
    matched: Sequence[HourCount]
    enrolled: Sequence[HourCount]
    sources: Sequence[SourceTally]
    lately: Sequence[SourceTally]


@dataclass(frozen=True, slots=True)
class Slow:
    """What is not read anew for each look.

    The silent sources with their proofs, by time zone; senders and accounts; the figures of a period, where it is a
    long one.
    """

    silent: KeptBy[ZoneInfo, Mapping[str, Silence]]
    set_up: Kept[SetUp]
    tallied: Mapping[str, Kept[Tallied]]


def slow_reads(console: Console) -> Slow:
    """Return them, none of them read yet."""
    statuses = SenderStatuses(SenderPauseStore(console.reads), lambda: console.process.rulebook.current)
    return Slow(
        kept_silence(console),
        Kept(partial(_set_up, console, statuses), SET_UP_SECONDS),
        {period: Kept(partial(_tallied, console, period), seconds) for period, seconds in TALLIED_SECONDS.items()},
    )


async def _set_up(console: Console, statuses: SenderStatuses) -> SetUp:
    at = utc_now()
    return SetUp(at, await statuses.all(), await read_accounts(console))


async def _tallied(console: Console, period: str) -> Tallied:
    """Return the figures of the period that ends now."""
    now, book, reads = utc_now(), console.process.rulebook.current, console.reads
    since, named = now - PERIODS[period], sorted(book.sources) if book else []
    return Tallied(
        *await tallies.funnel_by_hour(reads, since, now),
        *await tallies.sources_and_lately(reads, since, now - PERIODS[TODAY], now, named),
    )
