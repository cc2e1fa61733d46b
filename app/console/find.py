"""From what a person types into the find box to the page that it names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from app.console.page import ROOT
from app.console.source_changes import url_of
from app.database.engine import busy_when_gone
from app.masking import masked_text
from app.operators import Role

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from app.bulk.job_store import BulkJobStore
    from app.console.people import People
    from app.people.forget_store import ForgetStore
    from app.reports.find_store import FindStore

LONGEST = 320
_ID = re.compile(r"(evt|enr|dec|dlv|job)_[0-9a-z]{1,60}")
_CONTACT = re.compile(r"[0-9]{1,20}")
NOTHING_TYPED = "Write an address, an id, or the number of a contact in HubSpot."
TRY_ADDRESS = (
    "An address finds its person, whatever is stored: a*** stands for the rest of it on pages, so write it whole."
)
TRY_ID = "Ids begin with evt_, enr_, dec_, dlv_ or job_, and are written whole."
TRY_CONTACT = "A contact of HubSpot is found by its number where one was enrolled by Segue: else look for the address."
PASSED = "Deliveries are stored for the retention, rejected ones for a day: what came of one is found by its person."


@dataclass(frozen=True, slots=True)
class NotFound:
    """Why nothing was found, and what to try."""

    sentence: str
    tries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds what was typed."""

    store: FindStore
    jobs: BulkJobStore
    people: People
    forgets: ForgetStore

    async def page_of(self, typed: str, accounts: Sequence[str], role: Role) -> str | NotFound:
        """Return the URL of what was typed, for a person of `role`. Raises Busy.

        `accounts` are those of HubSpot by their own names.
        """
        text = typed.strip()[:LONGEST]
        if not text:
            return NotFound(NOTHING_TYPED, (TRY_ADDRESS, TRY_ID))
        if "@" in text and (address := await self._address(text)):
            return f"{ROOT}/people/{await self.people.token_of(address)}"
        if _ID.fullmatch(text.lower()):
            return await self._of_id(text.lower(), role)
        if _CONTACT.fullmatch(text):
            email = await self.store.person_of_contact(text, accounts)
            if email is not None:
                return f"{ROOT}/people/{await self.people.token_of(email)}"
            return NotFound(f"No enrollment of the contact {text} is stored.", (TRY_CONTACT,))
        return NotFound(f"“{masked_text(text)[:100]}” is no address and no id.", (TRY_ADDRESS, TRY_ID))

    async def _address(self, text: str) -> str | None:
        try:
            with busy_when_gone():
                return (await self.forgets.named(text)).emails[0]
        except ValueError:
            return None

    async def _of_id(self, id_: str, role: Role) -> str | NotFound:
        find: dict[str, Callable[[str], Awaitable[str | None]]] = {
            "evt": self._event,
            "enr": self._enrollment,
            "dec": self._decision,
            "dlv": partial(self._delivery, role=role),
        }
        url = await find.get(id_.partition("_")[0], self._job)(id_)
        if url is not None:
            return url
        return NotFound(f"Nothing has the id {id_}.", (PASSED,) if id_.startswith("dlv_") else (TRY_ID,))

    async def _event(self, id_: str) -> str | None:
        return f"{ROOT}/events/{id_}" if await self.store.has_event(id_) else None

    async def _enrollment(self, id_: str) -> str | None:
        return f"{ROOT}/enrollments/{id_}" if await self.store.has_enrollment(id_) else None

    async def _decision(self, id_: str) -> str | None:
        event = await self.store.event_of_decision(id_)
        return f"{ROOT}/events/{event}#{id_}" if event else None

    async def _delivery(self, id_: str, *, role: Role) -> str | None:
        """Return the page of a delivery's event, of a rejected one, or of its source where it may not be looked at."""
        found = await self.store.delivery(id_)
        if found is None:
            return None
        if found.event_id:
            return f"{ROOT}/events/{found.event_id}"
        shown = found.rejected and role.may(Role.OPERATOR)
        return url_of(found.source, f"/rejected/{id_}" if shown else "")

    async def _job(self, id_: str) -> str | None:
        return f"{ROOT}/jobs/{id_}" if await self.jobs.one(id_) else None
