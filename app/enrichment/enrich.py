"""ENRICH: claim -> look up -> decide -> record, on one page: thin events are completed before the rules match them.

A lookup only reads, so that a second one does no harm. The completed event and its decisions are written in one
statement, fenced by the attempt that was claimed.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from app.backoff import next_attempt
from app.enrichment.client import NOT_THERE_YET
from app.enrichment.portals import account_of
from app.enrollments.outcome import reason_without_reply
from app.errors import HeldError, HubSpotError, LookupFailed, LookupNotFound, Refusal, Unreadable
from app.hubspot.api.faults import Next, fault_of
from app.intake.entries import DecidedEvent
from app.model import Decision, Verdict
from app.sources.field_map import mapped

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping
    from datetime import datetime, timedelta

    from app.enrichment.store import Enrichment, EnrichmentStore
    from app.intake.decide import Decider
    from app.model import Event
    from app.observability.metrics import Metrics
    from app.rules.rulebook import Rulebook
    from app.sources.base import Lookup, Provider

# The properties of a contact that are read; event.data.contact holds all of them.
PROPERTIES = ("email", "firstname", "lastname", "company", "jobtitle", "lifecyclestage", "hubspot_owner_id", "country")
NOT_FOUND = "OBJECT_NOT_FOUND"

log = structlog.get_logger(__name__)


class Contacts(Protocol):
    """The contacts of one HubSpot account."""

    async def read(self, contact_id: str, names: Iterable[str]) -> Mapping[str, str | None]:
        """Return the named properties of the contact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrichmentSources:
    """Looks a thin event up at its provider or in HubSpot.

    `contacts` returns the contacts of an account, `portals` the portal id of each account as far as it is known.
    """

    providers: Mapping[str, Provider]
    ask: Callable[[Lookup], Awaitable[Any]]
    contacts: Callable[[str], Contacts]
    portals: Callable[[], Awaitable[Mapping[str, str]]]

    async def look_up(self, event: Event, rulebook: Rulebook) -> Event:
        """Return the event with the facts of its lookup. Raises LookupFailed and LookupNotFound."""
        source = rulebook.sources.get(event.source)
        provider = self.providers[source.provider] if source else None
        lookup = provider.lookup(event, source) if provider and source else None
        if provider is None or source is None or lookup is None:
            raise LookupNotFound("the source is configured in a way that nobody can be asked")
        if lookup.host:
            found = await self.ask(lookup)
        else:
            account = account_of(lookup.portal, rulebook.accounts_of(source), await self.portals())
            found = await self._contact(account, lookup.path)
        try:
            return mapped(provider.enriched(event, found), source, {})
        except Unreadable as error:
            raise LookupNotFound(f"what was answered cannot be read: {error}") from error

    async def _contact(self, account: str, contact_id: str) -> Mapping[str, str | None]:
        """Read a contact in HubSpot. The fault table decides whether a refusal is final, as it does for enrollments."""
        contacts = self.contacts(account)
        try:
            return await contacts.read(contact_id, PROPERTIES)
        except Refusal as refusal:
            message = f"HubSpot: {refusal.code}"
            if refusal.code == NOT_FOUND:
                raise LookupFailed(refusal.code, message, tries=NOT_THERE_YET) from refusal
            if fault_of(refusal.code).next is Next.REFUSE:
                raise LookupNotFound(message) from refusal
            raise LookupFailed(refusal.code, message, refusal.retry_after) from refusal
        except HubSpotError as error:
            reason = reason_without_reply(error)
            raise LookupFailed(reason, str(error)) from error
        except HeldError as error:  # the daily limit is used up, or HubSpot demands a long pause: a later try may work
            raise LookupFailed(error.reason, str(error)) from error


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
            unknown = ("unknown_to_provider", str(error)) if absent else ("gave_up", f"tried for {self.span}: {error}")
            await self._finish(claimed, claimed.event, rulebook, unknown=unknown)
            return
        await self.store.later(claimed, due_at=due_at, now=now, reason=error.reason, detail=str(error))
        self._observe(claimed, "retry", error.reason)

    async def _finish(
        self, claimed: Enrichment, event: Event, rulebook: Rulebook, *, unknown: tuple[str, str] | None = None
    ) -> None:
        """Decide, and write the event with its decisions. `unknown` is why the lookup gave nothing."""
        decisions = self.decider.decisions(event, rulebook)
        if unknown:
            message = f"its provider could not tell more: {unknown[1]}"
            decisions = (self.decider.with_ids(Decision(Verdict.NONE, message, rulebook.revision)),)
        decided = DecidedEvent(claimed.event_id, event, decisions)
        reason, detail = unknown or (None, None)
        after = "failed" if unknown else "done"
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
