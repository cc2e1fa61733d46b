"""`/api/v1/rules` and `/api/v1/rulebooks`: the rules in force, those that were before, and what an event comes to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query

from app.clock import utc_now
from app.errors import NoEvent
from app.intake.stored_event import event_of
from app.model import Event
from app.reports.store import StoredReader
from app.reports.wiring import rules_in_force
from app.rules.file.documents import text_to_documents
from app.rules.revision_store import RevisionStore
from app.rules.rulebook import Rulebook
from app.rules.shown import differences, shown_documents
from app.rules.tried import read_event
from app.web.access.routes import READS
from app.web.api.common import LIMIT, UNREADABLE, Identity, Limit, Name, or_404, page, resource
from app.web.api.rules_models import RulebookDetail, RulebookPage, RulesInForceRow, TriedEvent, TryEvent
from app.web.pagination import NumberCursor
from app.web.problems import Problem

if TYPE_CHECKING:
    from app.process import Process

NOT_TRIED: dict[int | str, dict[str, Any]] = {409: {"description": "The event's payload is stored no more"}}


def routes(process: Process) -> APIRouter:
    """Return the routes."""
    router, store, reader = resource(), RevisionStore(process.engine), StoredReader(process.engine)
    in_force = rules_in_force(process)

    @router.get("/rules", response_model=RulesInForceRow)
    async def rules() -> Mapping[str, Any]:
        """Show the rules in force: what each listens to, what it does, and whether its examples pass."""
        book = in_force.book()
        listed, stored = await in_force.rules(book), or_404(await store.one(book.revision), book.revision)
        examples, failing = sum(rule.examples for rule in listed), sum(len(rule.failing) for rule in listed)
        rejected = await store.rejected()
        return {**stored, "rules": listed, "examples": examples, "failing": failing, "rejected": rejected}

    @router.post("/rules/try", response_model=TriedEvent, responses=NOT_TRIED | UNREADABLE, openapi_extra=READS)
    async def try_event(wanted: TryEvent) -> dict[str, Any]:
        """Say what an event would come to by the rules in force. Nothing is written, and nothing is sent."""
        book = in_force.book()
        return in_force.try_event(await _wanted_event(wanted, book, reader), book)

    @router.get("/rulebooks", response_model=RulebookPage)
    async def rulebooks(cursor: NumberCursor = None, limit: Limit = LIMIT) -> dict[str, Any]:
        """List the rules that were put in force, newest first."""
        return page(await store.page(cursor, limit + 1), limit, key="number")

    @router.get("/rulebooks/{revision}", response_model=RulebookDetail)
    async def rulebook(
        revision: Identity,
        against: Annotated[Name, Query(description="Another revision; the one before where none is named")] = None,
    ) -> dict[str, Any]:
        """Show the files of rules that were put in force, and what differs from those before, or from others."""
        row = or_404(await store.one(revision), revision)
        other = await store.before(row["number"]) if against is None else or_404(await store.one(against), against)
        documents = text_to_documents(row["documents"])
        diff = differences(text_to_documents(other["documents"]), documents) if other else []
        shown = [{"file": one.file, "text": one.text} for one in shown_documents(documents)]
        return {**row, "documents": shown, "against": other["revision"] if other else None, "diff": diff}

    return router


async def _wanted_event(wanted: TryEvent, book: Rulebook, reader: StoredReader) -> Event:
    """Return the event that is meant. Raises Problem where there is none."""
    if (wanted.event is None) == (wanted.event_id is None):
        raise Problem(422, "invalid-request", "Give one of event and event_id.")
    if wanted.event_id is None:
        try:
            return read_event(json.dumps(wanted.event), book, utc_now())
        except (NoEvent, RecursionError) as error:
            raise Problem(422, "invalid-request", f"The event cannot be read: {error}.") from error
    row = or_404(await reader.event(wanted.event_id), wanted.event_id)
    if row["data"] is None:
        raise Problem(409, "payload-gone", "The event's payload is stored no more, so that no rule can look at it.")
    return event_of(row)
