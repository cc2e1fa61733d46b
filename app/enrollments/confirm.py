"""CONFIRM: read enrolled contacts again, to find out whether HubSpot shows the enrollment. No state changes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from app.enrollments.evidence import is_ours
from app.errors import Refusal, SegueError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.enrollments.store import EnrollmentStore
    from app.hubspot.batched import BatchedHubSpot
    from app.model import Baseline

GONE = frozenset({400, 404})  # of one contact: a batch that HubSpot refuses for one of its contacts is halved


class Confirmer:
    """Reads enrolled contacts again, a hundred to a call, some minutes after HubSpot enrolled them.

    `observe` receives each result: seen, not_seen or other_sequence.
    """

    def __init__(self, store: EnrollmentStore, hubspot: BatchedHubSpot, observe: Callable[[str], None]) -> None:
        self._store = store
        self._hubspot = hubspot
        self._observe = observe

    async def confirm(self) -> None:
        """Confirm what is due; a contact that cannot be read now is due again later."""
        rows = await self._store.claim_confirmations()
        results = await asyncio.gather(*(self._read(row) for row in rows))
        found = {row["id"]: result for row, result in zip(rows, results, strict=True) if result is not None}
        if found:
            await self._store.confirm(found)
        for result in found.values():
            self._observe(result)

    async def _read(self, row: Mapping[str, Any]) -> str | None:
        try:
            seen = await self._hubspot.baseline(row["contact_id"])
        except SegueError as error:
            # A refusal of the account (no scope) or an overload says nothing about the contact: it is read later.
            return "not_seen" if is_gone(error) else None
        return confirmation(seen, row)


def is_gone(error: SegueError) -> bool:
    """Tell whether HubSpot says that no contact has this id."""
    return isinstance(error, Refusal) and error.status in GONE


def confirmation(seen: Baseline, row: Mapping[str, Any]) -> str:
    """Return what a contact shows: `seen`, `other_sequence` (a later one has replaced it), or `not_seen`."""
    sequence, sending_at = row["sequence"], row["sending_at"]
    if is_ours(seen.sequence, seen.date, wanted=sequence, sending_at=sending_at):
        return "seen"
    if seen.date is not None and seen.date >= sending_at and seen.sequence != sequence:
        return "other_sequence"
    return "not_seen"
