"""What the commands about jobs open: the database of a service, whose workers do what is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.audit.act import acting, command_act
from app.bulk.ask_store import BulkAskStore
from app.bulk.job_store import BulkJobStore
from app.bulk.parked_store import ParkedStore
from app.cli.service_database import service_database
from app.errors import BulkRefused, JobNotMovable, StartError
from app.ids import Ids
from app.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.bulk.filters import Filter
    from app.bulk.groups import By, ParkedGroup
    from app.bulk.job import Job, Preview
    from app.bulk.states import JobState

NOT_POSSIBLE = 1


async def listed(environment: Mapping[str, str], state: JobState | None, limit: int, *, practice: bool) -> list[Job]:
    """Return the newest jobs."""
    async with service_database(load_settings(environment), practice=practice) as engine:
        return await BulkJobStore(engine).page(state=state, limit=limit)


async def groups(environment: Mapping[str, str], by: By, *, practice: bool) -> list[ParkedGroup]:
    """Return the parked enrollments in groups."""
    async with service_database(load_settings(environment), practice=practice) as engine:
        return await ParkedStore(engine).groups(by)


async def moved(environment: Mapping[str, str], move: str, job_id: str, *, practice: bool) -> Job:
    """Return a job that was moved: `move` is `pause`, `resume`, `cancel`, or `one` to look at it only.

    Raises StartError where there is none, and where its state does not allow that.
    """
    async with service_database(load_settings(environment), practice=practice) as engine:
        store = BulkJobStore(engine)
        moves = {"one": store.one, "pause": store.pause, "resume": store.resume, "cancel": store.cancel}
        try:
            with acting(command_act(f"jobs {move}")):
                job = await moves[move](job_id)
        except JobNotMovable as error:
            raise StartError(str(error), exit_code=NOT_POSSIBLE) from error
        if job is None:
            raise StartError(f"there is no job {job_id[:100]!r}", exit_code=NOT_POSSIBLE)
        return job


async def previewed(environment: Mapping[str, str], kind: str, given: Filter, *, practice: bool) -> Preview:
    """Return what a job would be about. Raises StartError for a filter that the kind does not take."""
    async with service_database(load_settings(environment), practice=practice) as engine:
        try:
            return await BulkAskStore(engine, Ids()).preview(kind, given, role=None)
        except BulkRefused as error:
            raise StartError(str(error)) from error


async def asked(
    environment: Mapping[str, str],
    kind: str,
    given: Filter,
    because: str | None,
    expect: int | None,
    *,
    practice: bool,
) -> Job:
    """Begin a job; without a number to `expect`, on all that match at this moment. Raises StartError."""
    async with service_database(load_settings(environment), practice=practice) as engine:
        asking, act = BulkAskStore(engine, Ids()), command_act(f"jobs {kind}")
        try:
            count = expect if expect is not None else (await asking.preview(kind, given, role=None)).count
            return await asking.ask(kind, given, expected_count=count, reason=because, act=act)
        except BulkRefused as error:
            raise StartError(str(error), exit_code=NOT_POSSIBLE) from error
