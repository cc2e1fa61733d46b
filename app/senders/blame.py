"""Whose fault a 403 is: the sender's own (its user lacks a seat, or has no connected inbox), or the account's."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from app.clock import elapsed_seconds
from app.errors import SegueError
from app.hubspot.api.account import account_details
from app.hubspot.api.faults import faults
from app.hubspot.api.sequences import list_sequences

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.errors import Refusal
    from app.hubspot.api.call import Call
    from app.hubspot.client import HubSpotClient
    from app.model import Sender
    from app.rules.rulebook import Rulebook

SENDER_FORBIDDEN = "SENDER_FORBIDDEN"
FORBIDDEN = 403
# The table gives these to the account. HubSpot's bodies for a user without a seat or inbox are not known: either fits.
AMBIGUOUS = frozenset({"FORBIDDEN", "USER_DOES_NOT_HAVE_PERMISSIONS"})
FRESH_SECONDS = 60.0


class Blame:
    """Attributes the 403s of one account: one read, which counts for a minute, tells whether the account works.

    The read lists sequences as another sender of the rules, each time the next one. Where there is no other, it reads
    the account. `elapsed` returns seconds.
    """

    def __init__(
        self,
        client: HubSpotClient,
        rulebook: Callable[[], Rulebook],
        *,
        elapsed: Callable[[], float] = elapsed_seconds,
    ) -> None:
        self._client = client
        self._rulebook = rulebook
        self._elapsed = elapsed
        self._turn = asyncio.Lock()
        self._reads = 0
        self._read_at: float | None = None
        self._works = False

    async def attribute(self, refusal: Refusal, sender: Sender) -> Refusal:
        """Return the refusal, with the code SENDER_FORBIDDEN where it is the sender's own fault.

        It stays as it is where HubSpot's code says whose fault it is, and where the read is refused or not answered.
        """
        if not _is_ambiguous(refusal) or not await self._account_works(without=sender):
            return refusal
        detail = refusal.detail if refusal.code == "FORBIDDEN" else str(refusal)
        return replace(refusal, code=SENDER_FORBIDDEN, detail=detail)

    async def _account_works(self, *, without: Sender) -> bool:
        async with self._turn:
            if self._read_at is None or self._elapsed() - self._read_at > FRESH_SECONDS:
                self._works = await self._read(without)
                self._read_at = self._elapsed()
            return self._works

    async def _read(self, without: Sender) -> bool:
        users = sorted({one.user_id for one in self._rulebook().senders.values()} - {without.user_id})
        call: Call[Any] = list_sequences(users[self._reads % len(users)]) if users else account_details()
        self._reads += 1
        try:
            await self._client.send(call)
        except SegueError:  # it was refused, or not answered: the fault stays the account's
            return False
        return True


def _is_ambiguous(refusal: Refusal) -> bool:
    return refusal.status == FORBIDDEN and (refusal.code in AMBIGUOUS or refusal.code not in faults())
