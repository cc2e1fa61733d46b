"""What an admin does about a person: look through everything, export, forget, let come back.

The person stands in URLs as a token, and nowhere in the audit log.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from app.console.erasure_words import STAYS, inventory_in_words, own_in_words, rows_counted, rows_of
from app.console.page import REASON, ROOT, Confirm, Done, Pages, Row, Visit
from app.console.text import counted, masked, number
from app.database.engine import busy_when_gone
from app.errors import StillForgetting
from app.ids import Ids
from app.operators import Role
from app.people.export_store import ExportStore
from app.people.forget import BY_CONSOLE
from app.people.forget_store import ForgetStore
from app.people.inventory_store import MOST, InventoryStore
from app.people.whole import named_person
from app.web.problems import Problem
from app.web.slow_answers import json_answer

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine
    from starlette.responses import Response

    from app.console.people import People
    from app.process import Process

WHY = replace(REASON, hint="A ticket's number, say; do not name the person: the audit log stays")
NO_INVENTORY = (
    "Not everything was looked through: what else mentions the person is erased, too, and is not counted here."
)
FILE = 'attachment; filename="person.json"'


def add(pages: Pages, process: Process, reads: AsyncEngine, people: People) -> None:
    """Add the export and the changes."""
    path, changes = "/erasure/{person}", _Changes(process, reads, people, Ids())
    pages.change(f"{path}/inventory", changes.ask_inventory, changes.look_through, Role.ADMIN)
    pages.show(f"{path}/export", "", role=Role.ADMIN, method="POST", audited=True)(changes.export)
    pages.change(f"{path}/forget", changes.ask_forget, changes.forget, Role.ADMIN)
    pages.change(f"{path}/lift", changes.ask_lift, changes.lift, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class _Changes:
    process: Process
    reads: AsyncEngine
    people: People
    ids: Ids

    async def ask_inventory(self, visit: Visit) -> Confirm:
        name = masked(await self.people.named(visit))
        return Confirm(
            title=f"Look through everything for {name}?",
            button="Look through everything",
            back=_url(visit),
            consequences=(
                "A worker reads every row that is kept once, bodies of requests, too: minutes on a large database.",
                "Nothing is changed. What is found is counted by table, and stands on the person's page for a day.",
            ),
            fields=(WHY,),
        )

    async def look_through(self, visit: Visit) -> Done:
        address = await self.people.named(visit)
        with busy_when_gone():
            person = await ForgetStore(self.process.engine).whole(named_person(address))
            begun = await InventoryStore(self.process.engine).ask(self.ids("inv"), address, person)
        said = "Everything is being looked through." if begun else "Everything is being looked through already."
        return Done(_url(visit), said)

    async def export(self, visit: Visit) -> Response:
        address = await self.people.named(visit)
        return await json_answer(ExportStore(self.process.engine).document(address), {"Content-Disposition": FILE})

    async def ask_forget(self, visit: Visit) -> Confirm:
        address = await self.people.named(visit)
        name, inventories = masked(address), InventoryStore(self.reads)
        with busy_when_gone():
            person = await ForgetStore(self.reads).whole(named_person(address), most=MOST)
            own, inventory = await inventories.own(person), await inventories.show(address)
        return Confirm(
            title=f"Forget {name} for good?",
            button="Forget this person",
            back=_url(visit),
            consequences=(
                own_in_words(name, own.counts, len(person.emails), len(person.contacts)),
                inventory_in_words(inventory, name, visit.now) if inventory else NO_INVENTORY,
                "All that names the person is erased, also what comes in meanwhile. It cannot be taken back.",
                "What waits is cancelled; what is on its way to HubSpot ends first, and is erased then.",
                *STAYS,
            ),
            count=rows_counted(own.counts),
            flows=True,
            sample=tuple(Row(words, aside=f"{number(count)}") for words, count in rows_of(own.counts)),
            parts=True,
            fields=(WHY,),
            grave=True,
        )

    async def forget(self, visit: Visit) -> Done:
        address = await self.people.named(visit)
        with busy_when_gone():
            begun = await (await self.process.forgetter()).begin(address, by=BY_CONSOLE)
        return Done(f"{ROOT}/erasure/receipts/{begun.id}", "The person is not enrolled any more, and is being erased.")

    async def ask_lift(self, visit: Visit) -> Confirm:
        address = await self.people.named(visit)
        name = masked(address)
        with busy_when_gone():
            held = await InventoryStore(self.reads).by_hash(named_person(address))
        intents, entries = counted(held["intents"], "intent"), counted(held["suppressions"], "suppression")
        return Confirm(
            title=f"Let {name} be enrolled again?",
            button="Let the person come back",
            back=_url(visit),
            consequences=(
                "The tombstone goes: events of this address enroll the person again, as the rules say.",
                f"What it held counts for the address again: {intents}, {entries}.",
                "Nothing that was erased comes back.",
            ),
            count=sum(held.values()),
            flows=True,
            fields=(WHY,),
        )

    async def lift(self, visit: Visit) -> Done:
        address = await self.people.named(visit)
        with busy_when_gone():
            try:
                lifted = await (await self.process.forgetter()).lift(address, by=BY_CONSOLE)
            except StillForgetting as error:
                raise Problem(409, "wrong-state", f"{error}.") from error
        if not lifted:
            raise Problem(409, "wrong-state", "This person was not forgotten.")
        return Done(_url(visit), "The person can be enrolled again.")


def _url(visit: Visit) -> str:
    return f"{ROOT}/erasure/{visit.parameters['person']}"
