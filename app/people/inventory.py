"""INVENTORY: asked for -> each table looked through -> counted, a turn at a time, by any worker, on one page.

A turn is one table, or a second of a large one: whatever crashes, the next turn goes on where the last one ended.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from app.database.engine import STORE_TROUBLE
from app.database.schema import metadata
from app.errors import FenceLost, SegueError
from app.people.kept import OWN
from app.people.search_statements import searches

if TYPE_CHECKING:
    from app.people.forget_store import ForgetStore
    from app.people.inventory_store import InventoryStore, Taken

LEASE_SECONDS = 60.0
TURN_SECONDS = 1.0

log = structlog.get_logger(__name__)


def _named_by_persons(table: str) -> bool:
    return bool({*metadata.tables[table].primary_key.columns.keys()} & {*OWN.get(table, "").split()})


TABLES = tuple(searches())
# Their keys name people, and are not kept between two turns: these are looked through in one.
IN_ONE_TURN = frozenset(filter(_named_by_persons, TABLES))


@dataclass(frozen=True, slots=True)
class InventoryRunner:
    """Looks through everything for people, as admins ask. A turn at a large table ends after `turn` seconds."""

    store: InventoryStore
    people: ForgetStore
    turn: float = TURN_SECONDS

    async def once(self) -> float | None:
        """Take one turn; return 0 after it, None where there is none to take.

        Trouble with the store is the caller's: the turn is taken again when its lease has run out.
        """
        taken = await self.store.claim(lease=LEASE_SECONDS)
        if taken is None:
            return None
        try:
            await self._work(taken)
        except FenceLost:
            log.info("inventory.taken", inventory_id=taken.id, follows="it was dropped, or another worker has it")
        except (SegueError, *STORE_TROUBLE):
            raise
        except Exception as error:
            # A defect of ours: it would be met again and again, and keep all others waiting.
            log.exception("inventory.defect", inventory_id=taken.id)
            await self.store.finish(taken, {}, error=f"a defect ({type(error).__name__}): the log says more")
        return 0.0

    async def _work(self, taken: Taken) -> None:
        table = next((name for name in TABLES if taken.found.get(name, (0, ""))[1] is not None), None)
        if table is not None:
            await self.store.move_on(taken, table, *await self._looked(taken, table))
            return
        counts = await self.people.counted(taken.person, {name: hits for name, (hits, _) in taken.found.items()})
        await self.store.finish(taken, counts)
        log.info("inventory.done", inventory_id=taken.id)

    async def _looked(self, taken: Taken, table: str) -> tuple[int, Any]:
        """Look on through a table; return how many rows mention the person up to which key, None at its end."""
        hits, after = taken.found.get(table, (0, None))
        ends = time.monotonic() + self.turn
        async for last, hit in self.people.mentions(table, taken.person, after):
            hits += hit
            if last is not None and table not in IN_ONE_TURN and time.monotonic() >= ends:
                return hits, last
        return hits, None
