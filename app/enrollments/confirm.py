"""The later look: does HubSpot show what it said yes to? Counted and listed, never a change of state."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from app.enrollments.evidence import is_ours
from app.errors import Refusal, SegueError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from app.model import Baseline


GONE = frozenset({400, 404})  # said of one contact: a batch that is refused whole for the sake of one is halved


class Confirmations(Protocol):
    """Where confirmations are due and kept."""

    async def claim_confirmations(self) -> Sequence[Any]:
        """Return rows of id, contact_id, sequence, sending_at that are due now."""

    async def confirm(self, confirmations: Mapping[str, str]) -> None:
        """Keep confirmations by enrollment id."""


class Contacts(Protocol):
    """Where the truth is."""

    async def baseline(self, contact_id: str) -> Baseline:
        """Return what the contact's sequence properties say now."""


class Confirmer:
    """Reads enrolled contacts again, a hundred to a call, some minutes after HubSpot's yes."""

    def __init__(self, record: Confirmations, contacts: Contacts, tell: Callable[[str], None]) -> None:
        self._record = record
        self._contacts = contacts
        self._tell = tell

    async def confirm(self) -> None:
        """Confirm what is due; who cannot be read now is due again later."""
        rows = await self._record.claim_confirmations()
        results = await asyncio.gather(*(self._look(row) for row in rows))
        found = {row.id: result for row, result in zip(rows, results, strict=True) if result is not None}
        if found:
            await self._record.confirm(found)
        for result in found.values():
            self._tell(result)

    async def _look(self, row: Any) -> str | None:
        try:
            seen = await self._contacts.baseline(row.contact_id)
        except SegueError as error:
            # What HubSpot says of the account, or of now (no scope, overload), tells nothing of the contact: later.
            return "not_seen" if says_gone(error) else None
        return confirmation(seen, wanted=row.sequence, row=row)


def says_gone(error: SegueError) -> bool:
    """Tell whether HubSpot says that there is no such contact, or none that can be asked for by this id."""
    return isinstance(error, Refusal) and error.status in GONE


def confirmation(seen: Baseline, *, wanted: str, row: Any) -> str:
    """Say what a contact shows: `seen`, `other_sequence` (a later one has taken its place), or `not_seen`."""
    if is_ours(seen.sequence, seen.date, wanted=wanted, sending_at=row.sending_at):
        return "seen"
    if seen.date is not None and seen.date >= row.sending_at and seen.sequence != wanted:
        return "other_sequence"
    return "not_seen"
