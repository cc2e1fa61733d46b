"""FORGET: request -> tombstone -> erase -> search -> done, on one page.

Each step is a transaction that may be repeated, so that a crash anywhere, or two processes at once, do no harm: what
is not done stands in the database, and any worker goes on with it. What is on its way to HubSpot ends first, and is
erased then. Nothing of the person is sent after the tombstone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import structlog

from app.database.engine import STORE_TROUBLE, first_line, sqlstate
from app.database.halves import MAXIMUM_REPEATS, REPEATABLE
from app.people.whole import named_person

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from app.people.forget_store import ForgetStore, Forgetting
    from app.people.whole import WholePerson

BY_API, BY_CLI, BY_CONSOLE, BY_HUBSPOT = "api", "cli", "console", "hubspot"
WAITING_SECONDS = 5.0
LOCK_NOT_AVAILABLE = "55P03"

T = TypeVar("T")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """What forgetting someone would do: the addresses and contacts found, rows by table, endpoints to notify.

    `counts["cancelled"]` are enrollments that end, `counts["waiting"]` those on their way, which end first.
    """

    emails: tuple[str, ...]
    contacts: tuple[tuple[str, str], ...]
    counts: Mapping[str, int]
    endpoints: tuple[str, ...]


class Forgetter:
    """Forgets people. Every method raises what the store raises."""

    def __init__(self, store: ForgetStore, *, new_id: Callable[[str], str], hash_email: Callable[[str], str]) -> None:
        self._store = store
        self._new_id = new_id
        self._hash_email = hash_email

    async def plan(self, address: str) -> Plan:
        """Return what forgetting this person would do. Raises ValueError where the address names none."""
        person = await self._store.whole(await self._store.named(address))
        counts, endpoints = await self._store.plan(person), await self._store.endpoints()
        return Plan(person.emails, person.contacts, counts, tuple(endpoints))

    async def begin(self, address: str, *, by: str) -> Forgetting:
        """Begin to forget a person: afterwards no event enrolls them, and their own rows are erased.

        The rest is done by `work`. Raises ValueError where the address is blank.
        """
        id_ = await self._request(named_person(address), by)
        log.info(
            "person.forgetting", forgetting_id=id_, by=by, person=self._hash_email(named_person(address).emails[0])
        )
        await self._begun(id_)
        return await self._shown(id_)

    async def begin_contacts(self, accounts: Iterable[str], contacts: Iterable[tuple[str, str]]) -> None:
        """Note the contacts (portal, contact id) that HubSpot has deleted for privacy, in any of these accounts."""
        names = list(accounts)
        for portal, contact in contacts:
            id_ = self._new_id("fgt")
            if await self._store.request_contact(id_, portal, contact, names, by=BY_HUBSPOT):
                log.info("person.forgetting", forgetting_id=id_, by=BY_HUBSPOT)

    async def finish(self, id_: str) -> bool:
        """Go on with a request as far as possible now; return whether it is done."""
        if (await self._shown(id_)).done_at is not None:
            return True
        if not await self._begun(id_):
            return False
        await _repeated(lambda: self._store.search(id_))
        if not await _repeated(lambda: self._store.erase(id_, finish=True)):
            return False
        log.info("person.forgotten", forgetting_id=id_, counts=dict((await self._shown(id_)).counts))
        return True

    async def work(self) -> float | None:
        """Go on with all requests; return the seconds until it is worth another look, None where all are done.

        Raises what the first of them raised, after it has tried them all.
        """
        done, failed = [], list[Exception]()
        for id_ in await self._store.open():
            try:
                done.append(await self.finish(id_))
            except Exception as error:  # noqa: BLE001  # raised below: one request must not keep others waiting
                failed.append(error)
        if failed:
            raise failed[0]
        return None if all(done) else WAITING_SECONDS

    async def shown(self, id_: str) -> Forgetting | None:
        """Return a request, None where there is none."""
        return await self._store.show(id_)

    async def page(self, after: str | None, limit: int) -> list[Forgetting]:
        """Return up to `limit` requests below the id `after`, newest first."""
        return await self._store.page(after, limit)

    async def lift(self, address: str, *, by: str) -> bool:
        """Let a person who has come back be enrolled again; return whether they were forgotten.

        Raises ValueError where the address is blank, and StillForgetting while that is not done.
        """
        person = named_person(address)
        id_ = await self._store.lift(person)
        if id_ is not None:
            log.info("person.lifted", forgetting_id=id_, by=by, person=self._hash_email(person.emails[0]))
        return id_ is not None

    async def _request(self, person: WholePerson, by: str) -> str:
        id_ = self._new_id("fgt")
        await self._store.request(id_, person, by=by)
        return id_

    async def _begun(self, id_: str) -> bool:
        """Write the tombstones and erase the person's own rows; return whether nothing is on its way any more."""
        await _repeated(lambda: self._store.bury(id_))
        return await _repeated(lambda: self._store.erase(id_))

    async def _shown(self, id_: str) -> Forgetting:
        shown = await self._store.show(id_)
        if shown is None:
            raise AssertionError("a request is never deleted while it is worked on")
        return shown


async def _repeated(step: Callable[[], Awaitable[T]]) -> T:
    """Run a step, again after a deadlock, or where others had the lock for too long: nothing was written then."""
    for repeat in range(1, MAXIMUM_REPEATS + 1):
        try:
            return await step()
        except STORE_TROUBLE as error:
            if sqlstate(error) not in {*REPEATABLE, LOCK_NOT_AVAILABLE} or repeat == MAXIMUM_REPEATS:
                raise
            log.info("person.forgetting_repeated", error=first_line(error))
    raise AssertionError("unreachable: the last repeat returns or raises")
