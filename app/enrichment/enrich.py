"""ENRICH: claim -> look up -> decide -> record, on one page: thin events are completed before the rules match them.

A lookup only reads, so that a second one does no harm. The completed event and its decisions are written in one
statement, fenced by the attempt that was claimed.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING

import structlog

from app.backoff import next_attempt
from app.clock import in_words
from app.errors import LookupFailed, LookupNotFound
from app.intake.entries import DecidedEvent
from app.model import Decision, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from app.enrichment.look_up import EnrichmentSources
    from app.enrichment.store import Enrichment, EnrichmentStore
    from app.intake.decide import Decider
    from app.model import Event
    from app.observability.metrics import Metrics
    from app.rules.rulebook import Rulebook

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Enricher:
    """Takes claimed thin events to their decisions."""

    store: EnrichmentStore
    decider: Decider
    sources: EnrichmentSources
    _: KW_ONLY
    rulebook: Callable[[], Rulebook]
    span: timedelta
    now: Callable[[], datetime]
    random: Callable[[], float]
    metrics: Metrics

    async def enrich(self, claimed: Enrichment) -> None:
        """Take one claimed thin event to its decisions, or leave it for another try. Raises FenceLost."""
        rulebook = self.rulebook()
        try:
            event = await self.sources.look_up(claimed.event, rulebook)
        except LookupNotFound as error:
            await self._finish(claimed, claimed.event, rulebook, unknown=("unknown_to_provider", str(error)))
        except LookupFailed as error:
            await self._retry(claimed, rulebook, error)
        else:
            await self._finish(claimed, event, rulebook)

    async def _retry(self, claimed: Enrichment, rulebook: Rulebook, error: LookupFailed) -> None:
        now = self.now()
        due_at = next_attempt(
            first_failed_at=claimed.first_failed_at or now,
            tries=claimed.tries,
            now=now,
            retry_after=error.retry_after,
            random=self.random(),
            span=self.span,
        )
        absent = error.tries is not None and claimed.tries + 1 >= error.tries
        if absent or due_at is None:
            gave_up = ("gave_up", f"tried for {in_words(self.span)}: {error}")
            unknown = ("unknown_to_provider", str(error)) if absent else gave_up
            await self._finish(claimed, claimed.event, rulebook, unknown=unknown)
            return
        await self.store.later(claimed, due_at=due_at, now=now, reason=error.reason, detail=str(error))
        self._observe(claimed, "retry", error.reason)

    async def _finish(
        self, claimed: Enrichment, event: Event, rulebook: Rulebook, *, unknown: tuple[str, str] | None = None
    ) -> None:
        """Decide, and write the event with its decisions. `unknown` is why the lookup gave nothing.

        A lookup whose answer holds no address has failed, too: it begins anew when the event is decided again.
        """
        decisions = self.decider.decisions(event, rulebook)
        if unknown:
            message = f"its provider could not tell more: {unknown[1]}"
            decisions = (self.decider.with_ids(Decision(Verdict.NONE, message, rulebook.revision)),)
        decided = DecidedEvent(claimed.event_id, event, decisions)
        reason, detail = unknown or ((None, None) if event.email else ("no_address", event.lacking))
        after = "failed" if reason else "done"
        accepted = await self.store.finish(claimed, decided, after=after, reason=reason, detail=detail)
        self._observe(claimed, after, reason)
        self.decider.observe(claimed.delivery_id, [decided], accepted)

    def _observe(self, claimed: Enrichment, outcome: str, reason: str | None) -> None:
        self.metrics.enriched(claimed.event.source, outcome)
        log.info(
            "event.enrichment",
            event_id=claimed.event_id,
            delivery_id=claimed.delivery_id,
            source=claimed.event.source,
            outcome=outcome,
            reason=reason,
            tries=claimed.tries,
        )
