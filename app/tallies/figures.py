"""What the reads of tallies return: values, no I/O. An hour, a day and a time span are those of the event's arrival."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.tallies.stages import MATCHED, Stage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What figures are narrowed to, None for all. `account` is the account's own name."""

    source: str | None = None
    rule: str | None = None
    account: str | None = None
    sequence: str | None = None
    sender: str | None = None

    @property
    def beyond_source(self) -> bool:
        """Tell whether it concerns what only a decision or an enrollment has."""
        return any(one is not None for one in (self.rule, self.account, self.sequence, self.sender))


ALL = Narrowed()


@dataclass(frozen=True, slots=True)
class Drop:
    """`n` that stand at `stage` for one class of reason; `known` is False where HubSpot lets it only be inferred."""

    stage: Stage
    reason: str
    known: bool
    n: int


@dataclass(frozen=True, slots=True)
class Funnel:
    """How far the events came that were received in a time span.

    `received` are deliveries that were rejected (each counts as one event) or repeated, and the events of all others;
    `verified` are those events, with `no_rule`: the ones that no rule listens to. These four are None where the figures
    are narrowed to a rule, an account, a sequence or a sender. `matched` are decisions that ask for something. Each of
    them stands in one of the stages from `ineligible` to `enrolled`, and `counts` has them all. `drops` are the
    reasons, the most frequent first.
    """

    received: int | None
    rejected: int | None
    repeated: int | None
    verified: int | None
    no_rule: int | None
    counts: Mapping[Stage, int]
    drops: tuple[Drop, ...] = ()

    @property
    def matched(self) -> int:
        """Return how many decisions ask for something."""
        return sum(self.counts.get(stage, 0) for stage in MATCHED)

    @property
    def eligible(self) -> int:
        """Return how many of them were not found to be for a person who may not be enrolled."""
        return self.matched - self.counts.get(Stage.INELIGIBLE, 0)

    @property
    def enrolled(self) -> int:
        """Return how many are enrolled in a sequence."""
        return self.counts.get(Stage.ENROLLED, 0)

    @property
    def replied(self) -> int:
        """Return how many of the enrolled ones replied, as far as is inferred."""
        return self.counts.get(Stage.REPLIED, 0)

    @property
    def ended(self) -> int:
        """Return of how many of the enrolled ones the end was learnt."""
        return self.counts.get(Stage.ENDED, 0)


@dataclass(frozen=True, slots=True)
class HourCount:
    """`n` in the hour that begins at `hour` (UTC)."""

    hour: datetime
    n: int


@dataclass(frozen=True, slots=True)
class DayCount:
    """`n` in the hours that begin on `day`, in the time zone that was asked for."""

    day: date
    n: int


@dataclass(frozen=True, slots=True)
class RuleTally:
    """What one rule did. `ignored` and `no_address` matched its condition, and ask for nothing."""

    rule: str
    counts: Mapping[Stage, int]
    ignored: int = 0
    no_address: int = 0

    @property
    def matched(self) -> int:
        """Return how many events met the rule's condition."""
        return self.ignored + self.no_address + sum(self.counts.get(stage, 0) for stage in MATCHED)

    @property
    def enrolled(self) -> int:
        """Return how many are enrolled."""
        return self.counts.get(Stage.ENROLLED, 0)

    @property
    def parked(self) -> int:
        """Return how many are parked now."""
        return self.counts.get(Stage.PARKED, 0)


@dataclass(frozen=True, slots=True)
class KindTally:
    """`n` stored events of one type from a source; `app.tallies.received` says what each rule received of them."""

    source: str
    type: str
    n: int


@dataclass(frozen=True, slots=True)
class SourceTally:
    """What came from one source: deliveries, except for `events` (stored) and `no_rule` (events without a rule).

    `rejections` are the classes of refusals, the most frequent first. `last_at` is the last delivery that was verified,
    whenever it came, and `last_rejected_at` the last one that was rejected; None where there was none. The source ''
    stands for all paths that are no source's.
    """

    source: str
    received: int
    verified: int
    rejected: int
    repeated: int
    handshakes: int
    events: int
    no_rule: int
    rejections: tuple[tuple[str, int], ...] = ()
    last_at: datetime | None = None
    last_rejected_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SenderHour:
    """`n` people whom a sender got enrolled, by the hour in which their events came (not that of the sending)."""

    hour: datetime
    account: str
    sender: str
    n: int


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Verified deliveries of one source: how many in each hour (none stands for 0), and when the last one came."""

    source: str
    by_hour: Mapping[datetime, int] = field(default_factory=dict)
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CountState:
    """How far counting is: the figures have what was written until `counted_until`.

    `rebuilding_from` is the hour at which a rebuild stands, None where none is under way. Hours before `kept_since`
    are not counted again: their rows may be gone.
    """

    counted_until: datetime | None
    rebuilding_from: datetime | None
    kept_since: datetime | None
