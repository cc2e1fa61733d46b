"""LOOK UP: ask the provider of a thin event, or HubSpot, for what the event lacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from app.enrichment.client import NOT_THERE_YET
from app.enrichment.portals import account_of
from app.enrollments.outcome import reason_without_reply
from app.errors import HeldError, HubSpotError, LookupFailed, LookupNotFound, Refusal, Unreadable
from app.hubspot.api.faults import Next, fault_of
from app.sources.normalised import normalised

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from app.model import Event
    from app.rules.rulebook import Rulebook
    from app.sources.base import Lookup, Provider

# The properties of a contact that are read; event.data.contact holds all of them.
PROPERTIES = ("email", "firstname", "lastname", "company", "jobtitle", "lifecyclestage", "hubspot_owner_id", "country")
NOT_FOUND = "OBJECT_NOT_FOUND"


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
            raise LookupNotFound("the source's configuration names no host to ask")
        if lookup.host:
            found = await self.ask(lookup)
        else:
            account = account_of(lookup.portal, rulebook.accounts_of(source), await self.portals())
            found = await self._contact(account, lookup.path)
        try:
            return normalised(provider.enriched(event, found), source, {}, event.received_at)
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
