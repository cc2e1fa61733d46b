"""Show what a job would be about, and begin it: counted again, and written with its row of the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from app.audit.act import acting
from app.audit.store import note
from app.bulk import statements as sql
from app.bulk.job import FIRST, MORE_THAN_COUNTED, Job, Preview
from app.bulk.kinds import kind_of
from app.bulk.limits import most_of, require_as_shown
from app.bulk.rows import job_of
from app.database.engine import busy_when_gone
from app.database.listen import BULK_READY
from app.errors import AlreadyAsked
from app.masking import masked_text, printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from app.audit.act import Act
    from app.bulk.filters import Filter
    from app.bulk.job import Kind

LONGEST_REASON = 500  # characters


class BulkAskStore:
    """Previews and begins jobs. Every method raises BulkRefused for what cannot be asked, and Busy.

    `new_id` makes ids.
    """

    def __init__(self, engine: AsyncEngine, new_id: Callable[[str], str]) -> None:
        self._engine = engine
        self._new_id = new_id

    async def preview(self, kind: str, given: Filter, *, role: str | None) -> Preview:
        """Return what a job of this kind and filter would be about, for an operator of this role."""
        chosen = kind_of(kind)
        checked = chosen.allowed.checked(given)
        with busy_when_gone():
            async with self._engine.begin() as connection:
                wanted = chosen.wanted(checked, (await connection.execute(sql.NOW)).scalar_one())
                count = await chosen.rows.count(connection, wanted, MORE_THAN_COUNTED)
                first = await chosen.rows.first(connection, wanted, FIRST)
        seconds = chosen.pace.seconds(count.rows) if count.rows < MORE_THAN_COUNTED else None
        return Preview(kind, checked, count.rows, count.may_have_been_sent, first, seconds=seconds, most=most_of(role))

    async def ask(self, kind: str, given: Filter, *, expected_count: int, reason: str | None, act: Act) -> Job:
        """Begin a job on what matches now, as part of `act`; `reason` says why, in an operator's words.

        `expected_count` is the count of the preview that the operator was shown. Raises MoreThanShown where more match
        by now, AlreadyAsked where such a job is not over yet, and TooManyForRole.
        """
        chosen = kind_of(kind)
        checked = chosen.allowed.checked(given)
        with busy_when_gone(), acting(act):
            async with self._engine.begin() as connection:
                return await self._begin(connection, chosen, checked, expected_count, reason, act)

    async def _begin(
        self, connection: AsyncConnection, kind: Kind, given: Filter, expected: int, reason: str | None, act: Act
    ) -> Job:
        await connection.execute(sql.LOCK_ASKING)
        same = {"kind": kind.name, "filter": orjson.dumps(given.as_json()).decode()}
        if (under_way := (await connection.execute(sql.UNDER_WAY, same)).scalar_one_or_none()) is not None:
            raise AlreadyAsked(under_way)
        wanted = kind.wanted(given, (await connection.execute(sql.NOW)).scalar_one())
        count = await kind.rows.count(connection, wanted, None)
        require_as_shown(count.rows, expected=expected, role=act.role)
        id_ = self._new_id("job")
        values = same | {
            "id": id_,
            "asked_by": act.who,
            "role": act.role,
            "origin": act.origin,
            "reason": None if reason is None else printable(masked_text(reason)[:LONGEST_REASON]),
            "total": count.rows,
            "asked_at": wanted.asked_at,
        }
        await connection.execute(sql.ASK, values)
        asked = {"kind": kind.name, "filter": given.as_json(), "count": count.rows, "reason": values["reason"]}
        await note(connection, target=id_, after=asked)
        await connection.execute(sql.NOTIFY, {"channel": BULK_READY})
        return job_of((await connection.execute(sql.SHOW, {"id": id_})).mappings().one())
