"""What the commands open that decide stored events again: the database of a service, and the rules in force there."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from app import __version__
from app.accounts.sandbox_mode import require_apart
from app.audit.act import acting, because, command_act
from app.cli.rules_file import FINDINGS
from app.cli.service_database import service_database
from app.database.installation import shared_key
from app.enrollments.operator_store import EnrollmentOperatorStore
from app.errors import RulebookError, StartError, UnknownRule
from app.intake.redecide import BY_CLI, PAGE
from app.intake.release import release_as_rules_now
from app.intake.stored_event import event_of
from app.intake.wiring import open_redecider
from app.observability.logs import hash_email
from app.observability.metrics import Metrics
from app.reports.store import StoredReader
from app.rules.example_of import Example, example_of
from app.rules.file.documents import text_to_documents
from app.rules.store import RulebookStore
from app.rules.wiring import load_rulebook
from app.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.intake.decided_again import DecidedAgain
    from app.intake.redecide import Redecider
    from app.rules.rulebook import Rulebook
    from app.settings import Settings


async def decide_events(
    environment: Mapping[str, str], event: str, rule: str, since: datetime | None, *, dry_run: bool, practice: bool
) -> list[DecidedAgain]:
    """Decide one event again, or all of a rule since then. Raises StartError where there is no such one."""
    async with redecider_of(environment, "decide", practice=practice) as (_, redecider):
        if since is not None:
            return await _decide_rule(redecider, rule, since, dry_run=dry_run)
        result = await redecider.event(event, by=BY_CLI, dry_run=dry_run)
        if result is None:
            raise StartError(f"there is no event {event!r}", exit_code=1)
        return [result]


async def _decide_rule(redecider: Redecider, rule: str, since: datetime, *, dry_run: bool) -> list[DecidedAgain]:
    """Decide all events of a rule again, oldest first, a page at a time."""
    results: list[DecidedAgain] = []
    try:
        ids = await redecider.rule(rule, since=since)
        while ids:
            found = [await redecider.event(id_, by=BY_CLI, dry_run=dry_run) for id_ in ids]
            results.extend(result for result in found if result is not None)
            ids = await redecider.rule(rule, since=since, after=ids[-1]) if len(ids) == PAGE else []
    except UnknownRule as error:
        raise StartError(f"--rule: {error}") from error
    return results


async def example_from(environment: Mapping[str, str], id_: str, *, practice: bool) -> Example:
    """Return a stored event as an example for the rules in force. Raises StartError where there is no such event."""
    async with rules_of(environment, practice=practice) as (engine, book):
        row = await StoredReader(engine).event(id_)
        if row is None:
            raise StartError(f"there is no event {id_!r}", exit_code=1)
        return example_of(event_of(row), book, readable=row["data"] is not None)


async def release_one(
    environment: Mapping[str, str],
    id_: str,
    as_rules_now: bool,  # noqa: FBT001  # as it is given on the command line
    why: str | None,
    *,
    practice: bool,
) -> tuple[str, bool]:
    """Release one parked enrollment; return what to say, and whether it was released."""
    async with redecider_of(environment, "release", practice=practice) as (engine, redecider):
        because(why)
        if as_rules_now:
            released = await release_as_rules_now(redecider, id_, by=BY_CLI)
            if released.enrollment_id is None:
                return f"{id_} was not released: {released.detail}", False
            return f"{id_} is replaced by {released.enrollment_id}", True
        if await EnrollmentOperatorStore(engine).release(id_):
            return f"{id_} is released", True
        return f"{id_} was not released: there is no parked enrollment of this id", False


@asynccontextmanager
async def redecider_of(
    environment: Mapping[str, str], command: str, *, practice: bool
) -> AsyncIterator[tuple[AsyncEngine, Redecider]]:
    """Open the database of a running service, and what decides again by the rules in force there. Raises StartError.

    What is done with it stands in the audit log as done by `command`.
    """
    async with rules_of(environment, practice=practice) as (engine, book):
        hasher = partial(hash_email, key=await shared_key(engine, "person"))
        act = command_act(command)
        act.revision = book.revision
        with acting(act):
            yield engine, open_redecider(engine, lambda: book, hash_email=hasher, metrics=Metrics(__version__))


@asynccontextmanager
async def rules_of(environment: Mapping[str, str], *, practice: bool) -> AsyncIterator[tuple[AsyncEngine, Rulebook]]:
    """Open the database of a running service, and read the rules in force there. Raises StartError."""
    settings = load_settings(environment)
    async with service_database(settings, practice=practice) as engine:
        yield engine, await _in_force(engine, settings, environment, practice=practice)


async def _in_force(
    engine: AsyncEngine, settings: Settings, environment: Mapping[str, str], *, practice: bool
) -> Rulebook:
    """Return the rules in force, as the service loads them: with the sandbox's accounts where it practises."""
    store = RulebookStore(engine)
    stored = await store.in_force()
    if stored is None:
        raise StartError("no rules are in force yet: start `segue serve` with them first")
    require_apart(await store.accounts(), practice=practice)
    try:
        documents = text_to_documents(stored.documents)
        return load_rulebook(documents, settings=settings, environment=environment, sandbox=practice)
    except RulebookError as error:
        raise StartError(f"the rules in force cannot be used here:\n{error}", exit_code=FINDINGS) from error
