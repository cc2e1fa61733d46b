"""A confirm page's form does once what it asks for: who sends it twice is led to where it led the first time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from starlette.responses import Response

from app.audit.act import current, has_noted
from app.audit.once import once_of
from app.console.page import Done, Shown
from app.console.requests import link_of
from app.errors import Busy, DoneBefore
from app.web.problems import Problem

if TYPE_CHECKING:
    from starlette.requests import Request

    from app.audit.form_store import FormStore
    from app.audit.once import Once
    from app.console.page import Visit

KEY = "once"  # the form's field
LONGEST = 100
PERSON, PLACE = "person", "{person}"  # the token of a person is not stored: its place stands for it
SENT_BEFORE = (
    "This form was sent before, and what it asks for was begun then: it was not done again. Look at what came of it, "
    "and ask anew where it is wanted once more."
)
SHOWN_BEFORE = "What this form made was shown once, and is not shown again: ask anew where it was not seen."

log = structlog.get_logger(__name__)

Act = Callable[[], Awaitable[Done | Shown | Response]]


@dataclass(frozen=True, slots=True)
class OnceOnly:
    """The forms of one process."""

    store: FormStore

    async def answer(self, request: Request, visit: Visit, act: Act) -> Done | Shown | Response:
        """Do what a form asks for, or return what it led to when it was sent before.

        Of two that are sent at once the second may find its thing done before it finds the form: whatever it would be
        answered then, the first one's answer is its own. Raises Problem.
        """
        if (once := _once(request, visit)) is None:
            return await act()
        if (found := await self._before(once, visit)) is not None:
            return found
        try:
            answer = await act()
        except (DoneBefore, Problem):
            if (found := await self._before(once, visit)) is None:
                raise
            return found
        # What changed nothing may have come second: a page that says why it was not done, or that 0 rows were changed.
        return answer if has_noted() else await self._before(once, visit) or answer

    async def keep(self, visit: Visit, done: Done) -> None:
        """Keep what the present act has led to."""
        act = current()
        if act is None or act.once is None:
            return
        person = visit.parameters.get(PERSON)
        location = done.location.replace(person, PLACE) if person else done.location
        try:
            await self.store.keep(act.once, location, done.message)
        except Busy as error:  # it was done: a form that is sent again is answered that it was sent before
            log.warning("console.answer_not_kept", error=str(error))

    async def _before(self, once: Once, visit: Visit) -> Done | None:
        found = await self.store.before(once)
        if found is None:
            return None
        if found.location is None:
            raise Problem(409, "sent-before", SENT_BEFORE)
        return Done(found.location.replace(PLACE, visit.parameters.get(PERSON, "")), found.message or "")


def _once(request: Request, visit: Visit) -> Once | None:
    """Return the form that the present act was asked for by, None where it has no key."""
    act, key = current(), visit.form.get(KEY, "")
    if act is None or not key:
        return None
    act.once = once_of(key[:LONGEST], act.who, link_of(request))
    return act.once
